/** Ledger lines as somebody else may have written them: other ids, other types, other habits. */
import { toIso } from "../../src/lib/time.ts";
import { T0 } from "./given.ts";

/** One whole event as JSON text; `over` replaces or adds any field. */
export function foreignLine(eventId: string, type: string, over: object = {}): string {
  return JSON.stringify({
    schema_version: 1,
    event_id: eventId,
    request_id: "req-1",
    job_id: "job-1",
    event_type: type,
    occurred_at: toIso(T0),
    actor: "agentopsd",
    ...over,
  });
}

export function acceptedLine(eventId: string, jobId: string, jobType: string): string {
  const payload = { job_type: jobType, job_payload: {}, max_attempts: 3 };
  return foreignLine(eventId, "job.accepted", { job_id: jobId, payload });
}

/**
 * A ledger of every oddity that is still whole: unknown event and job types, ids that say nothing
 * of their place, a duplicate, an event for a job that nobody accepted, spaces inside the text.
 */
export const FOREIGN_LEDGER: readonly string[] = [
  acceptedLine("evt_job_accepted_job-1_000003", "job-1", "rpi.run"),
  foreignLine("first-of-a-factory", "factory.started", { payload: { "__proto__ ": 1 } }),
  acceptedLine("évt ☃", "job-2", "custom.type"),
  acceptedLine("evt_job_accepted_job-1_000003", "job-9", "rpi.run"),
  foreignLine("evt_job_cancelled_orphan_000004", "job.cancelled", { job_id: "orphan" }),
  foreignLine("stale-1", "projection.marked_stale", {
    job_id: "projections",
    payload: { projection_targets: ["wiki-jobs"] },
  }).replaceAll('":', '" : '),
  foreignLine("no-payload", "job.completed", { job_id: "job-2", note: "kept" }),
];

/** The ids of its events in order, each with its position. */
export const FOREIGN_IDS: readonly string[] = [
  "evt_job_accepted_job-1_000003",
  "first-of-a-factory",
  "évt ☃",
  "evt_job_cancelled_orphan_000004",
  "stale-1",
  "no-payload",
];
