/** Level 3 over the routes for workers: claims, outcomes, fences, lapses. */
import { canonical, type Json, list, number, text } from "../json.ts";
import type { Scenario } from "../scenario.ts";
import { NotAttempted, type Trial } from "../trial.ts";
import { claim, claimOne, givenHeld, HOLDER_VERBS, hold, untilLapsed } from "./holding.ts";
import { eventsOf, given, LEASE_TYPE, ofType, refused, rowOf } from "./wording.ts";

const RACERS = 20;
const RACED_JOBS = 10;
const SHORT_LEASE_MS = 1_000;

export function showsLease(job: Json): boolean {
  return (
    job["status"] === "running" &&
    text(job, "claim_token") !== "" &&
    number(job, "lease_epoch") >= 1 &&
    number(job, "attempt") === 1 &&
    Date.parse(text(job, "lease_expires_at")) > Date.now()
  );
}

async function claimed(trial: Trial): Promise<void> {
  const job = await givenHeld(trial);
  const jobId = text(job, "job_id");
  trial.holds("execute:claim:running-with-lease", showsLease(job), "the claim gives a lease", {
    seen: job,
  });
  const row = await rowOf(trial, jobId);
  trial.holds(
    "execute:claim:running-with-lease",
    showsLease(row),
    "status shows the job running under that lease",
    { seen: row },
  );
  const [event, ...more] = ofType(await eventsOf(trial, jobId), "job.claimed");
  const payload = event?.["payload"];
  trial.holds(
    "execute:claim:recorded",
    more.length === 0 &&
      text(payload, "claim_token") === text(job, "claim_token") &&
      number(payload, "lease_epoch") === number(job, "lease_epoch") &&
      number(payload, "attempt") === 1 &&
      text(payload, "lease_expires_at") !== "",
    "events holds one job.claimed with the lease",
    { seen: event },
  );
  const other = await claimOne(trial, jobId);
  trial.holds(
    "execute:claim:live-lease-not-taken",
    other === undefined,
    "another claim does not get the job",
    { seen: other },
  );
  await hold(trial, "complete", job);
}

async function outcomes(trial: Trial): Promise<void> {
  const job = await givenHeld(trial);
  const jobId = text(job, "job_id");
  const beat = await hold(trial, "heartbeat", job);
  const beats = ofType(await eventsOf(trial, jobId), "job.heartbeat");
  const renewed = Date.parse(text(beat.json, "job", "lease_expires_at"));
  trial.holds(
    "execute:heartbeat:renews",
    beat.status === 200 &&
      beats.length === 1 &&
      renewed >= Date.parse(text(job, "lease_expires_at")),
    "a heartbeat is accepted, recorded and renews the lease",
    beat,
  );
  const done = await hold(trial, "complete", job);
  const row = await rowOf(trial, jobId);
  trial.holds(
    "execute:complete:ends-job",
    done.status === 200 &&
      row["status"] === "completed" &&
      text(row, "artifacts", "report") === "reports/conformance.md",
    "the job is completed and shows its artifact",
    { seen: row },
  );
  await hold(trial, "fail", job);
  const kept = await rowOf(trial, jobId);
  trial.holds(
    "execute:terminal:first-wins",
    kept["status"] === "completed" &&
      ofType(await eventsOf(trial, jobId), "job.failed").length === 0,
    "a failure after the completion changes nothing",
    { seen: kept },
  );
  const unlucky = await givenHeld(trial);
  const failed = await hold(trial, "fail", unlucky);
  const shown = await rowOf(trial, text(unlucky, "job_id"));
  trial.holds(
    "execute:fail:ends-job",
    failed.status === 200 &&
      shown["status"] === "failed" &&
      text(shown, "failure", "code") === "lost",
    "the job failed and shows the code",
    { seen: shown },
  );
}

async function released(trial: Trial): Promise<void> {
  const job = await givenHeld(trial);
  const answer = await hold(trial, "release", job);
  if (answer.status === 404 || answer.status === 405) {
    throw new NotAttempted("the daemon has no release route");
  }
  const again = await claimOne(trial, text(job, "job_id"));
  trial.holds(
    "execute:release:queues-again",
    answer.status === 200 &&
      again !== undefined &&
      number(again, "lease_epoch") > number(job, "lease_epoch") &&
      number(again, "attempt") === number(job, "attempt"),
    "the released job is claimed again, its attempt not used up",
    { seen: { released: answer.json, again } },
  );
  if (again !== undefined) await hold(trial, "complete", again);
}

async function race(trial: Trial): Promise<void> {
  await trial.needWorkerRoutes();
  const ours = new Set<string>();
  for (let index = 0; index < RACED_JOBS; index += 1) {
    ours.add(await given(trial, { job_id: trial.fresh("raced"), job_type: LEASE_TYPE }));
  }
  const answers = await Promise.all(Array.from({ length: RACERS }, () => claim(trial, 1)));
  const got = answers.flatMap((answer) => list(answer.json, "jobs"));
  const mine = got.filter((job) => ours.has(text(job, "job_id")));
  const holders = new Set(mine.map((job) => text(job, "job_id")));
  trial.holds(
    "execute:claim:one-holder",
    mine.length > 0 && holders.size === mine.length,
    `${RACERS} racing claims give each job to one of them`,
    { seen: mine.map((job) => [job["job_id"], job["claim_token"]]) },
  );
  for (const jobId of ours) {
    const epochs = ofType(await eventsOf(trial, jobId), "job.claimed").map((event) =>
      number(event, "payload", "lease_epoch"),
    );
    trial.holds(
      "execute:claim:one-holder",
      new Set(epochs).size === epochs.length,
      "no epoch of a job was given out twice",
      { seen: { jobId, epochs } },
    );
  }
  for (const job of got)
    await hold(trial, ours.has(text(job, "job_id")) ? "complete" : "release", job);
}

async function fences(trial: Trial): Promise<void> {
  const job = await givenHeld(trial);
  const jobId = text(job, "job_id");
  const before = await eventIds(trial, jobId);
  const strangers = {
    token: { ...job, claim_token: `${text(job, "claim_token")}-stale` },
    epoch: { ...job, lease_epoch: number(job, "lease_epoch") + 1 },
  };
  for (const [what, stranger] of Object.entries(strangers)) {
    for (const verb of HOLDER_VERBS) {
      const answer = await hold(trial, verb, stranger);
      trial.holds(
        what === "token" ? "execute:fence:wrong-token" : "execute:fence:wrong-epoch",
        refused(answer),
        `${verb} with another ${what} is refused`,
        answer,
      );
    }
  }
  const after = await eventIds(trial, jobId);
  const untouched = before === after;
  trial.holds("execute:fence:writes-nothing", untouched, "refused calls append nothing", {
    seen: { before, after },
  });
  await hold(trial, "complete", job);
}

/** The job's events by id. The end of a lease is the daemon's own word, written when it likes. */
async function eventIds(trial: Trial, jobId: string): Promise<string> {
  const events = await eventsOf(trial, jobId);
  const others = events.filter((event) => event["event_type"] !== "job.lease_expired");
  return canonical(others.map((event) => event["event_id"]));
}

async function lapse(trial: Trial): Promise<void> {
  const first = await givenHeld(trial, { leaseMs: SHORT_LEASE_MS });
  const jobId = text(first, "job_id");
  if (!(await untilLapsed(trial, first))) {
    throw new NotAttempted("the daemon does not give the short lease that was asked for");
  }
  const shown = await rowOf(trial, jobId);
  trial.holds(
    "execute:expiry:shown",
    shown["status"] === "retry_waiting",
    "the lapsed job shows retry_waiting",
    { seen: shown },
  );
  await checkLapsedFence(trial, first);
  const earlier = await eventsOf(trial, jobId);
  const second = await claimOne(trial, jobId, { leaseMs: SHORT_LEASE_MS * 3 });
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
  await checkReclaimed(trial, first, second);
  const later = (await eventsOf(trial, jobId)).map((event) => event["event_id"]);
  trial.holds(
    "execute:expiry:history-kept",
    earlier.every((event, index) => later[index] === event["event_id"]),
    "every earlier event is still listed",
    { seen: { earlier: earlier.map((event) => event["event_id"]), later } },
  );
  await lapseToTheCap(trial, second);
}

async function checkLapsedFence(trial: Trial, job: Json): Promise<void> {
  const before = await eventIds(trial, text(job, "job_id"));
  for (const verb of ["heartbeat", "complete"] as const) {
    const answer = await hold(trial, verb, job);
    trial.holds(
      "execute:fence:lapsed-lease",
      refused(answer),
      `a lapsed ${verb} is refused`,
      answer,
    );
  }
  const after = await eventIds(trial, text(job, "job_id"));
  trial.holds("execute:fence:writes-nothing", before === after, "and appends nothing", {
    seen: { before, after },
  });
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

async function checkReclaimed(trial: Trial, first: Json, second: Json): Promise<void> {
  const jobId = text(second, "job_id");
  const before = await eventIds(trial, jobId);
  for (const verb of HOLDER_VERBS) {
    const answer = await hold(trial, verb, first);
    trial.holds(
      "execute:fence:reclaimed",
      refused(answer),
      `${verb} of the earlier holder is refused`,
      answer,
    );
  }
  const row = await rowOf(trial, jobId);
  if (Date.parse(text(second, "lease_expires_at")) <= Date.now()) {
    throw new NotAttempted("the second lease was over before the earlier holder had called");
  }
  trial.holds(
    "execute:fence:reclaimed",
    row["status"] === "running" && text(row, "claim_token") === text(second, "claim_token"),
    "the new holder still holds the job",
    { seen: row },
  );
  const after = await eventIds(trial, jobId);
  trial.holds("execute:fence:writes-nothing", before === after, "and appends nothing", {
    seen: { before, after },
  });
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

export const LEASE_SCENARIOS: readonly Scenario[] = [
  {
    id: "leases/claimed",
    title: "A worker claims a job, and another tries to",
    cites: [
      "execute:claim:gives-queued-job",
      "execute:claim:running-with-lease",
      "execute:claim:recorded",
      "execute:claim:live-lease-not-taken",
    ],
    needs: "url",
    run: claimed,
  },
  {
    id: "leases/outcomes",
    title: "One held job is renewed and completed, another fails",
    cites: [
      "execute:claim:gives-queued-job",
      "execute:heartbeat:renews",
      "execute:complete:ends-job",
      "execute:terminal:first-wins",
      "execute:fail:ends-job",
    ],
    needs: "url",
    run: outcomes,
  },
  {
    id: "leases/released",
    title: "A holder hands its job back",
    cites: ["execute:claim:gives-queued-job", "execute:release:queues-again"],
    needs: "url",
    run: released,
  },
  {
    id: "leases/race",
    title: "Twenty claims race for ten jobs",
    cites: ["execute:claim:one-holder"],
    needs: "url",
    run: race,
  },
  {
    id: "leases/fences",
    title: "Calls with a wrong token or epoch for a job somebody holds",
    cites: [
      "execute:claim:gives-queued-job",
      "execute:fence:wrong-token",
      "execute:fence:wrong-epoch",
      "execute:fence:writes-nothing",
    ],
    needs: "url",
    run: fences,
  },
  {
    id: "leases/lapse",
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
