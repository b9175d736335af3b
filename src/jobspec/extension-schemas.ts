/** Component schemas of the routes that the contract does not have (docs/reference/extensions.md). */
import { type TSchema, Type } from "typebox";
import {
  anyObject,
  constTrue,
  count,
  dateTime,
  extension,
  listOf,
  mapOf,
  ref,
  shape,
  text,
  version1,
} from "./schema-kit.ts";

const BATCH_SUBMITS_MAX = 1_000;
const BATCH_COMPLETIONS_MAX = 256;
const CLAIM_JOBS_MAX = 256;
const CLAIM_WAIT_MS_MAX = 60_000;
const LEASE_MS_MIN = 1_000;
const LEASE_MS_MAX = 3_600_000;

const leaseMs = (): TSchema => Type.Integer({ minimum: LEASE_MS_MIN, maximum: LEASE_MS_MAX });
const claimToken = (): TSchema => Type.String({ minLength: 1, maxLength: 512 });

/** Proof of holding a job, and what the work made so far. */
const FENCE = { claim_token: claimToken(), lease_epoch: count() };
const PRODUCTS = { artifacts: mapOf(text()), artifact_refs: mapOf(ref("ArtifactRef")) };
const failure = (): TSchema =>
  shape({ code: ref("FailureCode") }, { message: text(), retryable: Type.Boolean() });

const SCHEMAS: Readonly<Record<string, TSchema>> = {
  ArtifactRef: shape({
    path: Type.String({ minLength: 1 }),
    sha256: Type.String({ pattern: "^[0-9a-f]{64}$" }),
    size: count(),
    written_at: dateTime(),
  }),
  ForeignEvent: shape(
    {
      schema_version: version1(),
      event_id: text(),
      request_id: text(),
      job_id: text(),
      event_type: text(),
      occurred_at: dateTime(),
      actor: text(),
    },
    { payload: anyObject() },
  ),
  JobListResponse: shape(
    { jobs: listOf("QueueJobState") },
    { foreign_jobs: listOf("ForeignJobState"), next_cursor: text() },
  ),
  BatchSubmitRequest: shape({
    jobs: Type.Array(ref("SubmitJobRequest"), { minItems: 1, maxItems: BATCH_SUBMITS_MAX }),
  }),
  BatchSubmitResponse: shape({
    results: Type.Array(
      Type.Unsafe({ oneOf: [ref("SubmitJobResponse"), ref("SubmitJobRefusal")] }),
    ),
  }),
  SubmitJobRefusal: shape(
    { accepted: Type.Boolean({ const: false }), error: text(), code: text() },
    { detail: text(), field: text(), fix: text(), max_bytes: count(), got_bytes: count() },
  ),
  PathCancelRequest: shape({}, { job_id: text(), request_id: text(), reason: text() }),
  ClaimRequest: shape(
    { types: Type.Array(text(), { minItems: 1, maxItems: 64 }) },
    {
      max: Type.Integer({ minimum: 1, maximum: CLAIM_JOBS_MAX }),
      wait_ms: Type.Integer({ minimum: 0, maximum: CLAIM_WAIT_MS_MAX }),
      lease_ms: leaseMs(),
      worker: Type.String({ minLength: 1, maxLength: 128 }),
    },
  ),
  ClaimResponse: shape({ jobs: listOf("QueueJobState"), lease_ms: count(), heartbeat_ms: count() }),
  HeartbeatRequest: shape(FENCE, { ...PRODUCTS, lease_ms: leaseMs() }),
  CompleteRequest: shape(FENCE, PRODUCTS),
  FailRequest: shape({ ...FENCE, failure: failure() }, PRODUCTS),
  ReleaseRequest: shape(FENCE, {
    ...PRODUCTS,
    refund_attempt: Type.Boolean(),
    failure: failure(),
  }),
  AnyJobState: Type.Unsafe({ anyOf: [ref("QueueJobState"), ref("ForeignJobState")] }),
  JobResponse: shape({ job: ref("AnyJobState") }),
  BatchCompleteRequest: shape({
    jobs: Type.Array(shape({ job_id: text(), ...FENCE }, PRODUCTS), {
      minItems: 1,
      maxItems: BATCH_COMPLETIONS_MAX,
    }),
  }),
  BatchCompleteResponse: shape({
    results: Type.Array(
      Type.Unsafe({
        oneOf: [
          shape({ job_id: text(), ok: constTrue(), status: ref("JobStatus") }),
          shape(
            { job_id: text(), ok: Type.Boolean({ const: false }), error: text(), code: text() },
            { status: text(), fix: text() },
          ),
        ],
      }),
    ),
  }),
  RebuildResponse: shape({ events: count(), jobs: count(), ms: Type.Number({ minimum: 0 }) }),
  VerifyResponse: shape({
    ok: Type.Boolean(),
    events: count(),
    jobs: count(),
    differences: Type.Array(Type.Unsafe({})),
    corrupt: listOf("CorruptRecord"),
  }),
  RepairResponse: shape({
    moved: Type.Array(
      shape({ line_number: Type.Integer({ minimum: 1 }), error: text(), quarantine_path: text() }),
    ),
  }),
};

export const EXTENSION_SCHEMAS: Readonly<Record<string, TSchema>> = Object.fromEntries(
  Object.entries(SCHEMAS).map(([name, schema]) => [name, extension(schema)]),
);
