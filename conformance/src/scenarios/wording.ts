/** What several groups of scenarios say to a daemon, and how they read its answers. */

import { at, isObject, type Json, list, text } from "../json.ts";
import type { RequirementId } from "../requirements.ts";
import type { Endpoint, Exchange } from "../target/http.ts";
import { Stop, type Trial } from "../trial.ts";

export const SUBMIT = "/v1/jobs";
export const CANCEL = "/v1/jobs/cancel";
export const TRIGGER = "/openclaw/v1/triggers/jobs";

/** A type that hardly any daemon has a worker for: these jobs stay where the kit puts them. */
export const IDLE_TYPE = "wiki.build";
/** The type that only the lease scenarios use, so that their claims meet no other job of ours. */
export const LEASE_TYPE = "dream.stage";

export function submit(trial: Trial, body: Json, endpoint?: Endpoint): Promise<Exchange> {
  return trial.post(SUBMIT, { body: { job_type: IDLE_TYPE, ...body } }, endpoint);
}

export function cancel(trial: Trial, jobId: string, endpoint?: Endpoint): Promise<Exchange> {
  return trial.post(CANCEL, { body: { job_id: jobId } }, endpoint);
}

/**
 * Submits a job that the scenario needs as material, or as the proof that this daemon, whatever it
 * refuses afterwards, does not refuse everything; ends the scenario when that fails.
 */
export async function given(trial: Trial, body: Json, endpoint?: Endpoint): Promise<string> {
  const answer = await submit(trial, body, endpoint);
  if (answer.status !== 202) throw new Stop(`a plain submit was answered ${answer.status}`);
  const jobId = text(answer.json, "job_id");
  if (jobId === "") throw new Stop("a plain submit was answered 202 without a job id");
  return jobId;
}

/** All rows that status shows for the job. */
export async function rowsOf(trial: Trial, jobId: string, endpoint?: Endpoint): Promise<Json[]> {
  const status = await trial.get("/v1/status", endpoint);
  return list(status.json, "queue", "jobs").filter((job) => job["job_id"] === jobId);
}

export async function rowOf(trial: Trial, jobId: string, endpoint?: Endpoint): Promise<Json> {
  return (await rowsOf(trial, jobId, endpoint))[0] ?? {};
}

/** The job's events in ledger order. */
export async function eventsOf(trial: Trial, jobId: string, endpoint?: Endpoint): Promise<Json[]> {
  const events = await trial.get("/v1/events", endpoint);
  return list(events.json, "events").filter((event) => event["job_id"] === jobId);
}

/**
 * Asserts that the job has no event. Where events cannot be read, nothing can be said about what is
 * missing from them: then nothing is asserted.
 */
export async function checkNothingLeft(
  trial: Trial,
  requirement: RequirementId,
  { jobId, after }: { readonly jobId: string; readonly after: string },
  endpoint?: Endpoint,
): Promise<void> {
  const answer = await trial.get("/v1/events", endpoint);
  const events = at(answer.json, "events");
  if (answer.status !== 200 || events === undefined) {
    trial.skip(requirement, "the events cannot be read");
    return;
  }
  const left = list(answer.json, "events").filter((event) => event["job_id"] === jobId);
  trial.holds(requirement, left.length === 0, `${after} leaves no event`, { seen: left });
}

export function ofType(events: readonly Json[], type: string): readonly Json[] {
  return events.filter((event) => event["event_type"] === type);
}

/** How many `job.accepted` events each job id has. */
export function acceptedCounts(events: readonly Json[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const event of ofType(events, "job.accepted")) {
    const id = text(event, "job_id");
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

export function hasError(exchange: Exchange): boolean {
  return isObject(exchange.json) && text(exchange.json, "error") !== "";
}

/** An error the daemon means: a 4xx or 5xx with an error text. */
export function refused(exchange: Exchange): boolean {
  return exchange.status >= 400 && hasError(exchange);
}

interface MethodIds {
  readonly refused: RequirementId;
  readonly allow: RequirementId;
}

/** Asks a route with a method it does not have. */
export async function askWrongMethod(
  trial: Trial,
  route: { readonly path: string; readonly method: string },
  wrong: string,
  ids: MethodIds,
): Promise<void> {
  const answer = await trial.ask(wrong, route.path, { body: {} });
  trial.holds(
    ids.refused,
    answer.status === 405 && hasError(answer),
    `${wrong} ${route.path} is answered 405 with an error body`,
    answer,
  );
  if (answer.status !== 405) return;
  const allowed = (answer.headers["allow"] ?? "").split(",").map((name) => name.trim());
  trial.holds(
    ids.allow,
    allowed.includes(route.method) && !allowed.includes(wrong),
    `Allow of ${wrong} ${route.path} names ${route.method} and not ${wrong}`,
    answer,
  );
}
