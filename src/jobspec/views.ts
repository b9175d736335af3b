/** The fold's jobs and events as the contract's read models. */
import type { CorruptRecord, Health, Lag } from "../engine/engine.ts";
import type { ArtifactRef, Failure, JobState } from "../kernel/job/state.ts";
import { isFailureCode, isJobType, PROJECTION_NAMES } from "../kernel/job/types.ts";
import { fromIso } from "../lib/time.ts";

/** Where the ledger is, relative to the root; the contract shows it in every manifest. */
export const SOURCE_LEDGER = ".agents/daemon/ledger.jsonl";

/** The contract's `QueueJobState`; a job of a foreign type has any text as `job_type`. */
export type QueueJobView = Omit<JobState, "seq" | "result_status" | "lease_epoch"> & {
  readonly lease_epoch?: number;
};

/** What the queue and every projection say about a job. */
interface SharedView {
  readonly request_ids?: readonly string[];
  readonly failure?: Failure;
  readonly artifacts?: Readonly<Record<string, string>>;
  readonly artifact_refs?: Readonly<Record<string, ArtifactRef>>;
  readonly projection_targets?: readonly string[];
}

/** The contract's `JobProjection`: `job_type` only when it is one of the contract's. */
export interface JobProjectionView extends SharedView {
  readonly job_id: string;
  readonly job_type?: string;
  readonly request_id: string;
  readonly status: string;
  readonly result_status?: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly last_event_id: string;
}

const TARGETS: ReadonlySet<string> = new Set(PROJECTION_NAMES);

/** True for a job whose type the contract does not know: shown apart, never lost. */
export function isForeignJob(job: JobState): boolean {
  return !isJobType(job.job_type);
}

/** One row of the queue. Fields that are empty or zero are left out, as the contract's own are. */
export function queueJob(job: JobState): QueueJobView {
  const { seq: _seq, result_status: _result, lease_epoch, lease_expires_at, ...rest } = job;
  return {
    ...rest,
    ...(lease_epoch > 0 ? { lease_epoch } : {}),
    ...(lease_expires_at !== undefined && fromIso(lease_expires_at) !== undefined
      ? { lease_expires_at }
      : {}),
    ...contractual(job),
  };
}

/** One row of the projections. */
export function jobProjection(job: JobState): JobProjectionView {
  return {
    job_id: job.job_id,
    ...(isJobType(job.job_type) ? { job_type: job.job_type } : {}),
    request_id: job.request_id,
    request_ids: job.request_ids,
    status: job.status,
    ...(job.result_status === undefined ? {} : { result_status: job.result_status }),
    ...(job.artifacts === undefined ? {} : { artifacts: job.artifacts }),
    ...(job.artifact_refs === undefined ? {} : { artifact_refs: job.artifact_refs }),
    ...contractual(job),
    created_at: job.created_at,
    updated_at: job.updated_at,
    last_event_id: job.last_event_id,
  };
}

/** Fields whose values the contract closes; a ledger written by somebody else may hold others. */
function contractual(job: JobState): Pick<SharedView, "failure" | "projection_targets"> {
  const { failure, projection_targets: targets } = job;
  return {
    ...(failure === undefined ? {} : { failure: contractFailure(failure) }),
    ...(targets === undefined
      ? {}
      : { projection_targets: targets.filter((target) => TARGETS.has(target)) }),
  };
}

/** A failure with a code the contract lists; an unlisted one is kept in the message. */
function contractFailure(failure: Failure): Failure {
  if (isFailureCode(failure.code)) return failure;
  const message = failure.message === undefined ? "" : `: ${failure.message}`;
  return { ...failure, code: "request_rejected", message: `${failure.code}${message}` };
}

/** The contract's `ProjectionLag`, with the count of foreign lines when there are any. */
export function lagView(lag: Lag): Readonly<Record<string, unknown>> {
  return {
    ...(lag.last_event_id === undefined ? {} : { last_event_id: lag.last_event_id }),
    event_count: lag.event_count,
    corrupt_record_count: lag.corrupt_record_count,
    degraded: lag.degraded,
    ...(lag.foreign_event_count > 0 ? { foreign_event_count: lag.foreign_event_count } : {}),
  };
}

/** How far the job read model is, as every mutation's answer tells it. */
export function projectionState(health: Health): Readonly<Record<string, unknown>> {
  return {
    projection_status: health.projections["daemon-job-status"] ?? "current",
    projection_lag: lagView(health.lag),
    ...degradedReasons(health.reasons),
  };
}

export function degradedReasons(
  reasons: readonly string[],
): Readonly<{ degraded_reasons?: readonly string[] }> {
  return reasons.length > 0 ? { degraded_reasons: reasons } : {};
}

export function corruptView(record: CorruptRecord): CorruptRecord {
  return {
    line_number: Math.max(1, record.line_number),
    error: record.error,
    ...(record.quarantine_path === undefined ? {} : { quarantine_path: record.quarantine_path }),
  };
}
