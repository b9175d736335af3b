/**
 * A fold of the ledger beside the read models in use, in temporary tables of one connection: they
 * are nobody else's, are not logged, and go with the connection.
 */
import type { LedgerEvent, NumberedEvent } from "../../kernel/job/events.ts";
import { fold, type JobState } from "../../kernel/job/state.ts";
import type { Progress } from "../maintenance.ts";
import type { JobChange, StoredLine } from "../store.ts";
import type { Bounds, Connection } from "./connection.ts";
import type { Dialer } from "./dialer.ts";
import { advanced, EMPTY_HEAD, type Head, headOf, readHead } from "./head.ts";
import { lineOf, linesAfter } from "./lines.ts";
import { jobOf, jobsById, putJobs } from "./rows.ts";
import { countChanges } from "./tally.ts";

const CHUNK_EVENTS = 2_000;
/** Operators' work has no limit of time, but a lock is waited for as long as by anybody. */
const MAINTENANCE_BOUNDS: Bounds = {
  statementMsMax: 0,
  lockMsMax: 15_000,
  idleInTransactionMsMax: 60_000,
};

/** Runs `work` with a connection and an empty fold, which are gone afterwards. */
export async function withScratch<T>(
  dialer: Dialer,
  work: (scratch: Scratch) => Promise<T>,
): Promise<T> {
  const connection = await dialer.open(MAINTENANCE_BOUNDS);
  try {
    await connection.run([
      { text: "CREATE TEMP TABLE scratch_jobs (LIKE jobs INCLUDING ALL)" },
      { text: "CREATE TEMP TABLE scratch_tally (LIKE tally INCLUDING ALL)" },
    ]);
    return await work(new Scratch(connection));
  } finally {
    await connection.close();
  }
}

export class Scratch {
  readonly connection: Connection;
  #head: Head = EMPTY_HEAD;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** What the folded lines amount to. */
  get head(): Head {
    return this.#head;
  }

  /** Folds up to where the ledger ends when this is called. */
  async follow(onProgress?: Progress): Promise<void> {
    const [row] = await this.connection.rows(readHead);
    await this.upTo(headOf(row).head, onProgress);
  }

  async upTo(position: number, onProgress?: Progress): Promise<void> {
    while (this.#head.head < position) {
      const limit = Math.min(CHUNK_EVENTS, position - this.#head.head);
      const rows = await this.connection.rows(linesAfter(this.#head.head, limit));
      if (rows.length === 0) return;
      await this.#fold(rows.map(lineOf));
      onProgress?.(this.#head.head, position);
    }
  }

  async #fold(lines: readonly StoredLine[]): Promise<void> {
    const events = lines.map(({ position, json, foreign }) => ({
      position,
      json,
      event: JSON.parse(json) as LedgerEvent,
      foreign,
    }));
    const changes = await this.#changesOf(events.filter(({ foreign }) => !foreign));
    const counts = countChanges("scratch_tally", changes);
    await this.connection.run([
      ...(changes.length === 0 ? [] : [putJobs("scratch_jobs", changes)]),
      ...(counts === undefined ? [] : [counts]),
    ]);
    this.#head = advanced(this.#head, events);
  }

  async #changesOf(events: readonly NumberedEvent[]): Promise<readonly JobChange[]> {
    const jobIds = [...new Set(events.map(({ event }) => event.job_id))];
    const before = new Map<string, JobState>();
    for (const row of await this.connection.rows(jobsById("scratch_jobs", jobIds))) {
      const job = jobOf(row);
      before.set(job.job_id, job);
    }
    const after = new Map<string, JobState>();
    for (const numbered of events) {
      const { job_id: jobId } = numbered.event;
      const state = after.get(jobId) ?? before.get(jobId);
      const folded = fold(state, numbered);
      if (folded !== undefined && folded !== state) after.set(jobId, folded);
    }
    return [...after.values()].map((state) => {
      const origin = before.get(state.job_id);
      return origin === undefined ? { after: state } : { before: origin, after: state };
    });
  }
}
