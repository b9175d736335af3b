// Generated from the OpenAPI document by tools/client-types.ts. Do not edit.

export type CancelJobOutcome = "cancelled" | "already_terminal_completed" | "already_terminal_failed" | "already_terminal_cancelled";

export interface CancelJobRequest {
  readonly request_id?: string;
  readonly job_id: string;
  readonly reason?: string;
}

export interface CancelJobResponse {
  readonly cancelled: boolean;
  readonly outcome: CancelJobOutcome;
  readonly job: QueueJobState;
  readonly projection_status: ProjectionStatus;
  readonly projection_lag: ProjectionLag;
  readonly degraded_reasons?: readonly string[];
}

export interface CorruptRecord {
  readonly line_number: number;
  readonly error: string;
  readonly quarantine_path?: string;
}

export interface ErrorResponse {
  readonly error: string;
}

export type EventType = "job.accepted" | "job.claimed" | "job.heartbeat" | "job.lease_expired" | "job.completed" | "job.failed" | "job.cancelled" | "projection.marked_stale" | "projection.rebuilt";

export interface EventsResponse {
  readonly events: readonly LedgerEvent[];
  readonly corrupt?: readonly CorruptRecord[];
  readonly last_event_id?: string;
}

export type FailureCode = "daemon_unavailable" | "provider_unreachable" | "session_pending" | "lost" | "event_stream_unavailable" | "terminal_without_transcript" | "request_rejected" | "projection_degraded" | "retry_exhausted";

export interface HealthResponse {
  readonly status: "ok";
  readonly daemon: "agentopsd";
  readonly read_only: true;
  readonly now: string;
}

export interface JobFailure {
  readonly code: FailureCode;
  readonly message?: string;
  readonly retryable?: boolean;
}

export interface JobProjection {
  readonly job_id: string;
  readonly job_type?: JobType;
  readonly request_id: string;
  readonly request_ids?: readonly string[];
  readonly status: JobStatus;
  readonly result_status?: JobResultStatus;
  readonly failure?: JobFailure;
  readonly artifacts?: { readonly [name: string]: string };
  readonly projection_targets?: readonly ProjectionName[];
  readonly created_at?: string;
  readonly updated_at?: string;
  readonly last_event_id?: string;
}

export type JobResultStatus = "succeeded" | "failed" | "cancelled";

export type JobStatus = "queued" | "running" | "retry_waiting" | "completed" | "failed" | "cancelled" | "degraded";

export type JobType = "rpi.run" | "rpi.phase" | "dream.run" | "dream.stage" | "wiki.build" | "wiki.forge" | "openclaw.snapshot";

export interface LedgerEvent {
  readonly schema_version: 1;
  readonly event_id: string;
  readonly request_id: string;
  readonly job_id: string;
  readonly event_type: EventType;
  readonly occurred_at: string;
  readonly actor: string;
  readonly payload?: { readonly [name: string]: unknown };
}

export interface OpenClawConsumerSnapshot {
  readonly schema_version: 1;
  readonly snapshot_id: string;
  readonly generated_at: string;
  readonly source: OpenClawSnapshotSource;
  readonly status: OpenClawSnapshotStatus;
  readonly resources: {
    readonly runs: readonly OpenClawResourceSummary[];
    readonly jobs: readonly OpenClawResourceSummary[];
    readonly wiki: readonly OpenClawResourceSummary[];
  };
}

export interface OpenClawDaemonNotReady {
  readonly error: "daemon is not ready";
  readonly projection_lag: ProjectionLag;
  readonly degraded_reasons?: readonly string[];
}

export interface OpenClawHealthResponse {
  readonly status: "ok";
  readonly ready: boolean;
  readonly snapshot_id: string;
  readonly generated_at: string;
  readonly source: OpenClawSnapshotSource;
  readonly snapshot_status: OpenClawSnapshotStatus;
  readonly resource_counts: {
    readonly runs: number;
    readonly jobs: number;
    readonly wiki: number;
  };
  readonly degraded_reasons?: readonly string[];
}

export interface OpenClawProvenanceLink {
  readonly rel: string;
  readonly kind: string;
  readonly uri?: string;
  readonly path?: string;
  readonly job_id?: string;
  readonly run_id?: string;
  readonly event_id?: string;
  readonly artifact?: string;
}

export interface OpenClawResourceSummary {
  readonly resource_id: string;
  readonly resource_kind: "run" | "job" | "wiki";
  readonly job_id?: string;
  readonly job_type?: string;
  readonly run_id?: string;
  readonly request_id?: string;
  readonly request_ids?: readonly string[];
  readonly status: string;
  readonly result_status?: string;
  readonly failure?: {
    readonly code: string;
    readonly message: string;
    readonly retryable?: boolean;
  };
  readonly artifacts?: { readonly [name: string]: string };
  readonly projection_targets?: readonly string[];
  readonly created_at?: string;
  readonly updated_at?: string;
  readonly last_event_id?: string;
  readonly provenance?: readonly OpenClawProvenanceLink[];
}

export interface OpenClawSnapshotProjection {
  readonly schema_version: 1;
  readonly snapshot_id: string;
  readonly generated_at: string;
  readonly source: OpenClawSnapshotSource;
  readonly resources: {
    readonly runs: readonly JobProjection[];
    readonly jobs: readonly JobProjection[];
    readonly wiki: readonly JobProjection[];
  };
  readonly status: ProjectionStatus;
}

export interface OpenClawSnapshotSource {
  readonly ledger: string;
  readonly last_event_id?: string;
}

export type OpenClawSnapshotStatus = "current" | "stale" | "degraded";

export type OpenClawTriggerJobRequest = SubmitJobRequest & {
  readonly job_type?: "openclaw.snapshot" | "rpi.run" | "dream.run" | "wiki.forge";
};

export interface OpenClawTriggerJobResponse {
  readonly accepted: true;
  readonly request_id: string;
  readonly job_id: string;
  readonly job_type: string;
  readonly status: string;
  readonly last_event_id?: string;
  readonly snapshot_status: OpenClawSnapshotStatus;
  readonly idempotency_key?: string;
}

export interface ProjectionLag {
  readonly last_event_id?: string;
  readonly event_count: number;
  readonly corrupt_record_count: number;
  readonly degraded: boolean;
}

export interface ProjectionManifest {
  readonly schema_version: 1;
  readonly projection: ProjectionName;
  readonly source_ledger: string;
  readonly last_event_id?: string;
  readonly status: ProjectionStatus;
  readonly rebuilt_at: string;
  readonly output_paths?: readonly string[];
  readonly degraded_reasons?: readonly string[];
}

export type ProjectionName = "rpi-registry" | "dream-runs" | "wiki-jobs" | "openclaw-snapshot" | "daemon-status" | "daemon-job-status";

export interface ProjectionSet {
  readonly schema_version: 1;
  readonly rebuilt_at: string;
  readonly source_ledger: string;
  readonly last_event_id?: string;
  readonly manifests: { readonly [name: string]: ProjectionManifest };
  readonly jobs: readonly JobProjection[];
  readonly rpi: {
    readonly runs: readonly JobProjection[];
  };
  readonly dream: {
    readonly runs: readonly JobProjection[];
  };
  readonly wiki: {
    readonly jobs: readonly JobProjection[];
  };
  readonly openclaw: OpenClawSnapshotProjection;
  readonly degraded_reasons?: readonly string[];
}

export type ProjectionStatus = "current" | "stale" | "degraded";

export interface QueueJobState {
  readonly job_id: string;
  readonly job_type: JobType;
  readonly request_id: string;
  readonly request_ids?: readonly string[];
  readonly status: JobStatus;
  readonly idempotency_key?: string;
  readonly attempt: number;
  readonly max_attempts: number;
  readonly claim_token?: string;
  readonly lease_epoch?: number;
  readonly lease_expires_at?: string;
  readonly retry_exhausted?: boolean;
  readonly failure?: JobFailure;
  readonly artifacts?: { readonly [name: string]: string };
  readonly projection_targets?: readonly ProjectionName[];
  readonly payload?: { readonly [name: string]: unknown };
  readonly last_event_id?: string;
  readonly created_at?: string;
  readonly updated_at?: string;
}

export interface QueueSnapshot {
  readonly jobs: readonly QueueJobState[];
  readonly last_event_id?: string;
}

export interface ReadyResponse {
  readonly ready: boolean;
  readonly ledger_replay_status: SnapshotReplayStatus;
  readonly projection_status: ProjectionStatus;
  readonly projection_lag: ProjectionLag;
  readonly degraded_reasons?: readonly string[];
}

export type SnapshotReplayStatus = "complete" | "corrupt";

export interface StatusResponse {
  readonly ready: boolean;
  readonly projection_lag: ProjectionLag;
  readonly queue: QueueSnapshot;
  readonly projections: ProjectionSet;
}

export interface SubmitJobRequest {
  /** Optional request correlation id. Must not contain whitespace when supplied. */
  readonly request_id?: string;
  /** Optional caller-supplied durable job id. */
  readonly job_id?: string;
  readonly job_type: JobType;
  /** Optional key used to recover after lost acknowledgements. */
  readonly idempotency_key?: string;
  readonly payload?: { readonly [name: string]: unknown };
}

export interface SubmitJobResponse {
  readonly accepted: true;
  readonly request_id: string;
  readonly job_id: string;
  readonly status: JobStatus;
  readonly last_event_id?: string;
  readonly projection_status: ProjectionStatus;
  readonly projection_lag: ProjectionLag;
  readonly degraded_reasons?: readonly string[];
  readonly idempotency_key?: string;
}
