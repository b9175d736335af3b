/**
 * `keelson up --demo`: submits, works, kills its own daemon with SIGKILL in the middle, starts it
 * again, and compares what was promised with what is there. Every number printed was counted.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@keelson/client";
import type { CliContext, GlobalOptions } from "../context.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { duration } from "../format.ts";
import { type DaemonProcess, startDaemonProcess } from "./daemon-process.ts";
import { compare, type Evidence, isClean } from "./evidence.ts";
import { type Load, pause, startLoad } from "./load.ts";

const JOBS = 200;
/** The daemon is killed once this many jobs are done: submits and work are both in full swing. */
const KILL_AFTER_COMPLETED = 40;
const DOWN_MS = 1_000;
const PATIENCE_MS = 60_000;

export async function runDemo(globals: GlobalOptions, context: CliContext): Promise<ExitCode> {
  const root = mkdtempSync(join(tmpdir(), "keelson-demo-"));
  const say = (text: string): void => {
    if (!globals.json) context.terminal.line(text);
  };
  const daemons: DaemonProcess[] = [];
  try {
    const evidence = await tell(root, say, daemons);
    if (globals.json) context.terminal.line(JSON.stringify(evidence));
    return isClean(evidence) ? EXIT.ok : EXIT.negative;
  } finally {
    for (const daemon of daemons) await daemon.stop();
    rmSync(root, { recursive: true, force: true });
    say("The demo's folder and daemon are gone again.");
  }
}

type Say = (text: string) => void;

async function tell(root: string, say: Say, daemons: DaemonProcess[]): Promise<Evidence> {
  const first = await startDaemonProcess(root, "127.0.0.1:0");
  daemons.push(first);
  say(`1. A daemon of its own in ${root}`);
  say(`   process ${first.pid} at ${first.url}, ready after ${duration(first.startMs)}`);
  const token = readFileSync(first.tokenFile, "utf8").trim();
  const client = createClient({ url: first.url, token, retries: 30 });
  await client.submit({ job_type: "openclaw.snapshot" });

  say(`2. Eight clients submit ${JOBS} jobs of four types; a worker with eight hands runs them`);
  const load = startLoad(first.url, token, JOBS);
  await untilHolds(() => load.completed.size >= KILL_AFTER_COMPLETED, "the first jobs to complete");

  const promised = new Set(load.acknowledged);
  const { working } = load;
  const done = load.completed.size;
  await first.kill();
  say(`3. kill -9 ${first.pid}, in the middle of it`);
  say(`   acknowledged ${promised.size}, completed ${done}, in the worker's hands ${working}`);
  await pause(DOWN_MS);

  const second = await startDaemonProcess(root, new URL(first.url).host);
  daemons.push(second);
  say(
    `4. Started again after ${duration(DOWN_MS)}: process ${second.pid}, ready after ${duration(second.startMs)}`,
  );
  const atOnce = await compare(client, promised);
  say(
    `   of ${promised.size} acknowledged before the kill, ${promised.size - atOnce.lost.length} are there`,
  );
  return goOn(client, load, say);
}

async function goOn(client: Client, load: Load, say: Say): Promise<Evidence> {
  await load.submitted;
  await untilHolds(() => load.completed.size >= JOBS, "every job to complete");
  await load.worker.stop();
  say("5. The clients and the worker were never told; they went on by themselves");
  say(
    `   ${load.lostAnswers} answers were lost while it was down; each was asked again with its key`,
  );
  const evidence = await compare(client, load.acknowledged);
  const verified = await client.verify();
  say(`6. Compared one by one with ${evidence.events} ledger events and the job list:`);
  say(
    `   acknowledged ${evidence.acknowledged}, lost ${evidence.lost.length}, doubled ${evidence.doubled.length}, ended twice ${evidence.endedTwice.length}`,
  );
  say(
    `   by status: ${statusText(evidence)}; read models verified: ${verified.ok ? "they agree" : "THEY DIFFER"}`,
  );
  say(
    isClean(evidence) && verified.ok
      ? "   Nothing was lost."
      : "   SOMETHING IS WRONG. Please report this.",
  );
  return evidence;
}

function statusText(evidence: Evidence): string {
  return Object.entries(evidence.byStatus)
    .map(([status, jobs]) => `${jobs} ${status}`)
    .join(", ");
}

async function untilHolds(holds: () => boolean, what: string): Promise<void> {
  const limit = performance.now() + PATIENCE_MS;
  while (!holds()) {
    if (performance.now() > limit) throw new Error(`waited in vain for ${what}`);
    await pause(10);
  }
}
