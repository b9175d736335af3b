/**
 * The wire in the client's words. Contract shapes come from `generated/types.ts`; what Keelson adds
 * beside the contract (docs/reference/extensions.md) is here.
 */
import type {
  CancelJobResponse,
  CorruptRecord,
  EventsResponse,
  FailureCode,
  JobFailure,
  JobProjection,
  JobStatus,
  LedgerEvent,
  OpenClawTriggerJobResponse,
  QueueJobState,
  ReadyResponse,
  StatusResponse,
  SubmitJobResponse,
} from "./generated/types.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** A content-addressed body that a job produced. */
export interface ArtifactRef {
  /** Path relative to the daemon's root. */
  readonly path: string;
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  /** RFC 3339. */
  readonly written_at: string;
}
export type ArtifactRefs = Readonly<Record<string, ArtifactRef>>;

/** One job as the queue sees it now. */
export interface Job extends Omit<QueueJobState, "job_type"> {
  /** A contract type, or any text when somebody else wrote the ledger. */
  readonly job_type: string;
  readonly artifact_refs?: ArtifactRefs;
}

/** One event of the ledger. `event_type` is any text: foreign events are shown as they are. */
export interface JobEvent extends Omit<LedgerEvent, "event_type"> {
  readonly event_type: string;
}

export interface SubmitRequest {
  readonly job_type: string;
  readonly job_id?: string | undefined;
  readonly request_id?: string | undefined;
  readonly idempotency_key?: string | undefined;
  readonly payload?: JsonObject | undefined;
}

export interface Submitted extends SubmitJobResponse {
  /** True when an earlier job had this id or key and the request differs from it. */
  readonly mismatch: boolean;
}

/** One line of a batch's answer: the acceptance, or why this one was refused. */
export type BatchResult =
  | SubmitJobResponse
  | {
      readonly accepted: false;
      readonly error: string;
      readonly code: string;
      readonly detail?: unknown;
      readonly field?: string;
    };

export interface CancelRequest {
  readonly job_id: string;
  readonly request_id?: string | undefined;
  readonly reason?: string | undefined;
}
export interface Cancelled extends Omit<CancelJobResponse, "job"> {
  readonly job: Job;
}

export interface Ready extends ReadyResponse {
  /** Queued jobs of types that no worker known to the daemon takes. */
  readonly queued_without_worker?: Readonly<Record<string, number>>;
}
export interface Status extends Omit<StatusResponse, "queue"> {
  readonly queue: Omit<StatusResponse["queue"], "jobs"> & {
    readonly jobs: readonly Job[];
    readonly foreign_jobs?: readonly Job[];
  };
  readonly queued_without_worker?: Readonly<Record<string, number>>;
  readonly next_cursor?: string;
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
export interface JobsPage {
  readonly jobs: readonly Job[];
  readonly next_cursor?: string;
}

export interface EventsQuery {
  /** Only events strictly after this event id. */
  readonly since?: string | undefined;
  /** At most this many, up to 1,000; everything when absent. */
  readonly limit?: number | undefined;
}
export interface EventsPage extends Omit<EventsResponse, "events"> {
  readonly events: readonly JobEvent[];
  readonly corrupt?: readonly CorruptRecord[];
  /** Lines of event types that the contract does not know. */
  readonly foreign_events?: readonly JobEvent[];
}

export interface ClaimRequest {
  readonly types: readonly string[];
  /** Most jobs to hand out, 1 to 256; 1 when absent. */
  readonly max?: number | undefined;
  /** How long the daemon may wait for work, 0 to 60,000 ms. */
  readonly wait_ms?: number | undefined;
  readonly lease_ms?: number | undefined;
  /** A name for this worker in the ledger. */
  readonly worker?: string | undefined;
}
export interface Claimed {
  readonly jobs: readonly Job[];
  readonly lease_ms: number;
  readonly heartbeat_ms: number;
}

/** Proof of holding a job, as a claim handed it out, and what the worker made so far. */
export interface Hold {
  readonly job_id: string;
  readonly claim_token: string;
  readonly lease_epoch: number;
  readonly artifacts?: Readonly<Record<string, string>> | undefined;
  readonly artifact_refs?: ArtifactRefs | undefined;
}
export interface HeartbeatRequest extends Hold {
  readonly lease_ms?: number | undefined;
}
export interface Failure extends Omit<JobFailure, "code"> {
  readonly code: FailureCode;
}
export interface FailRequest extends Hold {
  readonly failure: Failure;
}
export interface ReleaseRequest extends Hold {
  /** True (the default) gives the attempt back; false uses it up. */
  readonly refund_attempt?: boolean | undefined;
  readonly failure?: Failure | undefined;
}
export type CompleteResult =
  | { readonly job_id: string; readonly ok: true; readonly status: JobStatus }
  | { readonly job_id: string; readonly ok: false; readonly error: string; readonly code: string };

export interface Rebuilt {
  readonly events: number;
  readonly jobs: number;
  readonly ms: number;
}
export interface Verified {
  readonly ok: boolean;
  readonly events: number;
  readonly jobs: number;
  readonly differences: readonly unknown[];
  readonly corrupt: readonly CorruptRecord[];
}
export interface Repaired {
  readonly moved: readonly CorruptRecord[];
}

export type Triggered = OpenClawTriggerJobResponse;
export type { JobProjection };
