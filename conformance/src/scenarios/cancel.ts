/** Level 3, cancel: every state a job can be in, and everybody who may not. */
import { at, canonical, isObject, type Json, text } from "../json.ts";
import type { RequirementId } from "../requirements.ts";
import type { Scenario } from "../scenario.ts";
import type { Ask, Endpoint } from "../target/http.ts";
import { hourAgo } from "../target/ledger-book.ts";
import { NotAttempted, type Trial } from "../trial.ts";
import { givenHeld, hold, untilLapsed } from "./holding.ts";
import { everyState } from "./ledgers.ts";
import {
  askWrongMethod,
  CANCEL,
  cancel,
  checkNothingLeft,
  eventsOf,
  given,
  hasError,
  ofType,
  refused,
  rowOf,
} from "./wording.ts";

async function queued(trial: Trial): Promise<void> {
  const jobId = await given(trial, { job_id: trial.fresh("cancel") });
  await checkCancelled(trial, "execute:cancel:queued", jobId);
  const again = await cancel(trial, jobId);
  trial.holds(
    "execute:cancel:already-cancelled",
    again.status === 202 &&
      text(again.json, "outcome") === "already_terminal_cancelled" &&
      at(again.json, "cancelled") === true,
    "a second cancel says already_terminal_cancelled",
    again,
  );
  const cancels = ofType(await eventsOf(trial, jobId), "job.cancelled");
  trial.holds("execute:cancel:one-event", cancels.length === 1, "there is one job.cancelled", {
    seen: cancels,
  });
}

async function checkCancelled(
  trial: Trial,
  requirement: RequirementId,
  jobId: string,
  endpoint?: Endpoint,
): Promise<void> {
  const answer = await cancel(trial, jobId, endpoint);
  trial.holds(
    requirement,
    answer.status === 202 &&
      at(answer.json, "cancelled") === true &&
      text(answer.json, "outcome") === "cancelled" &&
      text(answer.json, "job", "job_id") === jobId &&
      text(answer.json, "job", "status") === "cancelled",
    "the cancel answers 202 cancelled with the job",
    answer,
  );
  const row = await rowOf(trial, jobId, endpoint);
  trial.holds(requirement, row["status"] === "cancelled", "status shows it cancelled", {
    seen: row,
  });
}

const DENIED: readonly (readonly [string, Ask])[] = [
  ["no token", { credentials: "none" }],
  ["a wrong token", { credentials: "wrong" }],
  ["a foreign Origin", { headers: { origin: "https://elsewhere.example" } }],
  ["a cross-site fetch", { headers: { "sec-fetch-site": "cross-site" } }],
];

async function denied(trial: Trial): Promise<void> {
  for (const [name, ask] of DENIED) {
    const jobId = await given(trial, { job_id: trial.fresh("kept") });
    const answer = await trial.post(CANCEL, { body: { job_id: jobId }, ...ask });
    const no = answer.status === 403 && hasError(answer);
    trial.holds("execute:cancel:needs-token", no, `a cancel with ${name} answers 403`, answer);
    // A cancel that was let in has changed the job, and that is the finding already written down.
    if (!no) continue;
    const row = await rowOf(trial, jobId);
    trial.holds(
      "execute:cancel:denied-changes-nothing",
      row["status"] === "queued" && (await eventsOf(trial, jobId)).length === 1,
      "the job is queued as before",
      { seen: row },
    );
  }
}

async function unknown(trial: Trial): Promise<void> {
  const known = await cancel(trial, await given(trial, {}));
  if (known.status !== 202) throw new NotAttempted("the cancel of a known job is refused too");
  const jobId = trial.fresh("never-submitted");
  for (const body of [{ job_id: jobId }, { job_id: "" }, {}]) {
    const answer = await trial.post(CANCEL, { body });
    trial.holds(
      "execute:cancel:unknown-job",
      refused(answer),
      `a cancel of ${canonical(body)} is refused with an error`,
      answer,
    );
  }
  const after = "a cancel of a job nobody knows";
  await checkNothingLeft(trial, "execute:cancel:unknown-job", { jobId, after });
  for (const raw of ['{"job_id":', "please"]) {
    const answer = await trial.post(CANCEL, { raw });
    trial.holds(
      "execute:cancel:invalid-json",
      answer.status === 400 && text(answer.json, "error") === "invalid json",
      `a cancel of ${raw} answers 400 invalid json`,
      answer,
    );
  }
}

async function routes(trial: Trial): Promise<void> {
  await askWrongMethod(trial, { path: CANCEL, method: "POST" }, "PUT", {
    refused: "execute:methods:wrong-method-405",
    allow: "execute:methods:allow-names-method",
  });
  const jobId = await given(trial, { job_id: trial.fresh("alias") });
  const answer = await trial.post("/jobs/cancel", { body: { job_id: jobId } });
  trial.holds(
    "execute:aliases:same-answer",
    answer.status === 202 && text(answer.json, "outcome") === "cancelled",
    "POST /jobs/cancel cancels",
    answer,
  );
  if (answer.status !== 202) return;
  const job = at(answer.json, "job");
  trial.holds("execute:bodies:match-contract", isObject(job), "its answer holds the job", answer);
  const ids = at(job, "request_ids");
  trial.holds(
    "execute:lists:are-arrays",
    ids === undefined || Array.isArray(ids),
    "request_ids, where given, is an array",
    answer,
  );
}

/** The states that only a worker, or a prepared ledger, can put a job in. */
async function prepared(trial: Trial): Promise<void> {
  const book = everyState();
  book
    .accepted("lapsed-1", { type: "dream.stage" })
    .claimed("lapsed-1", { epoch: 1, attempt: 1, expiresAt: hourAgo() });
  const { endpoint } = await trial.launch(book.text());
  await checkCancelled(trial, "execute:cancel:running", "running-1", endpoint);
  await checkCancelled(trial, "execute:cancel:retry-waiting", "lapsed-1", endpoint);
  for (const jobId of ["running-1", "lapsed-1"]) {
    const cancels = ofType(await eventsOf(trial, jobId, endpoint), "job.cancelled");
    trial.holds(
      "execute:cancel:one-event",
      cancels.length === 1,
      `${jobId} has one job.cancelled`,
      {
        seen: cancels,
      },
    );
  }
  for (const state of ["completed", "failed", "cancelled"] as const) {
    await checkTerminal(trial, state, `${state}-1`, endpoint);
  }
}

async function checkTerminal(
  trial: Trial,
  state: "completed" | "failed" | "cancelled",
  jobId: string,
  endpoint: Endpoint = trial.target,
): Promise<void> {
  const before = await history(trial, jobId, endpoint);
  if (before.status !== state) throw new NotAttempted(`status does not show ${jobId} as ${state}`);
  const answer = await cancel(trial, jobId, endpoint);
  trial.holds(
    `execute:cancel:already-${state}`,
    answer.status === 202 &&
      text(answer.json, "outcome") === `already_terminal_${state}` &&
      at(answer.json, "cancelled") === (state === "cancelled"),
    `cancelling a ${state} job says already_terminal_${state}`,
    answer,
  );
  const after = await history(trial, jobId, endpoint);
  const same = canonical(before) === canonical(after);
  trial.holds("execute:cancel:terminal-unchanged", same, `a ${state} job stays`, {
    seen: { before, after },
  });
}

interface History {
  readonly status: unknown;
  readonly events: readonly unknown[];
}

async function history(trial: Trial, jobId: string, endpoint: Endpoint): Promise<History> {
  const events = await eventsOf(trial, jobId, endpoint);
  const row = await rowOf(trial, jobId, endpoint);
  return { status: row["status"], events: events.map((event) => event["event_id"]) };
}

async function held(trial: Trial): Promise<void> {
  const job = await givenHeld(trial);
  const jobId = text(job, "job_id");
  await checkCancelled(trial, "execute:cancel:running", jobId);
  const late = await hold(trial, "complete", job);
  trial.holds(
    "execute:fence:cancelled-job",
    refused(late),
    "the holder's late completion is refused",
    late,
  );
  const row: Json = await rowOf(trial, jobId);
  const ends = ofType(await eventsOf(trial, jobId), "job.completed");
  trial.holds(
    "execute:terminal:first-wins",
    row["status"] === "cancelled" && ends.length === 0,
    "the job stays cancelled",
    { seen: row },
  );
  for (const verb of ["complete", "fail"] as const) {
    const ended = await givenHeld(trial);
    await hold(trial, verb, ended);
    const state = verb === "complete" ? "completed" : "failed";
    await checkTerminal(trial, state, text(ended, "job_id"));
  }
}

const SHORT_LEASE_MS = 1_000;

async function lapsed(trial: Trial): Promise<void> {
  const job = await givenHeld(trial, { leaseMs: SHORT_LEASE_MS });
  if (!(await untilLapsed(trial, job))) {
    throw new NotAttempted("the daemon does not give the short lease that was asked for");
  }
  const jobId = text(job, "job_id");
  await checkCancelled(trial, "execute:cancel:retry-waiting", jobId);
  const cancels = ofType(await eventsOf(trial, jobId), "job.cancelled");
  trial.holds("execute:cancel:one-event", cancels.length === 1, "there is one job.cancelled", {
    seen: cancels,
  });
}

export const CANCEL_SCENARIOS: readonly Scenario[] = [
  {
    id: "cancel/queued",
    title: "A queued job is cancelled twice",
    cites: [
      "execute:cancel:queued",
      "execute:cancel:already-cancelled",
      "execute:cancel:one-event",
    ],
    needs: "url",
    run: queued,
  },
  {
    id: "cancel/denied",
    title: "Cancels without the right to",
    cites: ["execute:cancel:needs-token", "execute:cancel:denied-changes-nothing"],
    needs: "url",
    run: denied,
  },
  {
    id: "cancel/unknown",
    title: "Cancels of jobs that do not exist, and of nothing readable",
    cites: ["execute:cancel:unknown-job", "execute:cancel:invalid-json"],
    needs: "url",
    run: unknown,
  },
  {
    id: "cancel/routes",
    title: "The cancel route's alias and its other methods",
    cites: [
      "execute:methods:wrong-method-405",
      "execute:methods:allow-names-method",
      "execute:aliases:same-answer",
      "execute:bodies:match-contract",
      "execute:lists:are-arrays",
    ],
    needs: "url",
    run: routes,
  },
  {
    id: "cancel/prepared",
    title: "Running, lapsed and ended jobs of a prepared ledger are cancelled",
    cites: [
      "execute:cancel:running",
      "execute:cancel:retry-waiting",
      "execute:cancel:one-event",
      "execute:cancel:already-completed",
      "execute:cancel:already-failed",
      "execute:cancel:already-cancelled",
      "execute:cancel:terminal-unchanged",
    ],
    needs: "start",
    run: prepared,
  },
  {
    id: "cancel/held",
    title: "Jobs held by a worker, and jobs that a worker ended, are cancelled",
    cites: [
      "execute:claim:gives-queued-job",
      "execute:cancel:running",
      "execute:cancel:already-completed",
      "execute:cancel:already-failed",
      "execute:cancel:terminal-unchanged",
      "execute:fence:cancelled-job",
      "execute:terminal:first-wins",
    ],
    needs: "url",
    run: held,
  },
  {
    id: "cancel/lapsed",
    title: "A job whose holder has gone silent is cancelled",
    cites: [
      "execute:claim:gives-queued-job",
      "execute:cancel:retry-waiting",
      "execute:cancel:one-event",
    ],
    needs: "url",
    run: lapsed,
  },
];
