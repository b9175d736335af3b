/** Level 1 against any daemon: the four reads, their aliases, methods and lists. */
import { READ_ROUTES } from "../contract/routes.ts";
import { at, isObject, list, number, text } from "../json.ts";
import type { Scenario } from "../scenario.ts";
import type { Exchange } from "../target/http.ts";
import type { Trial } from "../trial.ts";
import { askWrongMethod, given } from "./wording.ts";

const READS = READ_ROUTES.filter((route) => route.level === 1);

async function health(trial: Trial): Promise<void> {
  const answer = await trial.get("/v1/health");
  trial.holds("observe:health:answers", isHealth(answer), "health says it is well", answer);
}

export function isHealth(answer: Exchange): boolean {
  return (
    answer.status === 200 &&
    text(answer.json, "status") === "ok" &&
    text(answer.json, "daemon") === "agentopsd" &&
    at(answer.json, "read_only") === true &&
    !Number.isNaN(Date.parse(text(answer.json, "now")))
  );
}

async function shapes(trial: Trial): Promise<void> {
  await given(trial, { job_id: trial.fresh("shape") }).catch(() => undefined);
  for (const { path } of READS) {
    const answer = await trial.get(path);
    const type = answer.headers["content-type"] ?? "none";
    trial.holds(
      "observe:reads:need-no-token",
      answer.status === 200,
      `GET ${path} answers 200 without a token`,
      answer,
    );
    if (answer.status !== 200) continue;
    trial.holds(
      "observe:answers:json-content-type",
      type.toLowerCase().startsWith("application/json"),
      `GET ${path} answers application/json`,
      answer,
    );
    trial.holds(
      "observe:bodies:match-contract",
      answer.json !== undefined,
      `GET ${path} answers JSON`,
      answer,
    );
  }
  const status = await trial.get("/v1/status");
  const jobs = at(status.json, "queue", "jobs");
  trial.holds(
    "observe:lists:are-arrays",
    Array.isArray(jobs),
    "queue.jobs of status is an array",
    status,
  );
}

async function aliases(trial: Trial): Promise<void> {
  for (const { path, alias } of READS) {
    if (alias === undefined) continue;
    const [long, short] = [await trial.get(path), await trial.get(alias)];
    const same = keysOf(long) !== "" && keysOf(long) === keysOf(short);
    trial.holds(
      "observe:aliases:same-answer",
      same && short.status === 200,
      `GET ${alias} answers as GET ${path} does`,
      short,
    );
  }
}

function keysOf(answer: Exchange): string {
  return isObject(answer.json) ? Object.keys(answer.json).sort().join() : "";
}

async function methods(trial: Trial): Promise<void> {
  const ids = {
    refused: "observe:methods:wrong-method-405",
    allow: "observe:methods:allow-names-method",
  } as const;
  for (const route of READS) {
    await askWrongMethod(trial, route, "PUT", ids);
    await askWrongMethod(trial, route, "POST", ids);
  }
}

async function readiness(trial: Trial): Promise<void> {
  checkReadiness(trial, await trial.get("/v1/ready"));
}

/** Whether what an answer of ready says fits together, whatever it says. */
export function checkReadiness(trial: Trial, ready: Exchange): void {
  const corrupt = number(ready.json, "projection_lag", "corrupt_record_count");
  const degraded = at(ready.json, "projection_lag", "degraded");
  const replay = text(ready.json, "ledger_replay_status");
  trial.holds(
    "observe:ready:agrees-with-lag",
    ready.status === 200 && corrupt >= 0 && (replay === "corrupt") === corrupt > 0,
    "the replay status is `corrupt` exactly when there are corrupt records",
    ready,
  );
  trial.holds(
    "observe:ready:agrees-with-lag",
    typeof degraded === "boolean" && (!(corrupt > 0) || degraded),
    "the lag is degraded when there are corrupt records",
    ready,
  );
  const isReady = at(ready.json, "ready") === true;
  const reasons = at(ready.json, "degraded_reasons");
  trial.holds(
    "observe:ready:agrees-with-lag",
    isReady ? corrupt === 0 : Array.isArray(reasons) && reasons.length > 0,
    "a ready daemon has no corrupt records, and one that is not says why",
    ready,
  );
}

async function events(trial: Trial): Promise<void> {
  const jobs: string[] = [];
  for (const name of ["first", "second", "third"]) {
    jobs.push(await given(trial, { job_id: trial.fresh(name) }));
  }
  const answer = await trial.get("/v1/events");
  const listed = list(answer.json, "events");
  const accepted = listed
    .filter((event) => event["event_type"] === "job.accepted")
    .map((event) => text(event, "job_id"))
    .filter((id) => jobs.includes(id));
  trial.holds(
    "observe:events:ledger-order",
    accepted.join() === jobs.join(),
    "events lists the accepted jobs in the order in which they were acknowledged",
    { seen: { expected: jobs, accepted } },
  );
  const last = text(answer.json, "last_event_id");
  trial.holds(
    "observe:events:last-event-id",
    last !== "" && last === text(listed.at(-1), "event_id"),
    "last_event_id is the id of the last event listed",
    { seen: { last_event_id: last, last_listed: listed.at(-1) } },
  );
  const ids = new Set(listed.map((event) => event["event_id"]));
  trial.holds(
    "observe:events:duplicate-id-once",
    ids.size === listed.length,
    "no event id is listed twice",
    { seen: { listed: listed.length, distinct: ids.size } },
  );
  await checkLagCounts(trial, listed.length);
  const order = list((await trial.get("/v1/status")).json, "queue", "jobs").map((job) =>
    text(job, "job_id"),
  );
  trial.holds(
    "observe:status:every-job",
    order.filter((id) => jobs.includes(id)).join() === jobs.join(),
    "status lists the three jobs once each, in the order of acceptance",
    { seen: { expected: jobs, listed: order.filter((id) => jobs.includes(id)) } },
  );
}

/** Others may append meanwhile: the count lies between what is listed before and after it. */
async function checkLagCounts(trial: Trial, before: number): Promise<void> {
  const ready = await trial.get("/v1/ready");
  const after = list((await trial.get("/v1/events")).json, "events").length;
  const count = number(ready.json, "projection_lag", "event_count");
  trial.holds(
    "observe:events:lag-counts",
    count >= before && count <= after,
    "event_count is the number of events",
    ready,
  );
}

export const OBSERVE_SCENARIOS: readonly Scenario[] = [
  {
    id: "observe/health",
    title: "Health is asked for",
    cites: ["observe:health:answers"],
    needs: "url",
    run: health,
  },
  {
    id: "observe/shapes",
    title: "Every read is asked for without a token and held against its schema",
    cites: [
      "observe:reads:need-no-token",
      "observe:answers:json-content-type",
      "observe:bodies:match-contract",
      "observe:lists:are-arrays",
    ],
    needs: "url",
    run: shapes,
  },
  {
    id: "observe/aliases",
    title: "Unversioned aliases answer as the versioned paths do",
    cites: ["observe:aliases:same-answer"],
    needs: "url",
    run: aliases,
  },
  {
    id: "observe/methods",
    title: "Reads are asked for with methods they do not have",
    cites: ["observe:methods:wrong-method-405", "observe:methods:allow-names-method"],
    needs: "url",
    run: methods,
  },
  {
    id: "observe/readiness",
    title: "What readiness says fits together",
    cites: ["observe:ready:agrees-with-lag"],
    needs: "url",
    run: readiness,
  },
  {
    id: "observe/events",
    title: "Three jobs are submitted, and events and status tell of them in order",
    cites: [
      "observe:events:ledger-order",
      "observe:events:last-event-id",
      "observe:events:duplicate-id-once",
      "observe:events:lag-counts",
      "observe:status:every-job",
    ],
    needs: "url",
    run: events,
  },
];
