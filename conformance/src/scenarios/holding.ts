/** Working on jobs over the extension routes for workers: claim, hold, let go, wait for lapses. */
import { setTimeout as pause } from "node:timers/promises";
import { canonical, type Json, list, number, text } from "../json.ts";
import type { RequirementId } from "../requirements.ts";
import type { Endpoint, Exchange } from "../target/http.ts";
import { NotAttempted, Stop, type Trial } from "../trial.ts";
import { eventsOf, given, LEASE_TYPE, refused, rowOf } from "./wording.ts";

type HolderVerb = "heartbeat" | "complete" | "fail" | "release";
export const HOLDER_VERBS: readonly HolderVerb[] = ["heartbeat", "complete", "fail", "release"];

const CLAIM_MAX = 256;
/** Cited by every scenario that needs a job under a lease of its own. */
const GIVES = "execute:claim:gives-queued-job";
const LAPSE_POLL_MS = 100;
/** A lease this far from its end is not the short one that was asked for. */
const LAPSE_MS_MAX = 10_000;
const EXTRA: Readonly<Record<HolderVerb, Json>> = {
  heartbeat: {},
  complete: { artifacts: { report: "reports/conformance.md" } },
  fail: { failure: { code: "lost", message: "the session went away", retryable: true } },
  release: {},
};

interface ClaimOptions {
  readonly leaseMs?: number;
  readonly endpoint?: Endpoint;
}

export function claim(trial: Trial, max: number, options: ClaimOptions = {}): Promise<Exchange> {
  const { leaseMs, endpoint } = options;
  const body = {
    types: [LEASE_TYPE],
    max,
    wait_ms: 0,
    worker: "conformance",
    ...(leaseMs === undefined ? {} : { lease_ms: leaseMs }),
  };
  return trial.post("/v1/jobs/claim", { body }, endpoint);
}

/** Claims until the job is among what came; other jobs of its type are handed back at once. */
export async function claimOne(
  trial: Trial,
  jobId: string,
  options: ClaimOptions = {},
): Promise<Json | undefined> {
  const answer = await claim(trial, CLAIM_MAX, options);
  const claimed = list(answer.json, "jobs");
  for (const other of claimed) {
    if (other["job_id"] !== jobId) await hold(trial, "release", other, options.endpoint);
  }
  return claimed.find((job) => job["job_id"] === jobId);
}

/**
 * A fresh job under a lease of ours; ends the scenario when it cannot be had. A job that nobody
 * took and that stays queued is held against the daemon: it has the route and does not give.
 */
export async function givenHeld(trial: Trial, options: ClaimOptions = {}): Promise<Json> {
  await trial.needWorkerRoutes();
  const { endpoint } = options;
  const asked = { job_id: trial.fresh("lease"), job_type: LEASE_TYPE };
  const jobId = await given(trial, asked, endpoint);
  const job = await claimOne(trial, jobId, options);
  if (job !== undefined) {
    trial.holds(GIVES, true, "a claim gets the queued job");
    return job;
  }
  const row = await rowOf(trial, jobId, endpoint);
  if (row["status"] !== "queued") {
    throw new NotAttempted("somebody else took the job that was to be claimed");
  }
  const message = "a claim of its type gets the queued job";
  trial.holds(GIVES, false, message, { seen: row });
  throw new Stop(message);
}

/** A holder's call, with the proof that the claim gave. */
export function hold(
  trial: Trial,
  verb: HolderVerb,
  job: Json,
  endpoint?: Endpoint,
): Promise<Exchange> {
  const body = {
    claim_token: text(job, "claim_token"),
    lease_epoch: number(job, "lease_epoch"),
    ...EXTRA[verb],
  };
  const id = encodeURIComponent(text(job, "job_id"));
  return trial.post(`/v1/jobs/${id}/${verb}`, { body }, endpoint);
}

/** One call that must be refused and leave nothing; answers whether it was refused. */
export async function checkRefused(
  trial: Trial,
  requirement: RequirementId,
  verb: HolderVerb,
  { job, stranger }: { readonly job: Json; readonly stranger: Json },
): Promise<boolean> {
  const jobId = text(job, "job_id");
  const before = await eventIds(trial, jobId);
  const answer = await hold(trial, verb, stranger);
  const isRefused = trial.holds(requirement, refused(answer), `${verb} is refused`, answer);
  if (!isRefused) return false;
  const after = await eventIds(trial, jobId);
  trial.holds(
    "execute:fence:writes-nothing",
    before === after,
    `the refused ${verb} left nothing`,
    {
      seen: { before, after },
    },
  );
  return true;
}

/** The job's events by id. The end of a lease is the daemon's own word, written when it likes. */
async function eventIds(trial: Trial, jobId: string): Promise<string> {
  const events = await eventsOf(trial, jobId);
  const others = events.filter((event) => event["event_type"] !== "job.lease_expired");
  return canonical(others.map((event) => event["event_id"]));
}

/** Waits until the job's short lease is over; false when it is not a short one. */
export async function untilLapsed(trial: Trial, job: Json): Promise<boolean> {
  const end = Date.parse(text(job, "lease_expires_at"));
  if (Number.isNaN(end) || end - Date.now() > LAPSE_MS_MAX) return false;
  const deadline = Date.now() + LAPSE_MS_MAX;
  while (Date.now() < deadline) {
    const row = await rowOf(trial, text(job, "job_id"));
    if (Date.now() > end && row["status"] !== "running") return true;
    await pause(LAPSE_POLL_MS);
  }
  return true;
}
