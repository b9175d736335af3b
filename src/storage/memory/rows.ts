/**
 * Jobs in memory, in the order of their first events. Every question that the store is asked often
 * has a list of its own, so that a queue of ten thousand jobs is not walked for each claim; the
 * rare questions walk.
 */
import { isClaimable, isLapsed, isSpent, seenAt } from "../../kernel/job/lease.ts";
import type { JobState } from "../../kernel/job/state.ts";
import type { FoldedStatus } from "../../kernel/job/types.ts";
import { type EpochMs, fromIso } from "../../lib/time.ts";
import type { StoredJobQuery, TypeStatusCount } from "../store.ts";

/** Expiry that cannot be read: lapsed since ever (digest §11). */
const LAPSED_SINCE_EVER = 0;

export class JobRows {
  readonly #bySeq: Map<number, JobState> = new Map();
  readonly #seqs: SeqList = new SeqList();
  readonly #seqById: Map<string, number> = new Map();
  readonly #byKey: SeqIndex = new SeqIndex();
  readonly #byStatus: SeqIndex = new SeqIndex();
  readonly #claimableByType: SeqIndex = new SeqIndex();

  /** Adds a job or replaces what was known about it. */
  put(job: JobState): void {
    const before = this.#bySeq.get(job.seq);
    if (before === undefined) {
      this.#seqs.add(job.seq);
      this.#seqById.set(job.job_id, job.seq);
    } else {
      this.#index(before, "remove");
    }
    this.#bySeq.set(job.seq, job);
    this.#index(job, "add");
  }

  byId(jobId: string): JobState | undefined {
    const seq = this.#seqById.get(jobId);
    return seq === undefined ? undefined : this.#bySeq.get(seq);
  }

  /** The oldest job with this key. */
  byKey(key: string): JobState | undefined {
    return this.#at(this.#byKey.of(key).first(1))[0];
  }

  /** Oldest first over all the types. */
  claimable(types: readonly string[], limit: number): readonly JobState[] {
    const oldest = [...new Set(types)].flatMap((type) =>
      this.#at(this.#claimableByType.of(type).first(limit)),
    );
    return oldest.sort((left, right) => left.seq - right.seq).slice(0, limit);
  }

  /** Running jobs whose lease lapsed, and waiting ones with no attempts left. */
  lapsed(at: EpochMs, limit: number): readonly JobState[] {
    const lapsed = this.#inStatus("running").filter((job) => isLapsed(job, at));
    const spent = this.#inStatus("retry_waiting").filter(isSpent);
    return [...lapsed.slice(0, limit), ...spent.slice(0, limit)];
  }

  nextExpiry(): EpochMs | undefined {
    let next: EpochMs | undefined;
    for (const { lease_expires_at: text } of this.#inStatus("running")) {
      if (text === undefined) continue;
      const at = fromIso(text) ?? LAPSED_SINCE_EVER;
      next = next === undefined ? at : Math.min(next, at);
    }
    return next;
  }

  /** Every job, oldest first. States are never changed, so a copy of the list is a snapshot. */
  all(): readonly JobState[] {
    return this.#at(this.#seqs.first(this.#seqs.size));
  }

  #at(seqs: readonly number[]): JobState[] {
    return seqs.flatMap((seq) => this.#bySeq.get(seq) ?? []);
  }

  #inStatus(status: FoldedStatus): JobState[] {
    const list = this.#byStatus.of(status);
    return this.#at(list.first(list.size));
  }

  #index(job: JobState, act: "add" | "remove"): void {
    this.#byStatus.of(job.status)[act](job.seq);
    if (job.idempotency_key !== undefined) this.#byKey.of(job.idempotency_key)[act](job.seq);
    if (isClaimable(job)) this.#claimableByType.of(job.job_type)[act](job.seq);
  }
}

/** One page of a list of jobs that is sorted by `seq`, leases seen as of `query.at`. */
export function pageOf(jobs: readonly JobState[], query: StoredJobQuery): readonly JobState[] {
  const { statuses, types, afterSeq, limit, newestFirst, at } = query;
  const page: JobState[] = [];
  for (const job of newestFirst === true ? jobs.toReversed() : jobs) {
    if (page.length >= limit) break;
    if (afterSeq !== undefined && (newestFirst ? job.seq >= afterSeq : job.seq <= afterSeq))
      continue;
    if (types !== undefined && !types.includes(job.job_type)) continue;
    const seen = seenAt(job, at);
    if (statuses === undefined || statuses.includes(seen.status)) page.push(seen);
  }
  return page;
}

/** Counts by type and status, leases seen as of `at`. */
export function tallyOf(jobs: readonly JobState[], at: EpochMs): readonly TypeStatusCount[] {
  const counts = new Map<string, TypeStatusCount>();
  for (const job of jobs) {
    const { job_type: jobType, status } = seenAt(job, at);
    const name = `${status} ${jobType}`;
    counts.set(name, { jobType, status, count: (counts.get(name)?.count ?? 0) + 1 });
  }
  return [...counts.values()];
}

/** Rising numbers, each once. */
class SeqList {
  readonly #seqs: number[] = [];

  get size(): number {
    return this.#seqs.length;
  }

  first(limit: number): readonly number[] {
    return this.#seqs.slice(0, limit);
  }

  add(seq: number): void {
    this.#seqs.splice(this.#placeOf(seq), 0, seq);
  }

  remove(seq: number): void {
    const place = this.#placeOf(seq);
    if (this.#seqs[place] === seq) this.#seqs.splice(place, 1);
  }

  /** Index of the first number that is not below `seq`. */
  #placeOf(seq: number): number {
    let low = 0;
    let high = this.#seqs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#seqs[middle] ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Lists of jobs by some name they share. */
class SeqIndex {
  readonly #lists: Map<string, SeqList> = new Map();

  of(name: string): SeqList {
    const known = this.#lists.get(name);
    if (known !== undefined) return known;
    const made = new SeqList();
    this.#lists.set(name, made);
    return made;
  }
}
