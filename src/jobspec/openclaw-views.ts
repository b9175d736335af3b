/** OpenClaw's view of jobs (digest §15): the same facts as the projections, with provenance. */
import type { Health } from "../engine/engine.ts";
import type { JobState } from "../kernel/job/state.ts";
import { BUCKET_TYPES } from "./job-pages.ts";
import { jobProjection, SOURCE_LEDGER } from "./views.ts";

export type ResourceKind = "run" | "job" | "wiki";

/** The fields every snapshot of this instant starts with. */
export function snapshotHead(health: Health, at: string): Readonly<Record<string, unknown>> {
  return {
    schema_version: 1,
    snapshot_id: snapshotId(health),
    generated_at: at,
    source: snapshotSource(health),
    status: snapshotStatus(health),
  };
}

export function snapshotId({ lag }: Health): string {
  return lag.last_event_id === undefined ? "snap_empty" : `snap_${lag.last_event_id}`;
}

export function snapshotSource({ lag }: Health): Readonly<Record<string, unknown>> {
  const last = lag.last_event_id;
  return { ledger: SOURCE_LEDGER, ...(last === undefined ? {} : { last_event_id: last }) };
}

export function snapshotStatus(health: Health): string {
  return health.lag.degraded ? "degraded" : (health.projections["openclaw-snapshot"] ?? "current");
}

const RUN_TYPES: readonly string[] = BUCKET_TYPES.runs;

/** The contract's `OpenClawResourceSummary` of a job in one of the three lists. */
export function resource(kind: ResourceKind, job: JobState): object {
  const { failure, ...projection } = jobProjection(job);
  const isRun = RUN_TYPES.includes(job.job_type);
  return {
    resource_id: kind === "wiki" ? `wiki-${job.job_id}` : job.job_id,
    resource_kind: kind,
    ...projection,
    // Free text here, so a foreign type is shown as it is.
    ...(job.job_type === "" ? {} : { job_type: job.job_type }),
    ...(isRun ? { run_id: job.job_id } : {}),
    ...(failure === undefined ? {} : { failure: { ...failure, message: failure.message ?? "" } }),
    provenance: provenance(job, isRun),
  };
}

type Link = Readonly<Record<string, string>>;

/** Where a resource comes from: its event, its job, its run, then its artifacts by name. */
function provenance(job: JobState, isRun: boolean): readonly Link[] {
  const { job_id } = job;
  return [
    { rel: "source-event", kind: "daemon-ledger-event", event_id: job.last_event_id },
    { rel: "source-job", kind: "daemon-job", job_id },
    ...(isRun ? [{ rel: "source-run", kind: "daemon-run", run_id: job_id, job_id }] : []),
    ...Object.entries(job.artifacts ?? {})
      .filter(([, value]) => value.trim() !== "")
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([artifact, value]) => artifactLink(artifact, value)),
  ];
}

function artifactLink(artifact: string, value: string): Link {
  const link = { rel: "artifact", kind: "artifact", artifact };
  return value.includes("://") ? { ...link, uri: value } : { ...link, path: value };
}
