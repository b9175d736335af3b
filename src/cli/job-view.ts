/** Jobs as people read them. */
import type { Job, JobEvent } from "@keelson/client";
import { ago, bytes, duration, plural } from "./format.ts";
import { failureHint } from "./hints.ts";
import { oneLine, tableLines } from "./table.ts";
import type { Terminal } from "./terminal.ts";

type Style = Parameters<Terminal["paint"]>[0];

const STATUS_STYLES: Readonly<Record<string, Style>> = {
  queued: "cyan",
  running: "blue",
  retry_waiting: "yellow",
  completed: "green",
  failed: "red",
  cancelled: "gray",
  degraded: "red",
};

export function paintStatus(terminal: Terminal, status: string): string {
  return terminal.paint(STATUS_STYLES[status] ?? "reset", status);
}

/** True once nothing more happens to the job. */
export function hasEnded(status: string): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** A table of jobs, one line each, newest facts last. */
export function jobTable(jobs: readonly Job[], terminal: Terminal, now: number): string[] {
  const header = ["JOB", "TYPE", "STATUS", "TRY", "ACCEPTED", "NOTE"].map((title) =>
    terminal.paint("bold", title),
  );
  const rows = jobs.map((job) => [
    oneLine(job.job_id),
    oneLine(job.job_type),
    paintStatus(terminal, job.status),
    `${job.attempt}/${job.max_attempts}`,
    ago(job.created_at, now),
    noteOf(job, now),
  ]);
  return tableLines([header, ...rows], terminal.columns);
}

function noteOf(job: Job, now: number): string {
  if (job.failure !== undefined) {
    return oneLine(`${job.failure.code}: ${job.failure.message ?? ""}`);
  }
  if (job.status === "running") return leaseOf(job, now);
  const goal = job.payload?.["goal"];
  return typeof goal === "string" ? oneLine(goal) : "";
}

/** What the lease of a running job says now. */
function leaseOf(job: Job, now: number): string {
  const until = Date.parse(job.lease_expires_at ?? "");
  if (Number.isNaN(until)) return "held without a lease";
  return until > now
    ? `lease for another ${duration(until - now)}`
    : `lease lapsed ${duration(now - until)} ago`;
}

/** Everything about one job but its events. */
export function jobLines(job: Job, terminal: Terminal, now: number): string[] {
  const rows: string[][] = [
    ["status", statusText(job, terminal, now)],
    ["type", oneLine(job.job_type)],
    ["attempt", `${job.attempt} of ${job.max_attempts}`],
    ["accepted", `${job.created_at ?? "-"} (${ago(job.created_at, now)})`],
    ["updated", `${job.updated_at ?? "-"} (${ago(job.updated_at, now)})`],
    ["request", oneLine(job.request_id)],
    ...(job.idempotency_key === undefined ? [] : [["key", oneLine(job.idempotency_key)]]),
    ...(job.payload === undefined ? [] : [["payload", JSON.stringify(job.payload)]]),
  ];
  return [
    terminal.paint("bold", oneLine(job.job_id)),
    ...tableLines(rows, terminal.columns).map((line) => `  ${line}`),
    ...failureLines(job, terminal),
    ...artifactLines(job, terminal),
  ];
}

function statusText(job: Job, terminal: Terminal, now: number): string {
  const painted = paintStatus(terminal, job.status);
  if (job.status === "running") return `${painted}, ${leaseOf(job, now)}`;
  return job.retry_exhausted === true ? `${painted}, no attempts left` : painted;
}

function failureLines(job: Job, terminal: Terminal): string[] {
  if (job.failure === undefined) return [];
  const { code, message = "" } = job.failure;
  const indented = message.split("\n").map((line) => `    ${oneLine(line)}`);
  return [
    "",
    `  ${terminal.paint("red", "failure")}  ${code}`,
    ...(message === "" ? [] : indented),
    `    ${terminal.paint("yellow", "hint")}: ${failureHint(job.failure)}`,
  ];
}

function artifactLines(job: Job, terminal: Terminal): string[] {
  const refs = job.artifact_refs ?? {};
  const plain = Object.entries(job.artifacts ?? {}).filter(([name]) => !Object.hasOwn(refs, name));
  const stored = Object.entries(refs);
  if (plain.length + stored.length === 0) return [];
  const rows = [
    ...stored.map(([name, ref]) => [oneLine(name), bytes(ref.size), oneLine(ref.path)]),
    ...plain.map(([name, value]) => [oneLine(name), "", oneLine(value)]),
  ];
  return [
    "",
    `  ${plural(rows.length, "artifact")}`,
    ...tableLines(rows, terminal.columns).map((line) => `    ${line}`),
  ];
}

/** One event on one line: when, what, about which job, and what matters of its payload. */
export function eventLine(event: JobEvent, terminal: Terminal): string {
  const detail = eventDetail(event);
  const head = [
    event.occurred_at,
    terminal.paint("bold", event.event_type.padEnd(18)),
    oneLine(event.job_id),
  ].join("  ");
  return detail === "" ? head : `${head}  ${terminal.paint("dim", oneLine(detail))}`;
}

function eventDetail(event: JobEvent): string {
  const payload = event.payload ?? {};
  const failure = payload["failure"];
  const parts = [payload["job_type"], attemptOf(payload), payload["reason"]];
  if (typeof failure === "object" && failure !== null) {
    const { code, message } = failure as { code?: unknown; message?: unknown };
    parts.push([code, message].filter((part) => typeof part === "string").join(": "));
  }
  return parts.filter((part) => typeof part === "string" && part !== "").join(", ");
}

function attemptOf(payload: Readonly<Record<string, unknown>>): string | undefined {
  return typeof payload["attempt"] === "number" ? `attempt ${payload["attempt"]}` : undefined;
}
