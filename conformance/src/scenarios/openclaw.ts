/** Level 4: the queue, the projections and the OpenClaw answers tell one story. */
import { JOB_TYPES } from "../contract/jobs.ts";
import { READ_ROUTES } from "../contract/routes.ts";
import { at, canonical, type Json, list, number, text } from "../json.ts";
import type { RequirementId } from "../requirements.ts";
import type { Scenario } from "../scenario.ts";
import type { Endpoint, Exchange } from "../target/http.ts";
import { hourAgo, LedgerBook } from "../target/ledger-book.ts";
import type { Trial } from "../trial.ts";
import { everyState } from "./ledgers.ts";
import { askWrongMethod, cancel, given } from "./wording.ts";

const READS = READ_ROUTES.filter((route) => route.level === 4);
const CALM_TRIES_MAX = 10;
const KINDS = { runs: "run", jobs: "job", wiki: "wiki" } as const;
type ListName = keyof typeof KINDS;

/** All views of one moment. */
interface Views {
  readonly status: Exchange;
  readonly health: Exchange;
  readonly snapshot: Exchange;
  readonly lists: Readonly<Record<ListName, Exchange>>;
}

/** Reads every view, again when something happened in between. */
async function viewsOf(trial: Trial, endpoint: Endpoint): Promise<Views> {
  for (let tries = 1; ; tries += 1) {
    const status = await trial.get("/v1/status", endpoint);
    const views = {
      status,
      health: await trial.get("/openclaw/v1/health", endpoint),
      snapshot: await trial.get("/openclaw/v1/snapshot/latest", endpoint),
      lists: {
        runs: await trial.get("/openclaw/v1/runs", endpoint),
        jobs: await trial.get("/openclaw/v1/jobs", endpoint),
        wiki: await trial.get("/openclaw/v1/wiki", endpoint),
      },
    };
    const after = await trial.get("/v1/status", endpoint);
    const calm = lastEvent(after) === lastEvent(status);
    if (calm || tries === CALM_TRIES_MAX) return views;
  }
}

function lastEvent(status: Exchange): string {
  return text(status.json, "projections", "last_event_id");
}

async function live(trial: Trial): Promise<void> {
  const ids: string[] = [];
  for (const job_type of JOB_TYPES) {
    ids.push(await given(trial, { job_id: trial.fresh("seen"), job_type }));
  }
  await cancel(trial, ids[0] ?? "");
  await checkViews(trial, await viewsOf(trial, trial.target));
}

/** The two types and the one state that only a clock can bring about, beside the others. */
function everyTypeAndState(): LedgerBook {
  return everyState()
    .accepted("lapsed-1", { type: "dream.stage" })
    .claimed("lapsed-1", { epoch: 1, attempt: 1, expiresAt: hourAgo() })
    .accepted("snapshot-1", { type: "openclaw.snapshot" })
    .claimed("snapshot-1", { epoch: 1, attempt: 1, expiresAt: hourAgo() })
    .completed("snapshot-1", 1);
}

async function prepared(trial: Trial): Promise<void> {
  const { endpoint } = await trial.launch(everyTypeAndState().text());
  const views = await viewsOf(trial, endpoint);
  await checkViews(trial, views);
  const resources = list(views.lists.jobs.json, "jobs");
  const failed = resources.find((each) => each["job_id"] === "failed-1");
  trial.holds(
    "project:openclaw:same-failures",
    canonical(failed?.["failure"]) ===
      '{"code":"lost","message":"the session went away","retryable":true}',
    "OpenClaw shows the failure of the ledger",
    { seen: failed },
  );
  const completed = resources.find((each) => each["job_id"] === "completed-1");
  trial.holds(
    "project:openclaw:same-artifacts",
    canonical(completed?.["artifacts"]) ===
      '{"page":"https://example.test/one","report":"reports/one.md"}',
    "OpenClaw shows the artifacts of the ledger",
    { seen: completed },
  );
}

async function checkViews(trial: Trial, views: Views): Promise<void> {
  const projected = list(views.status.json, "projections", "jobs");
  checkQueue(trial, views.status, projected);
  checkBuckets(trial, views.status);
  checkResources(trial, views, projected);
  checkKinds(trial, views);
  const last = lastEvent(views.status);
  for (const source of [views.health, views.snapshot]) {
    trial.holds(
      "project:openclaw:same-last-event",
      last !== "" && text(source.json, "source", "last_event_id") === last,
      `the source names ${last} as the last event`,
      source,
    );
  }
  for (const name of Object.keys(KINDS) as ListName[]) {
    const listed = list(views.lists[name].json, name);
    const counted = number(views.health.json, "resource_counts", name);
    trial.holds(
      "project:openclaw:counts",
      listed.length > 0 && counted === listed.length,
      `the count of ${name} is the length of its list`,
      { seen: { counted, listed: listed.length } },
    );
    const inSnapshot = list(views.snapshot.json, "resources", name);
    trial.holds(
      "project:openclaw:snapshot-holds-lists",
      listed.length > 0 && canonical(inSnapshot.map(gist)) === canonical(listed.map(gist)),
      `the snapshot holds the same ${name} as the list`,
      { seen: { snapshot: inSnapshot.length, list: listed.length } },
    );
  }
}

function gist(resource: Json): unknown {
  return [resource["resource_id"], resource["status"], resource["last_event_id"]];
}

function checkQueue(trial: Trial, status: Exchange, projected: readonly Json[]): void {
  const queue = list(status.json, "queue", "jobs");
  const byId = new Map(projected.map((job) => [job["job_id"], job]));
  const different = queue.filter((job) => byId.get(job["job_id"])?.["status"] !== job["status"]);
  trial.holds(
    "project:queue:same-statuses",
    queue.length > 0 && queue.length === projected.length && different.length === 0,
    "queue and projections list the same jobs in the same states",
    { seen: different.map((job) => ({ queue: job, projected: byId.get(job["job_id"]) })) },
  );
}

function checkBuckets(trial: Trial, status: Exchange): void {
  const buckets = {
    rpi: list(status.json, "projections", "rpi", "runs"),
    dream: list(status.json, "projections", "dream", "runs"),
    wiki: list(status.json, "projections", "wiki", "jobs"),
  };
  const all = list(status.json, "projections", "jobs");
  for (const [family, bucket] of Object.entries(buckets)) {
    const expected = all.filter((job) => text(job, "job_type").startsWith(`${family}.`));
    trial.holds(
      "project:buckets:by-type",
      expected.length > 0 && idsOf(bucket, "job_id") === idsOf(expected, "job_id"),
      `${family} lists the ${family} jobs`,
      { seen: { bucket, expected } },
    );
  }
}

function idsOf(jobs: readonly Json[], field: string): string {
  return jobs
    .map((job) => text(job, field))
    .sort()
    .join();
}

/** What a consumer must see as the projections have it, and the requirement each part belongs to. */
const PARTS: readonly (readonly [RequirementId, (job: Json) => unknown])[] = [
  ["project:openclaw:same-statuses", (job) => [job["status"], job["result_status"]]],
  [
    "project:openclaw:same-failures",
    (job) => text(job, "failure", "code") + text(job, "failure", "message"),
  ],
  ["project:openclaw:same-artifacts", (job) => at(job, "artifacts") ?? {}],
];

function checkResources(trial: Trial, views: Views, projected: readonly Json[]): void {
  const resources = list(views.lists.jobs.json, "jobs");
  trial.holds(
    "project:openclaw:same-jobs",
    resources.length > 0 && idsOf(resources, "job_id") === idsOf(projected, "job_id"),
    "OpenClaw lists the jobs of the projections",
    { seen: { openclaw: resources.length, projections: projected.length } },
  );
  const byId = new Map(resources.map((each) => [each["job_id"], each]));
  for (const [requirement, part] of PARTS) {
    const different = projected.flatMap((job) => {
      const resource = byId.get(job["job_id"]);
      const same = resource === undefined || canonical(part(job)) === canonical(part(resource));
      return same ? [] : [{ projected: job, openclaw: resource }];
    });
    const same = resources.length > 0 && different.length === 0;
    trial.holds(requirement, same, "OpenClaw agrees with the projections", {
      seen: different,
    });
  }
}

function checkKinds(trial: Trial, views: Views): void {
  const families: Readonly<Record<ListName, readonly string[]>> = {
    runs: ["rpi", "dream"],
    jobs: [],
    wiki: ["wiki"],
  };
  const projected = list(views.status.json, "projections", "jobs");
  for (const [name, kind] of Object.entries(KINDS) as [ListName, string][]) {
    const listed = list(views.lists[name].json, name);
    trial.holds(
      "project:openclaw:runs-and-wiki",
      listed.length > 0 && listed.every((each) => each["resource_kind"] === kind),
      `every resource of ${name} is of the kind ${kind}`,
      { seen: listed.map((each) => each["resource_kind"]) },
    );
    if (name === "jobs") continue;
    const expected = projected.filter((job) =>
      families[name].includes(text(job, "job_type").split(".")[0] ?? ""),
    );
    trial.holds(
      "project:openclaw:runs-and-wiki",
      idsOf(listed, "job_id") === idsOf(expected, "job_id"),
      `${name} lists the jobs of its families`,
      { seen: { listed: idsOf(listed, "job_id"), expected: idsOf(expected, "job_id") } },
    );
  }
}

async function shapes(trial: Trial): Promise<void> {
  for (const { path } of READS) {
    const answer = await trial.get(path);
    const type = answer.headers["content-type"] ?? "none";
    trial.holds("project:reads:need-no-token", answer.status === 200, `GET ${path}: 200`, answer);
    if (answer.status !== 200) continue;
    trial.holds(
      "project:answers:json-content-type",
      type.toLowerCase().startsWith("application/json"),
      `GET ${path} answers application/json`,
      answer,
    );
    trial.holds(
      "project:bodies:match-contract",
      answer.json !== undefined,
      `GET ${path} answers JSON`,
      answer,
    );
    await askWrongMethod(trial, { path, method: "GET" }, "PUT", {
      refused: "project:methods:wrong-method-405",
      allow: "project:methods:allow-names-method",
    });
  }
  const jobs = await trial.get("/openclaw/v1/jobs");
  trial.holds(
    "project:lists:are-arrays",
    Array.isArray(at(jobs.json, "jobs")),
    "jobs of OpenClaw is an array",
    jobs,
  );
}

async function degraded(trial: Trial): Promise<void> {
  const book = new LedgerBook().accepted("before-1", { type: "rpi.run" }).broken();
  book.accepted("after-1", { type: "wiki.build" });
  const { endpoint } = await trial.launch(book.text());
  const health = await trial.get("/openclaw/v1/health", endpoint);
  trial.holds(
    "project:openclaw:degraded",
    at(health.json, "ready") === false && text(health.json, "snapshot_status") === "degraded",
    "OpenClaw health is not ready and its snapshot degraded",
    health,
  );
  const snapshot = await trial.get("/openclaw/v1/snapshot/latest", endpoint);
  trial.holds(
    "project:openclaw:degraded",
    text(snapshot.json, "status") === "degraded" &&
      list(snapshot.json, "resources", "jobs").length === 2,
    "the snapshot is degraded and still holds both jobs",
    snapshot,
  );
}

/** Takes only the ledger files into another root, where a daemon must come to the same story. */
async function fromLedger(trial: Trial): Promise<void> {
  const first = await trial.launch(everyState().text());
  await cancel(trial, "queued-1", first.endpoint);
  const before = storiesOf(await viewsOf(trial, first.endpoint));
  await first.stop();
  const second = await trial.launch(await first.ledgerText());
  const after = storiesOf(await viewsOf(trial, second.endpoint));
  trial.holds(
    "project:rebuild:from-ledger-alone",
    Object.values(before).every((jobs) => jobs.length > 0) &&
      canonical(before) === canonical(after),
    "a daemon that has only the ledger serves the same projections",
    { seen: { before, after } },
  );
}

function storiesOf(views: Views): Readonly<Record<string, readonly Json[]>> {
  return {
    projections: list(views.status.json, "projections", "jobs"),
    runs: list(views.lists.runs.json, "runs"),
    jobs: list(views.lists.jobs.json, "jobs"),
    wiki: list(views.lists.wiki.json, "wiki"),
  };
}

const SAME: readonly RequirementId[] = [
  "project:queue:same-statuses",
  "project:buckets:by-type",
  "project:openclaw:same-jobs",
  "project:openclaw:same-statuses",
  "project:openclaw:same-failures",
  "project:openclaw:same-artifacts",
  "project:openclaw:runs-and-wiki",
  "project:openclaw:same-last-event",
  "project:openclaw:counts",
  "project:openclaw:snapshot-holds-lists",
];

export const OPENCLAW_SCENARIOS: readonly Scenario[] = [
  {
    id: "openclaw/shapes",
    title: "Every OpenClaw read is asked for, and asked for with another method",
    cites: [
      "project:reads:need-no-token",
      "project:answers:json-content-type",
      "project:bodies:match-contract",
      "project:lists:are-arrays",
      "project:methods:wrong-method-405",
      "project:methods:allow-names-method",
    ],
    needs: "url",
    run: shapes,
  },
  {
    id: "openclaw/live",
    title: "A job of each type is submitted, one is cancelled, and all views are compared",
    cites: SAME,
    needs: "url",
    run: live,
  },
  {
    id: "openclaw/prepared",
    title: "All views are compared over a ledger with a failure, artifacts and every state",
    cites: SAME,
    needs: "start",
    run: prepared,
  },
  {
    id: "openclaw/degraded",
    title: "OpenClaw over a ledger with a broken line",
    cites: ["project:openclaw:degraded"],
    needs: "start",
    run: degraded,
  },
  {
    id: "openclaw/from-ledger",
    title: "Everything but the ledger is left behind",
    cites: ["project:rebuild:from-ledger-alone"],
    needs: "start",
    run: fromLedger,
  },
];
