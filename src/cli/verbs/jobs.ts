import type { Job, JobStatus, JobsQuery } from "@keelson/client";
import { connect } from "../connection.ts";
import type { GlobalOptions, VerbHost } from "../context.ts";
import { CliFailure, EXIT } from "../exit.ts";
import { jobTable } from "../job-view.ts";

interface JobsOptions {
  readonly status?: string;
  readonly type?: string;
  readonly limit: string;
  readonly all?: boolean;
  readonly oldest?: boolean;
}

/** Written as a record, so that a status the contract gains does not compile until it is here. */
const STATUSES: Readonly<Record<JobStatus, true>> = {
  queued: true,
  running: true,
  retry_waiting: true,
  completed: true,
  failed: true,
  cancelled: true,
  degraded: true,
};
const STATUS_NAMES = Object.keys(STATUSES).join(", ");

const LIMIT_DEFAULT = 50;
const PAGE_MAX = 1_000;

export function addJobs(host: VerbHost): void {
  const { context } = host;
  host
    .verb("jobs", "List jobs, newest first.", [
      ["jobs", `the ${LIMIT_DEFAULT} newest`],
      ["jobs --status queued,running --type rpi.run", "only these"],
      ["jobs --all --json", "every job, one JSON object a line"],
    ])
    .option("--status <list>", `only these statuses, with commas: ${STATUS_NAMES}`)
    .option("--type <list>", "only these types, with commas")
    .option("--limit <n>", "how many at most", String(LIMIT_DEFAULT))
    .option("--all", "without a limit")
    .option("--oldest", "oldest first")
    .action(
      host.run(async (globals: GlobalOptions, options: JobsOptions) => {
        const { query, limit } = readJobsOptions(options);
        const client = await connect(globals, context);
        const jobs: Job[] = [];
        let more = false;
        for await (const job of client.jobs(query)) {
          more = jobs.length === limit;
          if (more) break;
          if (globals.json) context.terminal.line(JSON.stringify(job));
          jobs.push(job);
        }
        if (globals.json) return EXIT.ok;
        if (jobs.length === 0) context.terminal.line("no such jobs");
        else context.terminal.line(jobTable(jobs, context.terminal, Date.now()).join("\n"));
        if (more) context.terminal.note(`there are more: --limit N or --all`);
        return EXIT.ok;
      }),
    );
}

/** Checks the options before the daemon is asked, so that a typing mistake is named as one. */
function readJobsOptions(options: JobsOptions): { query: JobsQuery; limit: number } {
  const limit = options.all === true ? Number.POSITIVE_INFINITY : Number(options.limit);
  if (!(limit >= 1)) {
    throw new CliFailure(EXIT.usage, `--limit must be a number from 1 on, not ${options.limit}`);
  }
  const query: JobsQuery = {
    order: options.oldest === true ? "asc" : "desc",
    // One more than wanted tells whether there are more.
    limit: Math.min(limit + 1, PAGE_MAX),
    ...(options.status === undefined ? {} : { status: statusesIn(options.status) }),
    ...(options.type === undefined ? {} : { type: options.type.split(",") }),
  };
  return { query, limit };
}

function statusesIn(list: string): JobStatus[] {
  return list.split(",").map((name) => {
    if (isStatus(name)) return name;
    throw new CliFailure(EXIT.usage, `no such status: ${name}`, {
      hints: [`The statuses: ${STATUS_NAMES}.`],
    });
  });
}

function isStatus(name: string): name is JobStatus {
  return Object.hasOwn(STATUSES, name);
}
