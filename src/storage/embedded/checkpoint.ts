import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { LogPlace } from "./log.ts";

/** How far the read models have followed the ledger, and what they have counted on the way. */
export interface Checkpoint {
  /** Where the next line starts. */
  readonly place: LogPlace;
  /** Checksum of the segment's bytes up to `place.offset`. */
  readonly crc: number;
  /** Name of the rotated segment before this one: tells a replaced archive from our own. */
  readonly previousSegment: string;
  /** Lines read so far, archives included. */
  readonly lines: number;
  readonly head: number;
  /** The highest number that an event id of our own form ends in, at least `head`. */
  readonly lastNumber: number;
  readonly known: number;
  readonly foreign: number;
  readonly corrupt: number;
  readonly lastEventId: string;
  /** True once some event id did not end in its own position: then every id is in `event_ids`. */
  readonly indexesIds: boolean;
  /** Projections that the ledger says are stale. */
  readonly stale: readonly string[];
  /** Jobs by type and status: `{type: {status: count}}`. */
  readonly tally: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export const EMPTY_CHECKPOINT: Checkpoint = {
  place: { segment: 0, offset: 0 },
  crc: 0,
  previousSegment: "",
  lines: 0,
  head: 0,
  lastNumber: 0,
  known: 0,
  foreign: 0,
  corrupt: 0,
  lastEventId: "",
  indexesIds: false,
  stale: [],
  tally: {},
};

/** Reads and writes the checkpoint row; writing belongs into the transaction it speaks of. */
export class CheckpointRow {
  readonly #database: DatabaseSync;
  readonly #write: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#write = database.prepare("INSERT OR REPLACE INTO meta VALUES ('checkpoint', ?)");
  }

  read(): Checkpoint | undefined {
    const row = this.#database.prepare("SELECT value FROM meta WHERE key = 'checkpoint'").get();
    return row === undefined ? undefined : (JSON.parse(String(row["value"])) as Checkpoint);
  }

  write(checkpoint: Checkpoint): void {
    this.#write.run(JSON.stringify(checkpoint));
  }
}
