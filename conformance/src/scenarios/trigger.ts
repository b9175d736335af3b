/** Level 4: the trigger, its allow-list and its gates. */
import { at, isObject, number, text } from "../json.ts";
import type { Scenario } from "../scenario.ts";
import type { Ask, Exchange } from "../target/http.ts";
import { LedgerBook } from "../target/ledger-book.ts";
import { NotAttempted, type Trial } from "../trial.ts";
import { askWrongMethod, checkNothingLeft, hasError, rowsOf, TRIGGER } from "./wording.ts";

const ALLOWED = ["openclaw.snapshot", "rpi.run", "dream.run", "wiki.forge"];
const REFUSED = ["rpi.phase", "dream.stage", "wiki.build", "conform.no-such-type", ""];

async function allowed(trial: Trial): Promise<void> {
  for (const job_type of ALLOWED) {
    const job_id = trial.fresh("trigger");
    const answer = await trial.post(TRIGGER, { body: { job_type, job_id } });
    trial.holds(
      "project:trigger:allowed-types",
      answer.status === 202,
      `a trigger of ${job_type} answers 202`,
      answer,
    );
  }
  const asked = {
    job_type: "rpi.run",
    job_id: trial.fresh("trigger"),
    request_id: trial.fresh("request"),
    idempotency_key: trial.fresh("key"),
  };
  const first = await trial.post(TRIGGER, { body: asked });
  const rows = await rowsOf(trial, asked.job_id);
  trial.holds(
    "project:trigger:describes-job",
    repeats(first, asked) && rows.length === 1 && rows[0]?.["job_type"] === "rpi.run",
    "the answer repeats ids, type and key, and status lists the job",
    first,
  );
  const { job_id: _given, ...rest } = asked;
  const again = await trial.post(TRIGGER, { body: rest });
  trial.holds(
    "project:trigger:recovers",
    again.status === 202 && text(again.json, "job_id") === asked.job_id,
    "the same key answers 202 with the same job",
    again,
  );
}

function repeats(answer: Exchange, asked: Readonly<Record<string, string>>): boolean {
  return (
    at(answer.json, "accepted") === true &&
    Object.entries(asked).every(([field, value]) => text(answer.json, field) === value)
  );
}

/** What triggers nothing at all has not refused anything in particular. */
async function mustTrigger(trial: Trial): Promise<void> {
  const answer = await trial.post(TRIGGER, { body: { job_type: "rpi.run" } });
  if (answer.status === 202) return;
  throw new NotAttempted(`a plain trigger was answered ${answer.status}`);
}

async function refusedTypes(trial: Trial): Promise<void> {
  await mustTrigger(trial);
  for (const job_type of REFUSED) {
    const job_id = trial.fresh("refused");
    const answer = await trial.post(TRIGGER, { body: { job_type, job_id } });
    trial.holds(
      "project:trigger:other-types",
      answer.status === 400 && hasError(answer),
      `a trigger of "${job_type}" answers 400`,
      answer,
    );
    if (answer.status === 202) continue;
    await checkNothingLeft(trial, "project:trigger:refused-leaves-nothing", {
      jobId: job_id,
      after: "it",
    });
  }
  const answer = await trial.post(TRIGGER, { raw: '{"job_type":"rpi.run"' });
  trial.holds(
    "project:trigger:invalid-json",
    answer.status === 400 && hasError(answer),
    "half an object answers 400",
    answer,
  );
  await askWrongMethod(trial, { path: TRIGGER, method: "POST" }, "PUT", {
    refused: "project:methods:wrong-method-405",
    allow: "project:methods:allow-names-method",
  });
}

const DENIED: readonly (readonly [string, Ask])[] = [
  ["no token", { credentials: "none" }],
  ["a wrong token", { credentials: "wrong" }],
  ["a foreign Origin", { headers: { origin: "https://elsewhere.example" } }],
  ["a cross-site fetch", { headers: { "sec-fetch-site": "cross-site" } }],
];

async function denied(trial: Trial): Promise<void> {
  await mustTrigger(trial);
  for (const [name, ask] of DENIED) {
    const job_id = trial.fresh("denied");
    const answer = await trial.post(TRIGGER, { body: { job_type: "rpi.run", job_id }, ...ask });
    trial.holds(
      "project:trigger:needs-token",
      answer.status === 403 && hasError(answer),
      `a trigger with ${name} answers 403`,
      answer,
    );
    if (answer.status === 202) continue;
    await checkNothingLeft(trial, "project:trigger:refused-leaves-nothing", {
      jobId: job_id,
      after: "it",
    });
  }
}

async function notReady(trial: Trial): Promise<void> {
  const book = new LedgerBook().accepted("before-1", { type: "rpi.run" }).broken();
  book.accepted("after-1", { type: "wiki.build" });
  const { endpoint } = await trial.launch(book.text());
  const job_id = trial.fresh("not-ready");
  const answer = await trial.post(TRIGGER, { body: { job_type: "rpi.run", job_id } }, endpoint);
  trial.holds(
    "project:trigger:not-ready",
    answer.status === 503 &&
      text(answer.json, "error") === "daemon is not ready" &&
      isObject(at(answer.json, "projection_lag")) &&
      number(answer.json, "projection_lag", "corrupt_record_count") === 1,
    "the trigger answers 503 with the lag",
    answer,
  );
  const refusal = { jobId: job_id, after: "it" };
  await checkNothingLeft(trial, "project:trigger:not-ready", refusal, endpoint);
}

export const TRIGGER_SCENARIOS: readonly Scenario[] = [
  {
    id: "trigger/allowed",
    title: "The four allowed types are triggered, one of them twice",
    cites: [
      "project:trigger:allowed-types",
      "project:trigger:describes-job",
      "project:trigger:recovers",
    ],
    needs: "url",
    run: allowed,
  },
  {
    id: "trigger/refused",
    title: "Other types, unreadable bodies and other methods",
    cites: [
      "project:trigger:other-types",
      "project:trigger:refused-leaves-nothing",
      "project:trigger:invalid-json",
      "project:methods:wrong-method-405",
      "project:methods:allow-names-method",
    ],
    needs: "url",
    run: refusedTypes,
  },
  {
    id: "trigger/denied",
    title: "Triggers without the right to",
    cites: ["project:trigger:needs-token", "project:trigger:refused-leaves-nothing"],
    needs: "url",
    run: denied,
  },
  {
    id: "trigger/not-ready",
    title: "A trigger over a ledger with a broken line",
    cites: ["project:trigger:not-ready"],
    needs: "start",
    run: notReady,
  },
];
