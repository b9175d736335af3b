/** Level 3 over the routes for workers: claims, outcomes, fences. */
import { type Json, list, number, text } from "../json.ts";
import type { Scenario } from "../scenario.ts";
import { NotAttempted, type Trial } from "../trial.ts";
import { checkRefused, claim, claimOne, givenHeld, HOLDER_VERBS, hold } from "./holding.ts";
import { eventsOf, given, LEASE_TYPE, ofType, rowOf } from "./wording.ts";

const RACERS = 20;
const RACED_JOBS = 10;

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
  if (got.length === 0) throw new NotAttempted("none of the racing claims got a job");
  const holders = new Set(got.map((job) => text(job, "job_id")));
  trial.holds(
    "execute:claim:one-holder",
    holders.size === got.length,
    `${RACERS} racing claims give each job to one of them`,
    { seen: got.map((job) => [job["job_id"], job["lease_epoch"]]) },
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

/** Proofs that are not the holder's, by what is wrong with them. */
const STRANGERS = {
  "execute:fence:wrong-token": (job: Json): Json => ({
    ...job,
    claim_token: `${text(job, "claim_token")}-stale`,
  }),
  "execute:fence:wrong-epoch": (job: Json): Json => ({
    ...job,
    lease_epoch: number(job, "lease_epoch") + 1,
  }),
} as const;

async function fences(trial: Trial): Promise<void> {
  for (const requirement of Object.keys(STRANGERS) as (keyof typeof STRANGERS)[]) {
    let job = await givenHeld(trial);
    for (const verb of HOLDER_VERBS) {
      const isRefused = await checkRefused(trial, requirement, verb, {
        job,
        stranger: STRANGERS[requirement](job),
      });
      // What was let in may have ended the job: the next call needs one that is held.
      if (!isRefused) job = await givenHeld(trial);
    }
    await hold(trial, "complete", job);
  }
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
];
