import {
  exactly,
  flag,
  listOf,
  mapOf,
  moment,
  oneOf,
  record,
  type Schema,
  text,
  textMap,
  texts,
  the,
  version,
  whole,
} from "./schema.ts";

function lists(names: readonly string[], item: string): Schema {
  return record(Object.fromEntries(names.map((name) => [name, listOf(the(item))])));
}

/** The read bodies of levels 1 and 4. */
export const READ_SHAPES: Readonly<Record<string, Schema>> = {
  Health: record({
    status: exactly("ok"),
    daemon: exactly("agentopsd"),
    read_only: exactly(true),
    now: moment,
  }),
  Ready: record(
    {
      ready: flag,
      ledger_replay_status: oneOf("complete", "corrupt"),
      projection_status: the("Standing"),
      projection_lag: the("Lag"),
    },
    { degraded_reasons: texts },
  ),
  Status: record({
    ready: flag,
    projection_lag: the("Lag"),
    queue: record({ jobs: listOf(the("QueueJob")) }, { last_event_id: text }),
    projections: the("Projections"),
  }),
  Events: record(
    { events: listOf(the("Event")) },
    { corrupt: listOf(the("CorruptLine")), last_event_id: text },
  ),
  ProjectedJob: record(
    { job_id: text, request_id: text, status: the("JobStatus") },
    {
      job_type: the("JobType"),
      request_ids: texts,
      result_status: the("Result"),
      failure: the("Failure"),
      artifacts: textMap,
      projection_targets: listOf(the("Target")),
      created_at: moment,
      updated_at: moment,
      last_event_id: text,
    },
  ),
  Manifest: record(
    {
      schema_version: version,
      projection: the("Target"),
      source_ledger: text,
      status: the("Standing"),
      rebuilt_at: moment,
    },
    { last_event_id: text, output_paths: texts, degraded_reasons: texts },
  ),
  Projections: record(
    {
      schema_version: version,
      rebuilt_at: moment,
      source_ledger: text,
      manifests: mapOf(the("Manifest")),
      jobs: listOf(the("ProjectedJob")),
      rpi: lists(["runs"], "ProjectedJob"),
      dream: lists(["runs"], "ProjectedJob"),
      wiki: lists(["jobs"], "ProjectedJob"),
      openclaw: record({
        schema_version: version,
        snapshot_id: text,
        generated_at: moment,
        source: the("Source"),
        resources: lists(["runs", "jobs", "wiki"], "ProjectedJob"),
        status: the("Standing"),
      }),
    },
    { last_event_id: text, degraded_reasons: texts },
  ),
  Source: record({ ledger: text }, { last_event_id: text }),
  Link: record(
    { rel: text, kind: text },
    { uri: text, path: text, job_id: text, run_id: text, event_id: text, artifact: text },
  ),
  Resource: record(
    { resource_id: text, resource_kind: oneOf("run", "job", "wiki"), status: text },
    {
      job_id: text,
      job_type: text,
      run_id: text,
      request_id: text,
      request_ids: texts,
      result_status: text,
      failure: record({ code: text, message: text }, { retryable: flag }),
      artifacts: textMap,
      projection_targets: texts,
      created_at: moment,
      updated_at: moment,
      last_event_id: text,
      provenance: listOf(the("Link")),
    },
  ),
  ConsumerHealth: record(
    {
      status: exactly("ok"),
      ready: flag,
      snapshot_id: text,
      generated_at: moment,
      source: the("Source"),
      snapshot_status: the("Standing"),
      resource_counts: record({ runs: whole(), jobs: whole(), wiki: whole() }),
    },
    { degraded_reasons: texts },
  ),
  ConsumerSnapshot: record({
    schema_version: version,
    snapshot_id: text,
    generated_at: moment,
    source: the("Source"),
    status: the("Standing"),
    resources: lists(["runs", "jobs", "wiki"], "Resource"),
  }),
  ConsumerRuns: lists(["runs"], "Resource"),
  ConsumerJobs: lists(["jobs"], "Resource"),
  ConsumerWiki: lists(["wiki"], "Resource"),
  Triggered: record(
    {
      accepted: exactly(true),
      request_id: text,
      job_id: text,
      job_type: text,
      status: text,
      snapshot_status: the("Standing"),
    },
    { last_event_id: text, idempotency_key: text },
  ),
  NotReady: record(
    { error: exactly("daemon is not ready"), projection_lag: the("Lag") },
    { degraded_reasons: texts },
  ),
};

/** Answers of the extension routes that carry contract shapes. */
export const HELD_SHAPES: Readonly<Record<string, Schema>> = {
  Claimed: record({ jobs: listOf(the("QueueJob")) }, { lease_ms: whole(), heartbeat_ms: whole() }),
  Held: record({ job: the("QueueJob") }),
};
