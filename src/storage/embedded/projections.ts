/**
 * The read models of one database: jobs, places of events, exceptions, and the checkpoint. Two ways
 * lead in: `apply` takes a batch that was just synced and keeps it in memory until there is enough
 * for a transaction, `replay.ts` folds lines of the ledger. A transaction writes the checkpoint with
 * what led to it, so a database is always exactly at its checkpoint; what it has not seen when the
 * process dies is in the ledger, and the next open folds it.
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
import { StagedRows } from "./staged-rows.ts";

/** Changed jobs that wait at the most: enough to share a transaction's price, few to write at once. */
const STAGED_JOBS_MAX = 512;
/** Bytes of ledger behind them at the most, for jobs with large payloads. */
const STAGED_BYTES_MAX = 4 * 1024 * 1024;
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
  readonly rows: StagedRows;
  /** Of all that was taken in, written or not. */
  checkpoint: Checkpoint;
  /** Of what is in the database. */
  #written: Checkpoint;
  readonly #jobs: JobRows;
  #places: { readonly numbered: NumberedEvent; readonly place: LogPlace }[] = [];
  #stagedBytes = 0;
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
    this.#jobs = new JobRows(database);
    this.rows = new StagedRows(this.#jobs, () => this.flush());
    this.#checkpointRow = new CheckpointRow(database);
    this.checkpoint = this.#checkpointRow.read() ?? EMPTY_CHECKPOINT;
    this.#written = this.checkpoint;
    this.#recount();
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
    const { events, changes, segment, starts, reached } = batch;
    for (const [index, numbered] of events.entries()) {
      if (!this.#isPlaced(numbered.position)) continue;
      this.#places.push({ numbered, place: { segment, offset: starts[index] ?? 0 } });
    }
    for (const change of changes) {
      this.rows.stage(change);
      this.#countChange(change);
    }
    const { checkpoint } = this;
    this.#stagedBytes += Math.max(0, reached.place.offset - (starts[0] ?? 0));
    this.reach({
      ...checkpoint,
      ...reached,
      lines: checkpoint.lines + events.length,
      head: checkpoint.head + events.length,
      lastNumber: checkpoint.lastNumber + events.length,
      known: checkpoint.known + events.length,
      lastEventId: events.at(-1)?.event.event_id ?? checkpoint.lastEventId,
      stale: events.reduce((stale, { event }) => foldStale(stale, event), checkpoint.stale),
    });
    if (this.rows.size >= STAGED_JOBS_MAX || this.#stagedBytes >= STAGED_BYTES_MAX) this.flush();
  }

  /** Brings the database to the checkpoint. On a throw everything still waits, and is still read. */
  flush(): void {
    if (this.checkpoint === this.#written || this.database.isTransaction) return;
    this.database.exec("BEGIN");
    try {
      for (const { numbered, place } of this.#places) this.place(numbered, place);
      this.rows.write();
      this.#checkpointRow.write(this.checkpoint);
      this.database.exec("COMMIT");
    } catch (error) {
      if (this.database.isTransaction) this.database.exec("ROLLBACK");
      throw error;
    }
    this.rows.forget();
    this.#places = [];
    this.#stagedBytes = 0;
    this.#written = this.checkpoint;
  }

  /** Writes what waits, then what `work` does; on a throw all is as it was before `work`. */
  transaction(work: () => void): void {
    this.flush();
    this.database.exec("BEGIN");
    try {
      work();
      this.#checkpointRow.write(this.checkpoint);
      this.database.exec("COMMIT");
      this.#written = this.checkpoint;
    } catch (error) {
      this.checkpoint = this.#written;
      this.#recount();
      if (this.database.isTransaction) this.database.exec("ROLLBACK");
      throw error;
    }
  }

  /** Closes the database. What could not be written is folded by the next open. */
  close(): void {
    if (!this.database.isOpen) return;
    try {
      this.flush();
    } catch {
      // The ledger has it all; a damaged database is found out, and remade, when it is opened.
    }
    this.database.close();
  }

  /** Writes one job row and keeps the tally; belongs into a transaction. */
  change(change: JobChange): void {
    if (change.before === undefined) this.#jobs.insert(change.after);
    else this.#jobs.update(change.after);
    this.#countChange(change);
  }

  /** Notes where an event lies, so far as reading it later needs that; in a transaction. */
  place({ position, event }: NumberedEvent, place: LogPlace): void {
    if (position % MARK_EVERY === 1) this.#insertMark.run(position, place.segment, place.offset);
    if (this.checkpoint.indexesIds) this.#insertId.run(columnText(event.event_id), position);
  }

  skip({ place, lineNumber, kind, reason }: Skip): void {
    this.#insertSkip.run(place.segment, place.offset, lineNumber, kind, reason);
  }

  /** Moves the checkpoint on, with the tally as it is now. */
  reach(reached: Omit<Checkpoint, "tally">): void {
    const tally = Object.fromEntries(
      [...this.#tally].map(([type, statuses]) => [type, Object.fromEntries(statuses)]),
    );
    this.checkpoint = { ...reached, tally };
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
    this.flush();
    const position = this.#positionOfId.get(columnText(eventId))?.["position"];
    return typeof position === "number" ? position : undefined;
  }

  #isPlaced(position: number): boolean {
    return this.checkpoint.indexesIds || position % MARK_EVERY === 1;
  }

  /** Sets the counts back to those of the checkpoint. */
  #recount(): void {
    this.#tally.clear();
    for (const [type, statuses] of Object.entries(this.checkpoint.tally)) {
      this.#tally.set(type, new Map(Object.entries(statuses)));
    }
  }

  #countChange({ before, after }: JobChange): void {
    if (before !== undefined) this.#count(before, -1);
    this.#count(after, 1);
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
