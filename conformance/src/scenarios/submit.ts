/** Level 2: what a submit answers, who may submit, and what is refused. */
import { at, canonical, type Json, text } from "../json.ts";
import type { RequirementId } from "../requirements.ts";
import type { Scenario } from "../scenario.ts";
import type { Ask } from "../target/http.ts";
import { Stop, type Trial } from "../trial.ts";
import {
  askWrongMethod,
  checkNothingLeft,
  eventsOf,
  given,
  hasError,
  IDLE_TYPE,
  ofType,
  refused,
  rowsOf,
  SUBMIT,
  submit,
} from "./wording.ts";

const PAYLOAD: Json = {
  goal: "prove that nothing is lost",
  nested: { deep: [1, 2.5, true, null, "ünïcode ✓"], empty: {} },
  markup: "<a href='x'>&amp;</a>",
};

async function describes(trial: Trial): Promise<void> {
  const asked = {
    job_id: trial.fresh("job"),
    request_id: trial.fresh("request"),
    idempotency_key: trial.fresh("key"),
    payload: PAYLOAD,
  };
  const answer = await submit(trial, asked);
  trial.must("enqueue:submit:describes-job", answer.status === 202, "a submit answers 202", answer);
  for (const field of ["job_id", "request_id", "idempotency_key"] as const) {
    trial.holds(
      "enqueue:submit:describes-job",
      text(answer.json, field) === asked[field],
      `the answer repeats ${field}`,
      answer,
    );
  }
  trial.holds(
    "enqueue:submit:describes-job",
    at(answer.json, "accepted") === true && at(answer.json, "status") === "queued",
    "the answer says accepted and queued",
    answer,
  );
  await checkVisible(trial, asked.job_id);
}

async function checkVisible(trial: Trial, jobId: string): Promise<void> {
  const rows = await rowsOf(trial, jobId);
  trial.holds(
    "enqueue:submit:visible-at-once",
    rows.length === 1 && rows[0]?.["status"] === "queued",
    "status shows the job once, queued",
    { seen: rows },
  );
  const accepted = ofType(await eventsOf(trial, jobId), "job.accepted");
  trial.holds(
    "enqueue:submit:visible-at-once",
    accepted.length === 1,
    "events holds one job.accepted of it",
    { seen: accepted },
  );
  const shown = [at(rows[0], "payload"), at(accepted[0], "payload", "job_payload")];
  trial.holds(
    "enqueue:submit:payload-kept",
    shown.some((payload) => canonical(payload) === canonical(PAYLOAD)),
    "the payload is shown as it was sent",
    { seen: shown },
  );
}

async function anonymous(trial: Trial): Promise<void> {
  const answers = [await submit(trial, {}), await submit(trial, {})];
  for (const answer of answers) {
    trial.holds(
      "enqueue:submit:ids-made",
      answer.status === 202 &&
        text(answer.json, "job_id") !== "" &&
        text(answer.json, "request_id") !== "",
      "the answer names a job id and a request id",
      answer,
    );
  }
  const [first, second] = answers.map((answer) => text(answer.json, "job_id"));
  trial.holds("enqueue:submit:ids-made", first !== second, "the two jobs have different ids", {
    seen: { first, second },
  });
}

interface Leg {
  readonly name: string;
  readonly requirement: RequirementId;
  readonly ask: Ask;
}

const DENIED: readonly Leg[] = [
  { name: "no token", requirement: "enqueue:auth:missing-token", ask: { credentials: "none" } },
  { name: "a wrong token", requirement: "enqueue:auth:wrong-token", ask: { credentials: "wrong" } },
  {
    name: "a wrong bearer token",
    requirement: "enqueue:auth:wrong-token",
    ask: { credentials: "none", headers: { authorization: "Bearer not-the-token" } },
  },
  {
    name: "a foreign Origin",
    requirement: "enqueue:auth:foreign-origin",
    ask: { headers: { origin: "https://elsewhere.example" } },
  },
  {
    name: "Origin null",
    requirement: "enqueue:auth:foreign-origin",
    ask: { headers: { origin: "null" } },
  },
  {
    name: "a cross-site fetch",
    requirement: "enqueue:auth:cross-site",
    ask: { headers: { "sec-fetch-site": "cross-site" } },
  },
];

async function auth(trial: Trial): Promise<void> {
  const welcome = [
    await checkWelcome(trial, "header", "enqueue:auth:header-token"),
    await checkWelcome(trial, "bearer", "enqueue:auth:bearer-token"),
  ];
  if (!welcome.includes(true)) throw new Stop("no submit is let in, so nobody is kept out");
  for (const { name, requirement, ask } of DENIED) {
    const jobId = trial.fresh("denied");
    const body = { job_type: IDLE_TYPE, job_id: jobId };
    const answer = await trial.post(SUBMIT, { body, ...ask });
    const denied = answer.status === 403 && hasError(answer);
    trial.holds(requirement, denied, `a submit with ${name} answers 403`, answer);
    // A submit that was let in has left a job, and that is the finding already written down.
    if (!denied) continue;
    const after = `a submit with ${name}`;
    await checkNothingLeft(trial, "enqueue:auth:denied-leaves-nothing", { jobId, after });
  }
}

async function checkWelcome(
  trial: Trial,
  credentials: "header" | "bearer",
  requirement: RequirementId,
): Promise<boolean> {
  const body = { job_type: IDLE_TYPE, job_id: trial.fresh(credentials) };
  const answer = await trial.post(SUBMIT, { body, credentials });
  const message = `a submit with the token as ${credentials} answers 202`;
  return trial.holds(requirement, answer.status === 202, message, answer);
}

const UNREADABLE: Readonly<Record<string, string>> = {
  "half an object": '{"job_type":"wiki.build"',
  "plain text": "run the wiki job",
  "no body": "",
};

const WRONG_KIND: Readonly<Record<string, string>> = {
  "an array": "[]",
  "a bare string": '"wiki.build"',
  "a number for an id": '{"job_type":"wiki.build","job_id":7}',
  "a string for a payload": '{"job_type":"wiki.build","payload":"text"}',
};

async function invalidJson(trial: Trial): Promise<void> {
  await given(trial, {});
  for (const [name, raw] of Object.entries({ ...UNREADABLE, ...WRONG_KIND })) {
    const answer = await trial.post(SUBMIT, { raw });
    // The contract gives the words for a body that is no JSON; for JSON of another kind, the code.
    const worded = name in WRONG_KIND || text(answer.json, "error") === "invalid json";
    trial.holds(
      "enqueue:refuse:invalid-json",
      answer.status === 400 && hasError(answer) && worded,
      `a submit of ${name} answers 400${name in WRONG_KIND ? "" : " `invalid json`"}`,
      answer,
    );
  }
}

async function invalidFields(trial: Trial): Promise<void> {
  await given(trial, {});
  const legs: readonly (readonly [RequirementId, string, Json])[] = [
    ["enqueue:refuse:unknown-type", "an unknown type", { job_type: "conform.no-such-type" }],
    ["enqueue:refuse:unknown-type", "an empty type", { job_type: "" }],
    ["enqueue:refuse:unknown-type", "no type", { job_type: undefined }],
    [
      "enqueue:refuse:blank-in-request-id",
      "a blank in the request id",
      { request_id: "two words" },
    ],
    ["enqueue:refuse:blank-in-request-id", "a line break in it", { request_id: "two\nlines" }],
  ];
  for (const [requirement, name, fields] of legs) {
    const jobId = trial.fresh("refused");
    const answer = await submit(trial, { job_id: jobId, ...fields });
    const no = refused(answer);
    trial.holds(requirement, no, `a submit with ${name} is refused with an error`, answer);
    if (no) await checkNothingLeft(trial, "enqueue:refuse:leaves-nothing", { jobId, after: name });
  }
}

const OVERSIZED_CHARS = 2 * 1024 * 1024;

async function oversized(trial: Trial): Promise<void> {
  await given(trial, {});
  const jobId = trial.fresh("oversized");
  const filling = "x".repeat(OVERSIZED_CHARS);
  const answer = await submit(trial, { job_id: jobId, payload: { filling } });
  if (answer.status === 202) {
    const [row] = await rowsOf(trial, jobId);
    const [accepted] = await eventsOf(trial, jobId);
    const kept = [at(row, "payload", "filling"), at(accepted, "payload", "job_payload", "filling")];
    trial.holds(
      "enqueue:refuse:oversized",
      kept.includes(filling),
      "it was accepted and kept whole",
    );
    return;
  }
  // Closing the connection in the middle of a body that is too large is an answer, too.
  trial.holds(
    "enqueue:refuse:oversized",
    answer.status === 0 || (answer.status >= 400 && answer.status < 500),
    "two megabytes are refused with a 4xx",
    { seen: { status: answer.status, text: answer.text } },
  );
  await checkNothingLeft(trial, "enqueue:refuse:leaves-nothing", { jobId, after: "it" });
}

async function routes(trial: Trial): Promise<void> {
  await askWrongMethod(trial, { path: SUBMIT, method: "POST" }, "PUT", {
    refused: "enqueue:methods:wrong-method-405",
    allow: "enqueue:methods:allow-names-method",
  });
  const jobId = trial.fresh("alias");
  const answer = await trial.post("/jobs", { body: { job_type: IDLE_TYPE, job_id: jobId } });
  trial.holds(
    "enqueue:aliases:same-answer",
    answer.status === 202 && (await rowsOf(trial, jobId)).length === 1,
    "POST /jobs submits a job",
    answer,
  );
  if (answer.status !== 202) return;
  trial.holds(
    "enqueue:bodies:match-contract",
    at(answer.json, "accepted") === true,
    "its answer is that of a submit",
    answer,
  );
  const reasons = at(answer.json, "degraded_reasons");
  trial.holds(
    "enqueue:lists:are-arrays",
    reasons === undefined || Array.isArray(reasons),
    "degraded_reasons, where given, is an array",
    answer,
  );
}

export const SUBMIT_SCENARIOS: readonly Scenario[] = [
  {
    id: "submit/describes",
    title: "A submit with ids, key and payload is answered, listed and kept",
    cites: [
      "enqueue:submit:describes-job",
      "enqueue:submit:visible-at-once",
      "enqueue:submit:payload-kept",
    ],
    needs: "url",
    run: describes,
  },
  {
    id: "submit/anonymous",
    title: "Two submits without ids are two jobs with ids",
    cites: ["enqueue:submit:ids-made"],
    needs: "url",
    run: anonymous,
  },
  {
    id: "submit/auth",
    title: "Submits come with and without the right to",
    cites: [
      "enqueue:auth:missing-token",
      "enqueue:auth:wrong-token",
      "enqueue:auth:header-token",
      "enqueue:auth:bearer-token",
      "enqueue:auth:foreign-origin",
      "enqueue:auth:cross-site",
      "enqueue:auth:denied-leaves-nothing",
    ],
    needs: "url",
    run: auth,
  },
  {
    id: "submit/invalid-json",
    title: "Bodies that are no JSON object of the right kind",
    cites: ["enqueue:refuse:invalid-json"],
    needs: "url",
    run: invalidJson,
  },
  {
    id: "submit/invalid-fields",
    title: "Types and request ids that the contract does not allow",
    cites: [
      "enqueue:refuse:unknown-type",
      "enqueue:refuse:blank-in-request-id",
      "enqueue:refuse:leaves-nothing",
    ],
    needs: "url",
    run: invalidFields,
  },
  {
    id: "submit/oversized",
    title: "A body of two megabytes",
    cites: ["enqueue:refuse:oversized", "enqueue:refuse:leaves-nothing"],
    needs: "url",
    run: oversized,
  },
  {
    id: "submit/routes",
    title: "The submit route's alias and its other methods",
    cites: [
      "enqueue:methods:wrong-method-405",
      "enqueue:methods:allow-names-method",
      "enqueue:aliases:same-answer",
      "enqueue:bodies:match-contract",
      "enqueue:lists:are-arrays",
    ],
    needs: "url",
    run: routes,
  },
];
