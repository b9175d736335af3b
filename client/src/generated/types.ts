// Generated from the OpenAPI document by tools/client-types.ts. Do not edit.

export type AnyJobState = QueueJobState | ForeignJobState;

export interface ArtifactRef {
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
  readonly written_at: string;
}

export interface BatchCompleteRequest {
  readonly jobs: readonly {
    readonly job_id: string;
    readonly claim_token: string;
    readonly lease_epoch: number;
    readonly artifacts?: { readonly [name: string]: string } | undefined;
    readonly artifact_refs?: { readonly [name: string]: ArtifactRef } | undefined;
  }[];
}

export interface BatchCompleteResponse {
  readonly results: readonly ({
    readonly job_id: string;
    readonly ok: true;
    readonly status: JobStatus;
  } | {
    readonly job_id: string;
    readonly ok: false;
    readonly error: string;
    readonly code: string;
    readonly status?: string | undefined;
    readonly fix?: string | undefined;
  })[];
}

export interface BatchSubmitRequest {
  readonly jobs: readonly SubmitJobRequest[];
}

export interface BatchSubmitResponse {
  readonly results: readonly (SubmitJobResponse | SubmitJobRefusal)[];
}

export type CancelJobOutcome =
  | "cancelled"
  | "already_terminal_completed"
  | "already_terminal_failed"
  | "already_terminal_cancelled";

export interface CancelJobRequest {
  readonly job_id: string;
  readonly request_id?: string | undefined;
  readonly reason?: string | undefined;
}

export interface CancelJobResponse {
  readonly cancelled: boolean;
  readonly outcome: CancelJobOutcome;
  readonly job: QueueJobState;
  readonly projection_status: ProjectionStatus;
  readonly projection_lag: ProjectionLag;
  readonly degraded_reasons?: readonly string[] | undefined;
}

export interface ClaimRequest {
  readonly types: readonly string[];
  readonly max?: number | undefined;
  readonly wait_ms?: number | undefined;
  readonly lease_ms?: number | undefined;
  readonly worker?: string | undefined;
}

export interface ClaimResponse {
  readonly jobs: readonly QueueJobState[];
  readonly lease_ms: number;
  readonly heartbeat_ms: number;
}

export interface CompleteRequest {
  readonly claim_token: string;
  readonly lease_epoch: number;
  readonly artifacts?: { readonly [name: string]: string } | undefined;
  readonly artifact_refs?: { readonly [name: string]: ArtifactRef } | undefined;
}

export interface CorruptRecord {
  readonly line_number: number;
  readonly error: string;
  readonly quarantine_path?: string | undefined;
}

export interface ErrorResponse {
  readonly error: string;
  readonly code?: string | undefined;
  readonly detail?: string | undefined;
  readonly field?: string | undefined;
  readonly fix?: string | undefined;
  readonly max_bytes?: number | undefined;
  readonly got_bytes?: number | undefined;
}

export type EventType =
  | "job.accepted"
  | "job.claimed"
  | "job.heartbeat"
  | "job.lease_expired"
  | "job.completed"
  | "job.failed"
  | "job.cancelled"
  | "projection.marked_stale"
  | "projection.rebuilt";

export interface EventsResponse {
  readonly events: readonly LedgerEvent[];
  readonly corrupt?: readonly CorruptRecord[] | undefined;
  readonly last_event_id?: string | undefined;
  readonly foreign_events?: readonly ForeignEvent[] | undefined;
}

export interface FailRequest {
  readonly claim_token: string;
  readonly lease_epoch: number;
  readonly failure: {
    readonly code: FailureCode;
    readonly message?: string | undefined;
    readonly retryable?: boolean | undefined;
  };
  readonly artifacts?: { readonly [name: string]: string } | undefined;
  readonly artifact_refs?: { readonly [name: string]: ArtifactRef } | undefined;
}

export type FailureCode =
  | "daemon_unavailable"
  | "provider_unreachable"
  | "session_pending"
  | "lost"
  | "event_stream_unavailable"
  | "terminal_without_transcript"
  | "request_rejected"
  | "projection_degraded"
  | "retry_exhausted";

export interface ForeignEvent {
  readonly schema_version: 1;
  readonly event_id: string;
  readonly request_id: string;
  readonly job_id: string;
  readonly event_type: string;
  readonly occurred_at: string;
  readonly actor: string;
  readonly payload?: { readonly [name: string]: unknown } | undefined;
}

export interface ForeignJobState {
  readonly job_id: string;
  readonly request_id: string;
  readonly status: JobStatus;
  readonly attempt: number;
  readonly max_attempts: number;
  readonly job_type: string;
  readonly request_ids?: readonly string[] | undefined;
  readonly failure?: JobFailure | undefined;
  readonly artifacts?: { readonly [name: string]: string } | undefined;
  readonly artifact_refs?: { readonly [name: string]: ArtifactRef } | undefined;
  readonly projection_targets?: readonly ProjectionName[] | undefined;
  readonly created_at?: string | undefined;
  readonly updated_at?: string | undefined;
  readonly last_event_id?: string | undefined;
  readonly idempotency_key?: string | undefined;
  readonly claim_token?: string | undefined;
  readonly lease_epoch?: number | undefined;
  readonly lease_expires_at?: string | undefined;
  readonly retry_exhausted?: boolean | undefined;
  readonly payload?: { readonly [name: string]: unknown } | undefined;
}

export interface HealthResponse {
  readonly status: "ok";
  readonly daemon: "agentopsd";
  readonly read_only: true;
  readonly now: string;
}

export interface HeartbeatRequest {
  readonly claim_token: string;
  readonly lease_epoch: number;
  readonly artifacts?: { readonly [name: string]: string } | undefined;
  readonly artifact_refs?: { readonly [name: string]: ArtifactRef } | undefined;
  readonly lease_ms?: number | undefined;
}

export interface JobFailure {
  readonly code: FailureCode;
  readonly message?: string | undefined;
  readonly retryable?: boolean | undefined;
}

export interface JobListResponse {
  readonly jobs: readonly QueueJobState[];
  readonly foreign_jobs?: readonly ForeignJobState[] | undefined;
  readonly next_cursor?: string | undefined;
}

export interface JobProjection {
  readonly job_id: string;
  readonly request_id: string;
  readonly status: JobStatus;
  readonly request_ids?: readonly string[] | undefined;
  readonly failure?: JobFailure | undefined;
  readonly artifacts?: { readonly [name: string]: string } | undefined;
  readonly artifact_refs?: { readonly [name: string]: ArtifactRef } | undefined;
  readonly projection_targets?: readonly ProjectionName[] | undefined;
  readonly created_at?: string | undefined;
  readonly updated_at?: string | undefined;
  readonly last_event_id?: string | undefined;
  readonly job_type?: JobType | undefined;
  readonly result_status?: JobResultStatus | undefined;
}

export interface JobResponse {
  readonly job: AnyJobState;
}

export type JobResultStatus = "succeeded" | "failed" | "cancelled";

export type JobStatus =
  | "queued"
  | "running"
  | "retry_waiting"
  | "completed"
  | "failed"
  | "cancelled"
  | "degraded";

export type JobType =
  | "rpi.run"
  | "rpi.phase"
  | "dream.run"
  | "dream.stage"
  | "wiki.build"
  | "wiki.forge"
  | "openclaw.snapshot";

export interface LedgerEvent {
  readonly schema_version: 1;
  readonly event_id: string;
  readonly request_id: string;
  readonly job_id: string;
  readonly event_type: EventType;
  readonly occurred_at: string;
  readonly actor: string;
  readonly payload?: { readonly [name: string]: unknown } | undefined;
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
  readonly degraded_reasons?: readonly string[] | undefined;
  readonly code?: string | undefined;
  readonly fix?: string | undefined;
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
  readonly degraded_reasons?: readonly string[] | undefined;
}

export interface OpenClawProvenanceLink {
  readonly rel: string;
  readonly kind: string;
  readonly uri?: string | undefined;
  readonly path?: string | undefined;
  readonly job_id?: string | undefined;
  readonly run_id?: string | undefined;
  readonly event_id?: string | undefined;
  readonly artifact?: string | undefined;
}

export interface OpenClawResourceSummary {
  readonly resource_id: string;
  readonly resource_kind: "run" | "job" | "wiki";
  readonly status: string;
  readonly job_id?: string | undefined;
  readonly job_type?: string | undefined;
  readonly run_id?: string | undefined;
  readonly request_id?: string | undefined;
  readonly request_ids?: readonly string[] | undefined;
  readonly result_status?: string | undefined;
  readonly failure?: {
    readonly code: string;
    readonly message: string;
    readonly retryable?: boolean | undefined;
  } | undefined;
  readonly artifacts?: { readonly [name: string]: string } | undefined;
  readonly artifact_refs?: { readonly [name: string]: ArtifactRef } | undefined;
  readonly projection_targets?: readonly string[] | undefined;
  readonly created_at?: string | undefined;
  readonly updated_at?: string | undefined;
  readonly last_event_id?: string | undefined;
  readonly provenance?: readonly OpenClawProvenanceLink[] | undefined;
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
  readonly last_event_id?: string | undefined;
}

export type OpenClawSnapshotStatus = "current" | "stale" | "degraded";

export type OpenClawTriggerJobRequest = SubmitJobRequest & {
  readonly job_type?: "openclaw.snapshot"
  | "rpi.run"
  | "dream.run"
  | "wiki.forge"
  | undefined;
};

export interface OpenClawTriggerJobResponse {
  readonly accepted: true;
  readonly request_id: string;
  readonly job_id: string;
  readonly job_type: string;
  readonly status: string;
  readonly snapshot_status: OpenClawSnapshotStatus;
  readonly last_event_id?: string | undefined;
  readonly idempotency_key?: string | undefined;
}

export interface PathCancelRequest {
  readonly job_id?: string | undefined;
  readonly request_id?: string | undefined;
  readonly reason?: string | undefined;
}

export interface ProjectionLag {
  readonly event_count: number;
  readonly corrupt_record_count: number;
  readonly degraded: boolean;
  readonly last_event_id?: string | undefined;
  readonly foreign_event_count?: number | undefined;
}

export interface ProjectionManifest {
  readonly schema_version: 1;
  readonly projection: ProjectionName;
  readonly source_ledger: string;
  readonly status: ProjectionStatus;
  readonly rebuilt_at: string;
  readonly last_event_id?: string | undefined;
  readonly output_paths?: readonly string[] | undefined;
  readonly degraded_reasons?: readonly string[] | undefined;
}

export type ProjectionName =
  | "rpi-registry"
  | "dream-runs"
  | "wiki-jobs"
  | "openclaw-snapshot"
  | "daemon-status"
  | "daemon-job-status";

export interface ProjectionSet {
  readonly schema_version: 1;
  readonly rebuilt_at: string;
  readonly source_ledger: string;
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
  readonly last_event_id?: string | undefined;
  readonly degraded_reasons?: readonly string[] | undefined;
}

export type ProjectionStatus = "current" | "stale" | "degraded";

export interface QueueJobState {
  readonly job_id: string;
  readonly request_id: string;
  readonly status: JobStatus;
  readonly attempt: number;
  readonly max_attempts: number;
  readonly job_type: JobType;
  readonly request_ids?: readonly string[] | undefined;
  readonly failure?: JobFailure | undefined;
  readonly artifacts?: { readonly [name: string]: string } | undefined;
  readonly artifact_refs?: { readonly [name: string]: ArtifactRef } | undefined;
  readonly projection_targets?: readonly ProjectionName[] | undefined;
  readonly created_at?: string | undefined;
  readonly updated_at?: string | undefined;
  readonly last_event_id?: string | undefined;
  readonly idempotency_key?: string | undefined;
  readonly claim_token?: string | undefined;
  readonly lease_epoch?: number | undefined;
  readonly lease_expires_at?: string | undefined;
  readonly retry_exhausted?: boolean | undefined;
  readonly payload?: { readonly [name: string]: unknown } | undefined;
}

export interface QueueSnapshot {
  readonly jobs: readonly QueueJobState[];
  readonly last_event_id?: string | undefined;
  readonly foreign_jobs?: readonly ForeignJobState[] | undefined;
}

export interface ReadyResponse {
  readonly ready: boolean;
  readonly ledger_replay_status: SnapshotReplayStatus;
  readonly projection_status: ProjectionStatus;
  readonly projection_lag: ProjectionLag;
  readonly degraded_reasons?: readonly string[] | undefined;
  readonly queued_without_worker?: { readonly [name: string]: number } | undefined;
  readonly job_counts?: { readonly [name: string]: { readonly [name: string]: number } } | undefined;
}

export interface RebuildResponse {
  readonly events: number;
  readonly jobs: number;
  readonly ms: number;
}

export interface ReleaseRequest {
  readonly claim_token: string;
  readonly lease_epoch: number;
  readonly artifacts?: { readonly [name: string]: string } | undefined;
  readonly artifact_refs?: { readonly [name: string]: ArtifactRef } | undefined;
  readonly refund_attempt?: boolean | undefined;
  readonly failure?: {
    readonly code: FailureCode;
    readonly message?: string | undefined;
    readonly retryable?: boolean | undefined;
  } | undefined;
}

export interface RepairResponse {
  readonly moved: readonly {
    readonly line_number: number;
    readonly error: string;
    readonly quarantine_path: string;
  }[];
}

export type SnapshotReplayStatus = "complete" | "corrupt";

export interface StatusResponse {
  readonly ready: boolean;
  readonly projection_lag: ProjectionLag;
  readonly queue: QueueSnapshot;
  readonly projections: ProjectionSet;
  readonly queued_without_worker?: { readonly [name: string]: number } | undefined;
  readonly next_cursor?: string | undefined;
}

export interface SubmitJobRefusal {
  readonly accepted: false;
  readonly error: string;
  readonly code: string;
  readonly detail?: string | undefined;
  readonly field?: string | undefined;
  readonly fix?: string | undefined;
  readonly max_bytes?: number | undefined;
  readonly got_bytes?: number | undefined;
}

export interface SubmitJobRequest {
  readonly job_type: JobType;
  /** Correlates requests. No whitespace; made when absent or empty. */
  readonly request_id?: string | undefined;
  /** The job's durable id, at most 512 bytes. Made when absent or blank. */
  readonly job_id?: string | undefined;
  /** Finds the same job again after a lost answer. At most 256 bytes. */
  readonly idempotency_key?: string | undefined;
  readonly payload?: { readonly [name: string]: unknown } | undefined;
}

export interface SubmitJobResponse {
  readonly accepted: true;
  readonly request_id: string;
  readonly job_id: string;
  readonly status: JobStatus;
  readonly projection_status: ProjectionStatus;
  readonly projection_lag: ProjectionLag;
  readonly last_event_id?: string | undefined;
  readonly degraded_reasons?: readonly string[] | undefined;
  readonly idempotency_key?: string | undefined;
}

export interface VerifyResponse {
  readonly ok: boolean;
  readonly events: number;
  readonly jobs: number;
  readonly differences: readonly unknown[];
  readonly corrupt: readonly CorruptRecord[];
}
