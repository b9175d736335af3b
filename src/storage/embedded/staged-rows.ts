/**
 * The jobs as the commit loop sees them: the rows of the database with the newest changes on top,
 * which are written together later. A commit costs a transaction a fixed price and every page it
 * touches once, so writing a few hundred changes in one is several times cheaper than batch by batch;
 * a job that moves on meanwhile is written once. Reads never miss a change: those that the changes in
 * memory can answer look there first, the others have them written before they ask.
 */
import { isClaimable } from "../../kernel/job/lease.ts";
import type { JobState } from "../../kernel/job/state.ts";
import type { EpochMs } from "../../lib/time.ts";
import type { JobChange, StoredJobQuery } from "../store.ts";
import type { JobReads, JobRows } from "./rows.ts";

interface Staged {
  readonly isNew: boolean;
  readonly job: JobState;
}

export class StagedRows implements JobReads {
  readonly #rows: JobRows;
  readonly #flush: () => void;
  readonly #jobs: Map<string, Staged> = new Map();
  /** Idempotency keys of the new jobs. */
  readonly #keys: Map<string, string> = new Map();

  /** `flush` brings everything staged into the database. */
  constructor(rows: JobRows, flush: () => void) {
    this.#rows = rows;
    this.#flush = flush;
  }

  /** Jobs that wait to be written. */
  get size(): number {
    return this.#jobs.size;
  }

  stage({ before, after }: JobChange): void {
    const { job_id: jobId, idempotency_key: key } = after;
    const isNew = this.#jobs.get(jobId)?.isNew ?? before === undefined;
    this.#jobs.set(jobId, { isNew, job: after });
    if (isNew && key !== undefined && !this.#keys.has(key)) this.#keys.set(key, jobId);
  }

  /** Writes what is staged; belongs into a transaction. */
  write(): void {
    for (const { isNew, job } of this.#jobs.values()) {
      if (isNew) this.#rows.insert(job);
      else this.#rows.update(job);
    }
  }

  /** Once it is written. */
  forget(): void {
    this.#jobs.clear();
    this.#keys.clear();
  }

  byId(jobId: string): JobState | undefined {
    return this.#jobs.get(jobId)?.job ?? this.#rows.byId(jobId);
  }

  /** Staged keys are those of newer jobs, so the database's word goes first. */
  idByKey(key: string): string | undefined {
    return this.#rows.idByKey(key) ?? this.#keys.get(key);
  }

  claimable(types: readonly string[], limit: number): readonly JobState[] {
    if (this.#jobs.size === 0) return this.#rows.claimable(types, limit);
    const seqs = new Set<number>();
    const found: JobState[] = [];
    for (const { job } of this.#jobs.values()) {
      seqs.add(job.seq);
      if (isClaimable(job) && types.includes(job.job_type)) found.push(job);
    }
    found.push(...this.#rows.claimable(types, limit, seqs));
    return found.sort((left, right) => left.seq - right.seq).slice(0, limit);
  }

  lapsed(at: EpochMs, limit: number): readonly JobState[] {
    this.#flush();
    return this.#rows.lapsed(at, limit);
  }

  nextExpiry(): EpochMs | undefined {
    this.#flush();
    return this.#rows.nextExpiry();
  }

  page(query: StoredJobQuery): readonly JobState[] {
    this.#flush();
    return this.#rows.page(query);
  }
}
