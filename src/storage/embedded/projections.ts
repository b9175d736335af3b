/**
 * The read models of one database: jobs, places of events, exceptions, and the checkpoint. Two ways
 * lead in: `apply` takes a batch that was just synced, `replay.ts` folds lines of the ledger. Both
 * end in `commit`, so a database is always exactly at its checkpoint.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { NumberedEvent } from "../../kernel/job/events.ts";
import { foldStale } from "../../kernel/job/projection.ts";
import type { JobState } from "../../kernel/job/state.ts";
import type { JobChange } from "../store.ts";
import { type Checkpoint, CheckpointRow, EMPTY_CHECKPOINT } from "./checkpoint.ts";
import { columnText } from "./database.ts";
import type { LogPlace } from "./log.ts";
import { JobRows } from "./rows.ts";

/** One mark every so many events: the longest walk from a mark to an event. */
const MARK_EVERY = 256;

export type SkipKind = "corrupt" | "duplicate" | "foreign";

/** A line that is not an event of the contract: broken, seen before, or of an unknown type. */
export interface Skip {
  readonly place: LogPlace;
  readonly lineNumber: number;
  readonly kind: SkipKind;
  readonly reason: string;
}

export class Projections {
  readonly database: DatabaseSync;
  readonly rows: JobRows;
  checkpoint: Checkpoint;
  readonly #checkpointRow: CheckpointRow;
  readonly #tally: Map<string, Map<string, number>> = new Map();
  readonly #insertMark: StatementSync;
  readonly #insertSkip: StatementSync;
  readonly #insertId: StatementSync;
  readonly #markBefore: StatementSync;
  readonly #skipsIn: StatementSync;
  readonly #positionOfId: StatementSync;

  constructor(database: DatabaseSync) {
    this.database = database;
    this.rows = new JobRows(database);
    this.#checkpointRow = new CheckpointRow(database);
    this.checkpoint = this.#checkpointRow.read() ?? EMPTY_CHECKPOINT;
    for (const [type, statuses] of Object.entries(this.checkpoint.tally)) {
      this.#tally.set(type, new Map(Object.entries(statuses)));
    }
    this.#insertMark = database.prepare("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)");
    this.#insertSkip = database.prepare("INSERT OR REPLACE INTO skips VALUES (?, ?, ?, ?, ?)");
    this.#insertId = database.prepare("INSERT OR IGNORE INTO event_ids VALUES (?, ?)");
    this.#markBefore = database.prepare(`SELECT position, segment, byte_offset FROM marks
      WHERE position <= ? ORDER BY position DESC LIMIT 1`);
    this.#skipsIn = database.prepare(
      "SELECT byte_offset, kind FROM skips WHERE segment = ? AND byte_offset >= ? AND byte_offset < ?",
    );
    this.#positionOfId = database.prepare("SELECT position FROM event_ids WHERE event_id = ?");
  }

  /** Takes a synced batch in: `starts[i]` is where the line of `events[i]` begins. */
  apply(batch: AppliedBatch): void {
    this.transaction(() => {
      for (const [index, numbered] of batch.events.entries()) {
        this.place(numbered, { segment: batch.segment, offset: batch.starts[index] ?? 0 });
      }
      for (const change of batch.changes) this.change(change);
      const { checkpoint } = this;
      this.commit({
        ...checkpoint,
        ...batch.reached,
        lines: checkpoint.lines + batch.events.length,
        head: checkpoint.head + batch.events.length,
        lastNumber: checkpoint.lastNumber + batch.events.length,
        known: checkpoint.known + batch.events.length,
        lastEventId: batch.events.at(-1)?.event.event_id ?? checkpoint.lastEventId,
        stale: batch.events.reduce((stale, { event }) => foldStale(stale, event), checkpoint.stale),
      });
    });
  }

  /** Runs `work` in one transaction; on a throw the database and the counts are as before. */
  transaction(work: () => void): void {
    const { checkpoint } = this;
    this.database.exec("BEGIN");
    try {
      work();
      this.database.exec("COMMIT");
    } catch (error) {
      this.checkpoint = checkpoint;
      this.#tally.clear();
      for (const [type, statuses] of Object.entries(checkpoint.tally)) {
        this.#tally.set(type, new Map(Object.entries(statuses)));
      }
      if (this.database.isTransaction) this.database.exec("ROLLBACK");
      throw error;
    }
  }

  /** Writes one job row and keeps the tally. */
  change({ before, after }: JobChange): void {
    if (before === undefined) {
      this.rows.insert(after);
    } else {
      this.rows.update(after);
      this.#count(before, -1);
    }
    this.#count(after, 1);
  }

  /** Notes where an event lies, so far as reading it later needs that. */
  place({ position, event }: NumberedEvent, place: LogPlace): void {
    if (position % MARK_EVERY === 1) this.#insertMark.run(position, place.segment, place.offset);
    if (this.checkpoint.indexesIds) this.#insertId.run(columnText(event.event_id), position);
  }

  skip({ place, lineNumber, kind, reason }: Skip): void {
    this.#insertSkip.run(place.segment, place.offset, lineNumber, kind, reason);
  }

  /** Ends a transaction's work: the checkpoint with the tally as it is now. */
  commit(reached: Omit<Checkpoint, "tally">): void {
    const tally = Object.fromEntries(
      [...this.#tally].map(([type, statuses]) => [type, Object.fromEntries(statuses)]),
    );
    this.checkpoint = { ...reached, tally };
    this.#checkpointRow.write(this.checkpoint);
  }

  /** The nearest known place at or before a position. */
  markBefore(position: number): { readonly position: number; readonly place: LogPlace } {
    const row = this.#markBefore.get(position);
    if (row === undefined) return { position: 1, place: { segment: 0, offset: 0 } };
    return {
      position: Number(row["position"]),
      place: { segment: Number(row["segment"]), offset: Number(row["byte_offset"]) },
    };
  }

  /** Exceptions among the lines that start in a stretch of a segment, by offset. */
  skipsIn(segment: number, from: number, to: number): ReadonlyMap<number, SkipKind> {
    const rows = this.#skipsIn.all(segment, from, to);
    return new Map(rows.map((row) => [Number(row["byte_offset"]), row["kind"] as SkipKind]));
  }

  skips(kind: SkipKind): readonly Skip[] {
    const rows = this.database
      .prepare("SELECT * FROM skips WHERE kind = ? ORDER BY line_number")
      .all(kind);
    return rows.map((row) => ({
      place: { segment: Number(row["segment"]), offset: Number(row["byte_offset"]) },
      lineNumber: Number(row["line_number"]),
      kind,
      reason: String(row["reason"]),
    }));
  }

  /** Position of an id in `event_ids`; only meaningful when the checkpoint indexes ids. */
  indexedPositionOf(eventId: string): number | undefined {
    const position = this.#positionOfId.get(columnText(eventId))?.["position"];
    return typeof position === "number" ? position : undefined;
  }

  #count(job: JobState, by: number): void {
    const statuses = this.#tally.get(job.job_type) ?? new Map<string, number>();
    statuses.set(job.status, (statuses.get(job.status) ?? 0) + by);
    this.#tally.set(job.job_type, statuses);
  }
}

export interface AppliedBatch {
  readonly events: readonly NumberedEvent[];
  readonly changes: readonly JobChange[];
  readonly segment: number;
  readonly starts: readonly number[];
  readonly reached: Pick<Checkpoint, "place" | "crc" | "previousSegment">;
}
