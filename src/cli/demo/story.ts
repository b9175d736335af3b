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

const JOBS = 400;
/** The daemon is killed once this many jobs are done: submits and work are both in full swing. */
const KILL_AFTER_COMPLETED = 100;
const DOWN_MS = 1_000;
const PATIENCE_MS = 60_000;

export async function runDemo(globals: GlobalOptions, context: CliContext): Promise<ExitCode> {
  const root = mkdtempSync(join(tmpdir(), "keelson-demo-"));
  const say = (text: string): void => {
    if (!globals.json) context.terminal.line(text);
  };
  const daemons: DaemonProcess[] = [];
  const signal = context.interrupted();
  try {
    const proof = await tell({ root, say, daemons, signal });
    if (globals.json) context.terminal.line(JSON.stringify(proof));
    return proof.proven ? EXIT.ok : EXIT.negative;
  } finally {
    for (const daemon of daemons) await daemon.stop();
    rmSync(root, { recursive: true, force: true });
    say("The demo's folder and daemon are gone again.");
  }
}

interface Proof extends Evidence {
  /** Nothing lost, nothing twice, and the read models agree with the ledger. */
  readonly proven: boolean;
}

interface Stage {
  readonly root: string;
  readonly say: (text: string) => void;
  readonly daemons: DaemonProcess[];
  /** Ctrl-C: the story ends early, and still tidies up. */
  readonly signal: AbortSignal;
}

async function tell(stage: Stage): Promise<Proof> {
  const { root, say, daemons, signal } = stage;
  const first = await startDaemonProcess(root, "127.0.0.1:0");
  daemons.push(first);
  say(`1. A daemon of its own in ${root}`);
  say(`   process ${first.pid} at ${first.url}, ready after ${duration(first.startMs)}`);
  const token = readFileSync(first.tokenFile, "utf8").trim();
  const client = createClient({ url: first.url, token, retries: 30 });

  say(`2. Eight clients submit ${JOBS} jobs of four types; a worker with eight hands runs them`);
  const load = startLoad({ url: first.url, token, jobs: JOBS, signal });
  await untilHolds(
    () => load.completed.size >= KILL_AFTER_COMPLETED,
    "the first jobs to complete",
    signal,
  );

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
  return goOn(client, load, stage);
}

async function goOn(client: Client, load: Load, stage: Stage): Promise<Proof> {
  const { say, signal } = stage;
  await load.submitted;
  await untilHolds(() => load.completed.size >= JOBS, "every job to complete", signal);
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
  const proven = isClean(evidence) && verified.ok;
  say(proven ? "   Nothing was lost." : "   SOMETHING IS WRONG. Please report this.");
  return { ...evidence, proven };
}

function statusText(evidence: Evidence): string {
  return Object.entries(evidence.byStatus)
    .map(([status, jobs]) => `${jobs} ${status}`)
    .join(", ");
}

async function untilHolds(holds: () => boolean, what: string, signal: AbortSignal): Promise<void> {
  const limit = performance.now() + PATIENCE_MS;
  while (!holds()) {
    signal.throwIfAborted();
    if (performance.now() > limit) throw new Error(`waited in vain for ${what}`);
    await pause(10);
  }
}
