/** Every component schema of the contract, by its contract name, with our additions marked. */
import { type TSchema, Type } from "typebox";
import { EVENT_TYPES } from "../kernel/job/events.ts";
import { FAILURE_CODES, JOB_STATUSES, JOB_TYPES, PROJECTION_NAMES } from "../kernel/job/types.ts";
import { EXTENSION_SCHEMAS } from "./extension-schemas.ts";
import {
  anyObject,
  constText,
  constTrue,
  count,
  dateTime,
  extension,
  listOf,
  mapOf,
  oneOfTexts,
  ref,
  shape,
  text,
  texts,
  version1,
} from "./schema-kit.ts";

export const TRIGGER_JOB_TYPES = [
  "openclaw.snapshot",
  "rpi.run",
  "dream.run",
  "wiki.forge",
] as const;

const HEALTH_STATES = ["current", "stale", "degraded"] as const;

const SUBMIT_FIELDS = {
  request_id: Type.String({
    description: "Correlates requests. No whitespace; made when absent or empty.",
  }),
  job_id: Type.String({
    description: "The job's durable id, at most 512 bytes. Made when absent or blank.",
  }),
  idempotency_key: Type.String({
    description: "Finds the same job again after a lost answer. At most 256 bytes.",
  }),
  payload: anyObject(),
};

const ENUMS: Readonly<Record<string, TSchema>> = {
  JobType: oneOfTexts(JOB_TYPES),
  JobStatus: oneOfTexts(JOB_STATUSES),
  JobResultStatus: oneOfTexts(["succeeded", "failed", "cancelled"]),
  CancelJobOutcome: oneOfTexts([
    "cancelled",
    "already_terminal_completed",
    "already_terminal_failed",
    "already_terminal_cancelled",
  ]),
  EventType: oneOfTexts(EVENT_TYPES),
  FailureCode: oneOfTexts(FAILURE_CODES),
  ProjectionName: oneOfTexts(PROJECTION_NAMES),
  ProjectionStatus: oneOfTexts(HEALTH_STATES),
  SnapshotReplayStatus: oneOfTexts(["complete", "corrupt"]),
  OpenClawSnapshotStatus: oneOfTexts(HEALTH_STATES),
};

const READS: Readonly<Record<string, TSchema>> = {
  ErrorResponse: shape(
    { error: text() },
    {
      code: extension(text()),
      detail: extension(text()),
      field: extension(text()),
      fix: extension(text()),
      max_bytes: extension(count()),
      got_bytes: extension(count()),
    },
  ),
  HealthResponse: shape({
    status: constText("ok"),
    daemon: constText("agentopsd"),
    read_only: constTrue(),
    now: dateTime(),
  }),
  ReadyResponse: shape(
    {
      ready: Type.Boolean(),
      ledger_replay_status: ref("SnapshotReplayStatus"),
      projection_status: ref("ProjectionStatus"),
      projection_lag: ref("ProjectionLag"),
    },
    {
      degraded_reasons: texts(),
      queued_without_worker: extension(mapOf(count())),
      job_counts: extension(mapOf(mapOf(count()))),
    },
  ),
  StatusResponse: shape(
    {
      ready: Type.Boolean(),
      projection_lag: ref("ProjectionLag"),
      queue: ref("QueueSnapshot"),
      projections: ref("ProjectionSet"),
    },
    { queued_without_worker: extension(mapOf(count())), next_cursor: extension(text()) },
  ),
  EventsResponse: shape(
    { events: listOf("LedgerEvent") },
    {
      corrupt: listOf("CorruptRecord"),
      last_event_id: text(),
      foreign_events: extension(listOf("ForeignEvent")),
    },
  ),
  LedgerEvent: shape(
    {
      schema_version: version1(),
      event_id: text(),
      request_id: text(),
      job_id: text(),
      event_type: ref("EventType"),
      occurred_at: dateTime(),
      actor: text(),
    },
    { payload: anyObject() },
  ),
  CorruptRecord: shape(
    { line_number: Type.Integer({ minimum: 1 }), error: text() },
    { quarantine_path: text() },
  ),
  ProjectionLag: shape(
    { event_count: count(), corrupt_record_count: count(), degraded: Type.Boolean() },
    { last_event_id: text(), foreign_event_count: extension(count()) },
  ),
};

const MUTATIONS: Readonly<Record<string, TSchema>> = {
  SubmitJobRequest: shape({ job_type: ref("JobType") }, SUBMIT_FIELDS),
  SubmitJobResponse: shape(
    {
      accepted: constTrue(),
      request_id: text(),
      job_id: text(),
      status: ref("JobStatus"),
      projection_status: ref("ProjectionStatus"),
      projection_lag: ref("ProjectionLag"),
    },
    { last_event_id: text(), degraded_reasons: texts(), idempotency_key: text() },
  ),
  CancelJobRequest: shape({ job_id: text() }, { request_id: text(), reason: text() }),
  CancelJobResponse: shape(
    {
      cancelled: Type.Boolean(),
      outcome: ref("CancelJobOutcome"),
      job: ref("QueueJobState"),
      projection_status: ref("ProjectionStatus"),
      projection_lag: ref("ProjectionLag"),
    },
    { degraded_reasons: texts() },
  ),
};

/** What every view of a job may carry. */
const JOB_OPTIONALS = {
  request_ids: texts(),
  failure: ref("JobFailure"),
  artifacts: mapOf(text()),
  artifact_refs: extension(mapOf(ref("ArtifactRef"))),
  projection_targets: listOf("ProjectionName"),
  created_at: dateTime(),
  updated_at: dateTime(),
  last_event_id: text(),
};

/** The fields of a queue row beside its type; a foreign job's row has the same. */
const QUEUE_REQUIRED = {
  job_id: text(),
  request_id: text(),
  status: ref("JobStatus"),
  attempt: count(),
  max_attempts: Type.Integer({ minimum: 1 }),
};
const QUEUE_OPTIONALS = {
  ...JOB_OPTIONALS,
  idempotency_key: text(),
  claim_token: text(),
  lease_epoch: count(),
  lease_expires_at: dateTime(),
  retry_exhausted: Type.Boolean(),
  payload: anyObject(),
};

const JOBS: Readonly<Record<string, TSchema>> = {
  QueueSnapshot: shape(
    { jobs: listOf("QueueJobState") },
    { last_event_id: text(), foreign_jobs: extension(listOf("ForeignJobState")) },
  ),
  QueueJobState: shape({ ...QUEUE_REQUIRED, job_type: ref("JobType") }, QUEUE_OPTIONALS),
  ForeignJobState: extension(shape({ ...QUEUE_REQUIRED, job_type: text() }, QUEUE_OPTIONALS)),
  JobFailure: shape({ code: ref("FailureCode") }, { message: text(), retryable: Type.Boolean() }),
  JobProjection: shape(
    { job_id: text(), request_id: text(), status: ref("JobStatus") },
    { ...JOB_OPTIONALS, job_type: ref("JobType"), result_status: ref("JobResultStatus") },
  ),
};

const PROJECTIONS: Readonly<Record<string, TSchema>> = {
  ProjectionSet: shape(
    {
      schema_version: version1(),
      rebuilt_at: dateTime(),
      source_ledger: text(),
      manifests: mapOf(ref("ProjectionManifest")),
      jobs: listOf("JobProjection"),
      rpi: shape({ runs: listOf("JobProjection") }),
      dream: shape({ runs: listOf("JobProjection") }),
      wiki: shape({ jobs: listOf("JobProjection") }),
      openclaw: ref("OpenClawSnapshotProjection"),
    },
    { last_event_id: text(), degraded_reasons: texts() },
  ),
  ProjectionManifest: shape(
    {
      schema_version: version1(),
      projection: ref("ProjectionName"),
      source_ledger: text(),
      status: ref("ProjectionStatus"),
      rebuilt_at: dateTime(),
    },
    { last_event_id: text(), output_paths: texts(), degraded_reasons: texts() },
  ),
  OpenClawSnapshotProjection: shape({
    schema_version: version1(),
    snapshot_id: text(),
    generated_at: dateTime(),
    source: ref("OpenClawSnapshotSource"),
    resources: resources("JobProjection"),
    status: ref("ProjectionStatus"),
  }),
};

const OPENCLAW: Readonly<Record<string, TSchema>> = {
  OpenClawHealthResponse: shape(
    {
      status: constText("ok"),
      ready: Type.Boolean(),
      snapshot_id: text(),
      generated_at: dateTime(),
      source: ref("OpenClawSnapshotSource"),
      snapshot_status: ref("OpenClawSnapshotStatus"),
      resource_counts: shape({ runs: count(), jobs: count(), wiki: count() }),
    },
    { degraded_reasons: texts() },
  ),
  OpenClawConsumerSnapshot: shape({
    schema_version: version1(),
    snapshot_id: text(),
    generated_at: dateTime(),
    source: ref("OpenClawSnapshotSource"),
    status: ref("OpenClawSnapshotStatus"),
    resources: resources("OpenClawResourceSummary"),
  }),
  OpenClawSnapshotSource: shape({ ledger: text() }, { last_event_id: text() }),
  OpenClawResourceSummary: shape(
    { resource_id: text(), resource_kind: oneOfTexts(["run", "job", "wiki"]), status: text() },
    {
      job_id: text(),
      job_type: text(),
      run_id: text(),
      request_id: text(),
      request_ids: texts(),
      result_status: text(),
      failure: shape({ code: text(), message: text() }, { retryable: Type.Boolean() }),
      artifacts: mapOf(text()),
      artifact_refs: extension(mapOf(ref("ArtifactRef"))),
      projection_targets: texts(),
      created_at: dateTime(),
      updated_at: dateTime(),
      last_event_id: text(),
      provenance: listOf("OpenClawProvenanceLink"),
    },
  ),
  OpenClawProvenanceLink: shape(
    { rel: text(), kind: text() },
    {
      uri: text(),
      path: text(),
      job_id: text(),
      run_id: text(),
      event_id: text(),
      artifact: text(),
    },
  ),
  OpenClawTriggerJobRequest: Type.Unsafe({
    allOf: [
      ref("SubmitJobRequest"),
      { type: "object", properties: { job_type: oneOfTexts(TRIGGER_JOB_TYPES) } },
    ],
  }),
  OpenClawTriggerJobResponse: shape(
    {
      accepted: constTrue(),
      request_id: text(),
      job_id: text(),
      job_type: text(),
      status: text(),
      snapshot_status: ref("OpenClawSnapshotStatus"),
    },
    { last_event_id: text(), idempotency_key: text() },
  ),
  OpenClawDaemonNotReady: shape(
    { error: constText("daemon is not ready"), projection_lag: ref("ProjectionLag") },
    { degraded_reasons: texts(), code: extension(text()), fix: extension(text()) },
  ),
};

function resources(item: string): TSchema {
  return shape({ runs: listOf(item), jobs: listOf(item), wiki: listOf(item) });
}

/** All components, contract first. */
export const SCHEMAS: Readonly<Record<string, TSchema>> = {
  ...READS,
  ...MUTATIONS,
  ...JOBS,
  ...PROJECTIONS,
  ...OPENCLAW,
  ...ENUMS,
  ...EXTENSION_SCHEMAS,
};
