/** Level 3 over the routes for workers: leases that end before their holder says so. */
import { type Json, number, text } from "../json.ts";
import type { Scenario } from "../scenario.ts";
import { NotAttempted, type Trial } from "../trial.ts";
import { checkRefused, claimOne, givenHeld, HOLDER_VERBS, untilLapsed } from "./holding.ts";
import { eventsOf, rowOf } from "./wording.ts";

const SHORT_LEASE_MS = 1_000;
/** Long enough for the earlier holder to make all of its calls. */
const SECOND_LEASE_MS = 2_500;

/** A job whose short lease is over, and that nobody has claimed again. */
async function lapsed(trial: Trial): Promise<Json> {
  const job = await givenHeld(trial, { leaseMs: SHORT_LEASE_MS });
  if (await untilLapsed(trial, job)) return job;
  throw new NotAttempted("the daemon does not give the short lease that was asked for");
}

async function lapse(trial: Trial): Promise<void> {
  let first = await lapsed(trial);
  const shown = await rowOf(trial, text(first, "job_id"));
  trial.holds(
    "execute:expiry:shown",
    shown["status"] === "retry_waiting",
    "the lapsed job shows retry_waiting",
    { seen: shown },
  );
  for (const verb of ["heartbeat", "complete"] as const) {
    const call = { job: first, stranger: first };
    const isRefused = await checkRefused(trial, "execute:fence:lapsed-lease", verb, call);
    if (!isRefused) first = await lapsed(trial);
  }
  const earlier = await eventsOf(trial, text(first, "job_id"));
  const second = await claimOne(trial, text(first, "job_id"), { leaseMs: SECOND_LEASE_MS });
  trial.holds(
    "execute:expiry:reclaim",
    number(second, "lease_epoch") === number(first, "lease_epoch") + 1 &&
      number(second, "attempt") === number(first, "attempt") + 1 &&
      text(second, "claim_token") !== text(first, "claim_token"),
    "it is claimed again under the next epoch and attempt, with another token",
    { seen: { first, second } },
  );
  if (second === undefined) return;
  await checkRecorded(trial, first);
  const isHeld = await checkReclaimed(trial, first, second);
  const later = (await eventsOf(trial, text(first, "job_id"))).map((event) => event["event_id"]);
  trial.holds(
    "execute:expiry:history-kept",
    earlier.every((event) => later.includes(event["event_id"])),
    "every earlier event is still listed",
    { seen: { earlier: earlier.map((event) => event["event_id"]), later } },
  );
  if (isHeld) await lapseToTheCap(trial, second);
  else trial.skip("execute:expiry:cap", "the earlier holder had the job's lease changed");
}

async function checkRecorded(trial: Trial, first: Json): Promise<void> {
  const events = await eventsOf(trial, text(first, "job_id"));
  const ends = events.filter((event) => event["event_type"] === "job.lease_expired");
  const types = events.map((event) => text(event, "event_type"));
  trial.holds(
    "execute:expiry:recorded",
    ends.length === 1 && types.indexOf("job.lease_expired") < types.lastIndexOf("job.claimed"),
    "between the two claims there is one job.lease_expired",
    { seen: types },
  );
  const epoch = number(ends[0], "payload", "lease_epoch");
  trial.holds(
    "execute:expiry:recorded",
    epoch === number(first, "lease_epoch"),
    "it names the epoch of the lease that lapsed",
    { seen: ends },
  );
}

/** Answers whether the job is still the new holder's. */
async function checkReclaimed(trial: Trial, first: Json, second: Json): Promise<boolean> {
  for (const verb of HOLDER_VERBS) {
    const call = { job: second, stranger: first };
    const isRefused = await checkRefused(trial, "execute:fence:reclaimed", verb, call);
    if (!isRefused) return false;
  }
  const row = await rowOf(trial, text(second, "job_id"));
  if (Date.parse(text(second, "lease_expires_at")) <= Date.now()) {
    throw new NotAttempted("the second lease was over before the earlier holder had called");
  }
  return trial.holds(
    "execute:fence:reclaimed",
    row["status"] === "running" && text(row, "claim_token") === text(second, "claim_token"),
    "the new holder still holds the job",
    { seen: row },
  );
}

const ATTEMPTS_MAX = 6;

async function lapseToTheCap(trial: Trial, second: Json): Promise<void> {
  const jobId = text(second, "job_id");
  const max = number(second, "max_attempts");
  if (!(max <= ATTEMPTS_MAX)) {
    trial.skip("execute:expiry:cap", `a job has ${max} attempts: too many to wait for`);
    return;
  }
  let job: Json | undefined = second;
  while (job !== undefined && number(job, "attempt") < max) {
    await untilLapsed(trial, job);
    job = await claimOne(trial, jobId, { leaseMs: SHORT_LEASE_MS });
  }
  if (job !== undefined) await untilLapsed(trial, job);
  const more = await claimOne(trial, jobId);
  const row = await rowOf(trial, jobId);
  trial.holds("execute:expiry:cap", more === undefined, "no claim gets the exhausted job", {
    seen: more,
  });
  trial.holds("execute:expiry:cap", isExhausted(row), "it is exhausted, or failed as such", {
    seen: row,
  });
}

export function isExhausted(row: Json): boolean {
  const failed = row["status"] === "failed" && text(row, "failure", "code") === "retry_exhausted";
  return failed || (row["status"] === "retry_waiting" && row["retry_exhausted"] === true);
}

export const LAPSE_SCENARIOS: readonly Scenario[] = [
  {
    id: "lapses/reclaim",
    title: "A job's lease lapses, is claimed again, and lapses until no attempt is left",
    cites: [
      "execute:claim:gives-queued-job",
      "execute:expiry:shown",
      "execute:expiry:recorded",
      "execute:expiry:reclaim",
      "execute:expiry:history-kept",
      "execute:expiry:cap",
      "execute:fence:lapsed-lease",
      "execute:fence:reclaimed",
      "execute:fence:writes-nothing",
    ],
    needs: "url",
    run: lapse,
  },
];
