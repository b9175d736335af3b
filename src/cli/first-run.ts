import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { type Client, createClient, type JobEvent } from "@keelson/client";
import type { Host } from "../host/host.ts";
import { secretIn } from "./connection.ts";
import type { CliContext } from "./context.ts";

const ENDINGS = ["job.completed", "job.failed", "job.cancelled"];
const STEPS = ["job.accepted", "job.claimed", ...ENDINGS];

const SAYS: Readonly<Record<string, string>> = {
  "job.accepted": "accepted   its ledger line is on disk",
  "job.claimed": "claimed    the daemon runs it under a lease",
  "job.completed": "completed",
  "job.failed": "failed",
  "job.cancelled": "cancelled",
};

/** Submits the first job of an empty ledger and shows it live; then says how to submit the next. */
export async function showFirstRun(
  running: Host,
  context: CliContext,
  signal: AbortSignal,
): Promise<void> {
  const { terminal, self } = context;
  if (running.engine.headPosition() === 0) {
    const token = secretIn(readFileSync(running.tokenFile, "utf8"));
    const client = createClient({ url: running.url, token });
    terminal.line();
    await firstJob(client, running, context, signal);
  }
  terminal.line();
  terminal.line("Submit the next one from another terminal:");
  terminal.line(`  ${self} submit openclaw.snapshot${whereOf(running, context)}`);
}

/** Only what the reader must type: nothing when the CLI finds the daemon by itself. */
function whereOf(running: Host, context: CliContext): string {
  return running.root === context.cwd ? "" : ` --root ${running.root}`;
}

async function firstJob(
  client: Client,
  running: Host,
  context: CliContext,
  signal: AbortSignal,
): Promise<void> {
  const { terminal } = context;
  const { job_id } = await client.submit({ job_type: "openclaw.snapshot" });
  terminal.line(`First job: ${job_id} (openclaw.snapshot)`);
  for await (const event of client.tail({ types: STEPS, signal })) {
    if (event.job_id !== job_id) continue;
    terminal.line(`  ${timeOf(event)}  ${SAYS[event.event_type] ?? event.event_type}`);
    if (ENDINGS.includes(event.event_type)) break;
  }
  if (signal.aborted) return;
  const job = await client.job(job_id);
  const paths = Object.values(job.artifacts ?? {}).filter((value) => value.endsWith(".json"));
  for (const path of paths) terminal.line(`  projected  ${shown(running.root, path)}`);
  if (job.failure !== undefined) terminal.line(`  because ${job.failure.message ?? ""}`);
}

function shown(root: string, path: string): string {
  const whole = join(root, path);
  const near = relative(process.cwd(), whole);
  return near.startsWith("..") ? whole : near;
}

function timeOf(event: JobEvent): string {
  return event.occurred_at.slice(11, 23).padEnd(12);
}
