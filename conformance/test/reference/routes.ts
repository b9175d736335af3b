/** The reference daemon's routes, each with what it does. */
import { type Json, number, text } from "../../src/json.ts";
import { JOB_TYPES, type ReferenceDaemon } from "./daemon.ts";
import type { JobRow } from "./jobs.ts";
import { Refusal } from "./refusal.ts";
import { Views } from "./views.ts";

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  readonly method: "GET" | "POST";
  readonly path: RegExp;
  readonly answer: (body: Json, ...matched: readonly string[]) => Answer;
}

const TRIGGERED: ReadonlySet<string> = new Set([
  "openclaw.snapshot",
  "rpi.run",
  "dream.run",
  "wiki.forge",
]);
const CLAIMS_MAX = 256;

export function routesOf(daemon: ReferenceDaemon): readonly Route[] {
  const views = new Views(daemon);
  const { flaws } = daemon;
  const alias = flaws.has("has-no-aliases") ? "(?:/v1)" : "(?:/v1)?";
  const read = (path: string, body: () => Json): Route => ({
    method: "GET",
    path: new RegExp(`^${path}$`),
    answer: () => ({ status: 200, body: body() }),
  });
  const mutation = (path: string, answer: Route["answer"]): Route => ({
    method: "POST",
    path: new RegExp(`^${path}$`),
    answer,
  });
  return [
    read(`${alias}/health`, () => views.health()),
    read(`${alias}/ready`, () => views.ready()),
    read(`${alias}/status`, () => views.status()),
    read(`${alias}/events`, () => views.events()),
    read("/openclaw/v1/health", () => views.consumerHealth()),
    read("/openclaw/v1/snapshot/latest", () => views.snapshot()),
    read("/openclaw/v1/(?:runs)", () => views.consumerList("runs")),
    read("/openclaw/v1/(?:jobs)", () => views.consumerList("jobs")),
    read("/openclaw/v1/(?:wiki)", () => views.consumerList("wiki")),
    mutation(`${alias}/jobs`, (body) => submitted(daemon, views, body)),
    mutation(`${alias}/jobs/cancel`, (body) => cancelled(daemon, views, body)),
    mutation("/openclaw/v1/triggers/jobs", (body) => triggered(daemon, views, body)),
    ...(flaws.has("has-no-worker-routes") ? [] : workerRoutes(daemon, views, mutation)),
  ];
}

function workerRoutes(
  daemon: ReferenceDaemon,
  views: Views,
  mutation: (path: string, answer: Route["answer"]) => Route,
): readonly Route[] {
  const verbs = daemon.flaws.has("has-no-release-route")
    ? "heartbeat|complete|fail"
    : "heartbeat|complete|fail|release";
  return [
    mutation("/v1/jobs/claim", (body) => {
      const types = Array.isArray(body["types"]) ? (body["types"] as string[]) : [];
      if (types.length === 0) throw new Refusal(400, "types is empty");
      if (daemon.flaws.has("gives-no-work")) return { status: 200, body: { jobs: [] } };
      const max = Math.min(number(body, "max") || 1, CLAIMS_MAX);
      const rows = daemon.claim(types, max, number(body, "lease_ms") || undefined);
      if (daemon.flaws.has("shows-no-lease")) {
        return { status: 200, body: { jobs: rows.map((row) => ({ ...row, attempt: 0 })) } };
      }
      return { status: 200, body: { jobs: rows.map((row) => views.row(row)) } };
    }),
    mutation(`/v1/jobs/([^/]+)/(${verbs})`, (body, jobId = "", verb = "") => {
      const row = daemon.hold(verb, decodeURIComponent(jobId), body);
      return { status: 200, body: { job: views.row(row) } };
    }),
  ];
}

function acceptance(row: JobRow): Json {
  const { request_id, job_id, status, last_event_id, idempotency_key } = row;
  return { accepted: true, request_id, job_id, status, last_event_id, idempotency_key };
}

function submitted(daemon: ReferenceDaemon, views: Views, body: Json): Answer {
  let row: JobRow;
  try {
    row = daemon.submit(body);
  } catch (error) {
    const { job_id } = body;
    if (daemon.flaws.has("refuses-and-does")) daemon.submit({ job_type: "wiki.build", job_id });
    throw error;
  }
  return {
    status: daemon.flaws.has("answers-200-to-submits") ? 200 : 202,
    body: { ...acceptance(row), ...views.standing() },
  };
}

function cancelled(daemon: ReferenceDaemon, views: Views, body: Json): Answer {
  const jobId = text(body, "job_id");
  if (jobId === "") throw new Refusal(400, "job_id is required");
  if (daemon.flaws.has("cancels-the-unknown") && !daemon.jobs.rows.has(jobId)) {
    return { status: 202, body: { cancelled: true, outcome: "cancelled" } };
  }
  const { row, outcome } = daemon.cancel(jobId, text(body, "request_id") || undefined);
  return {
    status: 202,
    body: {
      cancelled: row.status === "cancelled",
      outcome: daemon.flaws.has("calls-cancels-repeats") ? "already_terminal_cancelled" : outcome,
      job: views.row(row),
      ...views.standing(),
    },
  };
}

function triggered(daemon: ReferenceDaemon, views: Views, body: Json): Answer {
  const { flaws } = daemon;
  const type = text(body, "job_type");
  if (!TRIGGERED.has(type) && !(flaws.has("triggers-every-type") && JOB_TYPES.has(type))) {
    if (flaws.has("refuses-and-does")) daemon.submit({ ...body, job_type: "wiki.build" });
    throw new Refusal(400, "job_type is not allowlisted for OpenClaw trigger");
  }
  if (daemon.isDegraded && !flaws.has("triggers-when-not-ready")) {
    const { projection_lag, degraded_reasons } = views.standing();
    throw new Refusal(503, "daemon is not ready", { projection_lag, degraded_reasons });
  }
  const row = daemon.submit(body);
  const { job_type } = row;
  return {
    status: 202,
    body: { ...acceptance(row), job_type, snapshot_status: "current" },
  };
}
