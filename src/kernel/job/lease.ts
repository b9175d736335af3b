import { type EpochMs, fromIso } from "../../lib/time.ts";
import type { JobState } from "./state.ts";

/**
 * True when a running job's lease has lapsed at `now` (digest §11): an expiry that cannot be read
 * counts as lapsed, an absent one never lapses.
 */
export function isLapsed(job: JobState, now: EpochMs): boolean {
  if (job.status !== "running" || job.lease_expires_at === undefined) return false;
  const expiresAt = fromIso(job.lease_expires_at);
  return expiresAt === undefined || expiresAt <= now;
}

/**
 * The job as a reader should see it at `now`: a lapsed lease shows as `retry_waiting` even before
 * `job.lease_expired` is in the ledger. Every read model goes through here, so none can disagree.
 */
export function seenAt(job: JobState, now: EpochMs): JobState {
  if (!isLapsed(job, now)) return job;
  const exhausted = job.attempt >= job.max_attempts;
  return { ...job, status: "retry_waiting", ...(exhausted ? { retry_exhausted: true } : {}) };
}

/** True when a job waits for a retry that its attempts no longer allow. */
export function isSpent(job: JobState): boolean {
  return job.status === "retry_waiting" && job.attempt >= job.max_attempts;
}

/** True when a worker may take the job. A spent one may not: it is failed instead. */
export function isClaimable(job: JobState): boolean {
  return job.status === "queued" || (job.status === "retry_waiting" && !isSpent(job));
}
