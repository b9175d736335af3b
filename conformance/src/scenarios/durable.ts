/** Acknowledged means durable: SIGKILL at bad moments, and a look at the ledger from outside. */
import { setTimeout as pause } from "node:timers/promises";
import { findInBody } from "../contract/body.ts";
import { at, isObject, list, text } from "../json.ts";
import type { Scenario } from "../scenario.ts";
import type { Daemon } from "../target/daemon.ts";
import type { Ask } from "../target/http.ts";
import { LedgerBook } from "../target/ledger-book.ts";
import { Stop, type Trial } from "../trial.ts";
import {
  acceptedCounts,
  cancel,
  given,
  IDLE_TYPE,
  ofType,
  rowOf,
  SUBMIT,
  submit,
} from "./wording.ts";

const SUBMITTERS = 16;
/** SIGKILL comes after so many acknowledgements: early, in full flow, and later still. */
const KILL_AFTER = [40, 150, 400];
const LOAD_MS_MAX = 10_000;
/** A daemon that refuses this many is not going to be under load. */
const REFUSALS_MAX = 100;
const SHOWN_MAX = 10;

async function line(trial: Trial): Promise<void> {
  const daemon = await trial.launch();
  let accepted = 0;
  for (const credentials of ["header", "bearer", "header", "bearer"] as const) {
    const jobId = trial.fresh("line");
    const body = { job_type: IDLE_TYPE, job_id: jobId };
    const answer = await trial.post(SUBMIT, { body, credentials }, daemon.endpoint);
    // Whether a bearer token is known is for another scenario to say.
    if (answer.status !== 202 && credentials === "bearer") continue;
    if (answer.status === 202) accepted += 1;
    // Read at once, from this other process: no later write may come to its help.
    const ledger = await daemon.ledgerText();
    const written = ledger.split("\n").filter((each) => each.includes(`"${jobId}"`));
    trial.holds(
      "enqueue:ledger:line-before-answer",
      answer.status === 202 && written.length === 1,
      "the line is in the ledger when the 202 arrives",
      { seen: { status: answer.status, lines: written } },
    );
  }
  if (accepted === 0) throw new Stop("no plain submit was answered 202");
  checkLines(trial, await daemon.ledgerText());
  for (const ask of DENIED) {
    const before = await daemon.ledgerText();
    const body = { job_type: IDLE_TYPE, job_id: trial.fresh("denied") };
    const answer = await trial.post(SUBMIT, { body, ...ask }, daemon.endpoint);
    if (answer.status === 202) continue;
    trial.holds(
      "enqueue:auth:denied-leaves-nothing",
      (await daemon.ledgerText()) === before,
      "a denied submit leaves the ledger file as it was",
      answer,
    );
  }
}

const DENIED: readonly Ask[] = [
  { credentials: "none" },
  { credentials: "wrong" },
  { headers: { origin: "https://elsewhere.example" } },
  { headers: { "sec-fetch-site": "cross-site" } },
];

function checkLines(trial: Trial, ledger: string): void {
  trial.holds(
    "enqueue:ledger:line-format",
    ledger.endsWith("\n"),
    "the ledger ends with a newline",
  );
  for (const each of ledger.split("\n").filter((one) => one !== "")) {
    const event = parsed(each);
    const { nullLists, other } = findInBody("Event", event);
    const wrong = [...nullLists, ...other];
    trial.holds(
      "enqueue:ledger:line-format",
      isObject(event) && wrong.length === 0,
      `each line is an event: ${wrong.join("; ")}`,
      { seen: each },
    );
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

async function killAfterAnswer(trial: Trial): Promise<void> {
  const daemon = await trial.launch();
  const asked = { job_id: trial.fresh("killed"), idempotency_key: trial.fresh("key") };
  const answer = await submit(trial, asked, daemon.endpoint);
  await daemon.kill();
  if (answer.status !== 202) throw new Stop(`a plain submit was answered ${answer.status}`);
  await daemon.start();
  const events = list((await trial.get("/v1/events", daemon.endpoint)).json, "events");
  const row = await rowOf(trial, asked.job_id, daemon.endpoint);
  trial.must(
    "enqueue:durable:survives-kill",
    acceptedCounts(events).get(asked.job_id) === 1 && row["status"] === "queued",
    "the acknowledged job is there after SIGKILL and restart, once and queued",
    answer,
  );
  const again = await submit(trial, { idempotency_key: asked.idempotency_key }, daemon.endpoint);
  trial.holds(
    "enqueue:recover:after-restart",
    again.status === 202 && text(again.json, "job_id") === asked.job_id,
    "its key still names it",
    again,
  );
}

async function killUnderLoad(trial: Trial): Promise<void> {
  for (const killAfter of KILL_AFTER) {
    const daemon = await trial.launch();
    const load = await loadUntilKilled(trial, daemon, killAfter);
    if (load.acknowledged.size === 0) throw new Stop("no submit was acknowledged under load");
    await daemon.start();
    await checkAcknowledged(trial, daemon, killAfter, load.acknowledged);
    await checkUnanswered(trial, daemon, load.unanswered);
    await daemon.kill();
  }
}

async function checkAcknowledged(
  trial: Trial,
  daemon: Daemon,
  killAfter: number,
  acknowledged: ReadonlySet<string>,
): Promise<void> {
  const events = list((await trial.get("/v1/events", daemon.endpoint)).json, "events");
  const counts = acceptedCounts(events);
  const wrong = [...acknowledged].filter((id) => counts.get(id) !== 1);
  trial.holds(
    "enqueue:durable:survives-kill-under-load",
    wrong.length === 0,
    `SIGKILL after ${killAfter} acknowledgements: each acknowledged job is in the events once`,
    {
      seen: {
        acknowledged: acknowledged.size,
        lost: wrong.filter((id) => !counts.has(id)).length,
        repeated: wrong.filter((id) => counts.has(id)).length,
        first: wrong.slice(0, SHOWN_MAX),
      },
    },
  );
  const status = await trial.get("/v1/status", daemon.endpoint);
  const listed = list(status.json, "queue", "jobs").map((job) => text(job, "job_id"));
  const there = listed.filter((id) => acknowledged.has(id));
  trial.holds(
    "enqueue:durable:survives-kill-under-load",
    there.length === acknowledged.size && new Set(there).size === acknowledged.size,
    "and status lists each of them once",
    { seen: { acknowledged: acknowledged.size, listed: there.length } },
  );
}

/** Some of these died before their line was written and some after; nobody was told which. */
async function checkUnanswered(
  trial: Trial,
  daemon: Daemon,
  keys: readonly string[],
): Promise<void> {
  for (const idempotency_key of keys) {
    const answer = await submit(trial, { idempotency_key }, daemon.endpoint);
    trial.holds(
      "enqueue:recover:lost-answer",
      answer.status === 202,
      "a submit that was never answered is accepted with its key",
      answer,
    );
  }
  const events = list((await trial.get("/v1/events", daemon.endpoint)).json, "events");
  const uses = ofType(events, "job.accepted").map((each) =>
    text(each, "payload", "idempotency_key"),
  );
  const wrong = keys.filter((key) => uses.filter((use) => use === key).length !== 1);
  trial.holds(
    "enqueue:recover:lost-answer",
    wrong.length === 0,
    "and each of those keys is on one job.accepted",
    { seen: { keys: keys.length, wrong: wrong.slice(0, SHOWN_MAX) } },
  );
}

interface Load {
  /** Ids that got a 202. */
  readonly acknowledged: ReadonlySet<string>;
  /** Keys of the submits that the daemon died over. */
  readonly unanswered: readonly string[];
}

/** Sixteen submitters at work until the daemon is gone. */
async function loadUntilKilled(trial: Trial, daemon: Daemon, killAfter: number): Promise<Load> {
  const acknowledged = new Set<string>();
  const unanswered: string[] = [];
  let gone = false;
  let refusals = 0;
  const reached = Promise.withResolvers<void>();
  const submitter = async (): Promise<void> => {
    while (!gone) {
      const idempotency_key = trial.fresh("load");
      const body = { idempotency_key, payload: { filling: "x".repeat(200) } };
      const answer = await submit(trial, body, daemon.endpoint);
      const jobId = text(answer.json, "job_id");
      if (answer.status === 202 && jobId !== "") acknowledged.add(jobId);
      else refusals += 1;
      if (refusals > REFUSALS_MAX) return;
      // Without an answer there is nothing to go on with: the daemon is dead or dying.
      if (answer.status === 0) {
        unanswered.push(idempotency_key);
        return;
      }
      if (acknowledged.size >= killAfter) reached.resolve();
    }
  };
  const submitters = Array.from({ length: SUBMITTERS }, submitter);
  await Promise.race([reached.promise, Promise.all(submitters), pause(LOAD_MS_MAX)]);
  await daemon.kill();
  gone = true;
  await Promise.all(submitters);
  return { acknowledged, unanswered };
}

async function tornTail(trial: Trial): Promise<void> {
  const book = new LedgerBook().accepted("whole-1", { type: "wiki.build" });
  const daemon = await trial.launch(book.text('{"schema_version":1,"event_id":"evt_job_acc'));
  const asked = { job_id: trial.fresh("after-torn"), idempotency_key: trial.fresh("key") };
  const first = await submit(trial, asked, daemon.endpoint);
  // One honest error is allowed: the torn line was not the daemon's doing.
  const answer = first.status === 202 ? first : await submit(trial, asked, daemon.endpoint);
  trial.must(
    "enqueue:durable:append-after-torn-tail",
    answer.status === 202,
    "a submit is accepted over a torn tail, at the second try at the latest",
    answer,
  );
  await daemon.kill();
  await daemon.start();
  const events = list((await trial.get("/v1/events", daemon.endpoint)).json, "events");
  const counts = acceptedCounts(events);
  trial.holds(
    "enqueue:durable:append-after-torn-tail",
    counts.get(asked.job_id) === 1 && counts.get("whole-1") === 1,
    "it is there after the restart, and so is the job before the torn line",
    { seen: [...counts] },
  );
}

async function cancelSurvives(trial: Trial): Promise<void> {
  const daemon = await trial.launch();
  const jobId = await given(trial, { job_id: trial.fresh("cancelled") }, daemon.endpoint);
  const answer = await cancel(trial, jobId, daemon.endpoint);
  await daemon.kill();
  await daemon.start();
  const row = await rowOf(trial, jobId, daemon.endpoint);
  trial.holds(
    "execute:cancel:survives-kill",
    at(answer.json, "outcome") === "cancelled" && row["status"] === "cancelled",
    "the job is cancelled after SIGKILL and restart",
    { seen: { answer: answer.json, row } },
  );
}

export const DURABLE_SCENARIOS: readonly Scenario[] = [
  {
    id: "durable/line",
    title: "The ledger file is read by another process as soon as a submit is answered",
    cites: [
      "enqueue:ledger:line-before-answer",
      "enqueue:ledger:line-format",
      "enqueue:auth:denied-leaves-nothing",
    ],
    needs: "start",
    run: line,
  },
  {
    id: "durable/kill-after-answer",
    title: "SIGKILL right after a 202",
    cites: ["enqueue:durable:survives-kill", "enqueue:recover:after-restart"],
    needs: "start",
    run: killAfterAnswer,
  },
  {
    id: "durable/kill-under-load",
    title: "SIGKILL while sixteen submitters are at work, at three moments",
    cites: ["enqueue:durable:survives-kill-under-load", "enqueue:recover:lost-answer"],
    needs: "start",
    run: killUnderLoad,
  },
  {
    id: "durable/torn-tail",
    title: "A submit over a ledger with a torn last line, then SIGKILL",
    cites: ["enqueue:durable:append-after-torn-tail"],
    needs: "start",
    run: tornTail,
  },
  {
    id: "durable/cancel",
    title: "SIGKILL right after a cancel",
    cites: ["execute:cancel:survives-kill"],
    needs: "start",
    run: cancelSurvives,
  },
];
