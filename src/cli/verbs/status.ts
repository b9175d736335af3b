import { connect } from "../connection.ts";
import type { CliContext, VerbHost } from "../context.ts";
import { EXIT } from "../exit.ts";
import { count, plural } from "../format.ts";
import { paintStatus } from "../job-view.ts";
import { readinessLines } from "../readiness.ts";
import { oneLine, tableLines } from "../table.ts";

type JobCounts = Readonly<Record<string, Readonly<Record<string, number>>>>;

const STATUS_ORDER = ["queued", "running", "retry_waiting", "completed", "failed", "cancelled"];

export function addStatus(host: VerbHost): void {
  const { context } = host;
  host
    .verb("status", "Summarise the daemon: readiness, and its jobs by type and status.", [
      ["status", "a table of counts, and what waits for a worker"],
      ["status --json", "the same as one JSON object"],
    ])
    .action(
      host.run(async (globals) => {
        const client = await connect(globals, context);
        const { job_counts: jobs, ...ready } = await client.ready();
        if (globals.json) {
          context.terminal.line(JSON.stringify({ url: client.url, ...ready, jobs }));
          return EXIT.ok;
        }
        context.terminal.line(`${client.url}  ${readinessLines(ready, context).join("\n")}`);
        context.terminal.line();
        for (const line of countLines(jobs, context)) context.terminal.line(line);
        return EXIT.ok;
      }),
    );
}

/** A daemon of another make may be ready without counting. */
export function countLines(counts: JobCounts | undefined, context: CliContext): string[] {
  const { terminal, self } = context;
  if (counts === undefined)
    return ["This daemon gives no counts. List its jobs:", `  ${self} jobs`];
  const types = Object.keys(counts).toSorted();
  if (types.length === 0) {
    return ["No jobs yet. Submit one:", `  ${self} submit openclaw.snapshot --wait`];
  }
  const seen = new Set(types.flatMap((type) => Object.keys(counts[type] ?? {})));
  const statuses = [...STATUS_ORDER, "degraded"].filter((status) => seen.has(status));
  const header = ["TYPE", ...statuses.map((status) => paintStatus(terminal, status)), "TOTAL"];
  const rows = types.map((type) => rowOf(oneLine(type), counts[type] ?? {}, statuses));
  const total = Object.values(counts)
    .flatMap((ofType) => Object.values(ofType))
    .reduce((sum, each) => sum + each, 0);
  return [...tableLines([header, ...rows], terminal.columns), plural(total, "job")];
}

function rowOf(
  type: string,
  ofType: Readonly<Record<string, number>>,
  statuses: readonly string[],
): string[] {
  const total = Object.values(ofType).reduce((sum, each) => sum + each, 0);
  return [type, ...statuses.map((status) => count(ofType[status] ?? 0)), count(total)];
}
