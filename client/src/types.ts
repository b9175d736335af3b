/**
 * The client's own words for shapes of the wire. The shapes themselves are generated; only what a
 * caller would otherwise have to put together is named here.
 */
import type {
  CancelJobResponse,
  ClaimResponse,
  CompleteRequest,
  EventsResponse,
  FailRequest,
  ForeignEvent,
  ForeignJobState,
  HeartbeatRequest,
  JobFailure,
  JobStatus,
  JobType,
  ReleaseRequest,
  SubmitJobRefusal,
  SubmitJobRequest,
  SubmitJobResponse,
} from "./generated/types.ts";

/** One job as the queue sees it now; its type is any text when somebody else wrote the ledger. */
export type Job = ForeignJobState;

/** One event of the ledger; its type is any text, since foreign events are shown as they are. */
export type JobEvent = ForeignEvent;

/** What to submit. Completion offers the contract's types; the daemon judges what comes. */
export interface SubmitRequest extends Omit<SubmitJobRequest, "job_type"> {
  readonly job_type: JobType | (string & {});
}

export interface Submitted extends SubmitJobResponse {
  /** True when an earlier job had this id or key and the request differs from it. */
  readonly mismatch: boolean;
}

/** One line of a batch's answer: the acceptance, or why this one was refused. */
export type BatchResult = SubmitJobResponse | SubmitJobRefusal;

export interface Cancelled extends Omit<CancelJobResponse, "job"> {
  readonly job: Job;
}

export interface StatusQuery {
  readonly cursor?: string | undefined;
  /** 1 to 1,000; everything when absent. */
  readonly limit?: number | undefined;
}

export interface JobsQuery {
  readonly status?: JobStatus | readonly JobStatus[] | undefined;
  readonly type?: string | readonly string[] | undefined;
  readonly cursor?: string | undefined;
  /** Page size, 1 to 1,000. */
  readonly limit?: number | undefined;
  /** By acceptance; `asc` is oldest first. */
  readonly order?: "asc" | "desc" | undefined;
}

export interface EventsQuery {
  /** Only events strictly after this event id. */
  readonly since?: string | undefined;
  /** At most this many, up to 1,000; everything when absent. */
  readonly limit?: number | undefined;
  /** Only events of this job. */
  readonly job?: string | undefined;
  /** Only the newest so many, up to 1,000; instead of `since`. */
  readonly last?: number | undefined;
}
export interface EventsPage extends Omit<EventsResponse, "events"> {
  readonly events: readonly JobEvent[];
}

export interface Claimed extends Omit<ClaimResponse, "jobs"> {
  readonly jobs: readonly Job[];
}

interface OfJob {
  readonly job_id: string;
}
/** Proof of holding a job, as a claim handed it out, and what the worker made so far. */
export interface Hold extends OfJob, CompleteRequest {}
export interface Heartbeat extends OfJob, HeartbeatRequest {}
export interface JobFailed extends OfJob, FailRequest {}
export interface Release extends OfJob, ReleaseRequest {}
export type Failure = JobFailure;
