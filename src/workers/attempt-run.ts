/** Running one attempt's child to its end: its own, its timeout's, or ours. */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../errors/fault.ts";
import type { Attempt } from "./attempt.ts";
import { type Child, type ChildEnd, startChild } from "./child.ts";
import { type ChildRecord, withProcess, writeRecord } from "./child-record.ts";
import type { JobContext, Log } from "./executor.ts";
import { endFamily, type Family } from "./family.ts";
import { oomKillCount } from "./oom-count.ts";
import type { Output } from "./output.ts";
import { bootId } from "./process-table.ts";

/** How the run ended. `stopped` and `timeout`: by us, whatever the child's exit code says. */
export interface Run {
  readonly by: "itself" | "timeout" | "stopped";
  readonly end: ChildEnd;
  readonly sawOomKill: boolean;
}

/** The longest a runtime timer can wait. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** What a child that ended by itself may have left behind gets to end as well. */
const LEFTOVER_GRACE_MS = 2000;
/** Time for the last output to arrive once nobody is left who could write it. */
const DRAIN_OUTPUT_MS = 2000;
/** What the system does not let us see the end of is taken for killed. */
const UNKILLABLE: ChildEnd = { how: "signal", signal: "SIGKILL" };

export async function runAttempt(
  attempt: Attempt,
  output: Output,
  run: { readonly context: JobContext; readonly log: Log },
): Promise<Run> {
  const oomBefore = oomKillCount();
  const record = recordOf(attempt);
  await writeRecord(attempt.at.record, record);
  if (run.context.signal.aborted) return { by: "stopped", end: UNKILLABLE, sawOomKill: false };
  const child = startChild({
    command: attempt.command,
    cwd: attempt.cwd,
    env: attempt.env,
    stdin: attempt.stdin,
    onOutput: (piece, from) => output.take(piece, from),
  });
  const { pid } = child;
  if (pid === undefined) return { by: "itself", end: await child.exited, sawOomKill: false };
  const family: Family = { leader: pid, mark: attempt.mark };
  try {
    await writeRecord(attempt.at.record, await withProcess(record, pid)).catch((error: unknown) => {
      // The first record has the mark, which is enough to find the child again.
      run.log(`job ${attempt.job.job_id}: its process id is not noted: ${messageOf(error)}`);
    });
    const by = await firstEnd(child, attempt, run.context);
    const end = await endOf(child, family, {
      graceMs: by === "itself" ? LEFTOVER_GRACE_MS : graceOf(attempt, run.context),
      onRemaining: (pids) => run.log(`job ${attempt.job.job_id}: cannot end ${pids.join(", ")}`),
    });
    await drain(child);
    await output.end();
    const sawOomKill = (oomKillCount() ?? 0) > (oomBefore ?? Number.POSITIVE_INFINITY);
    return { by, end, sawOomKill };
  } catch (error) {
    await endFamily(family, 0);
    throw error;
  }
}

/** Sees to it that nothing of the family runs on. */
async function endOf(
  child: Child,
  family: Family,
  rules: { readonly graceMs: number; readonly onRemaining: (pids: readonly number[]) => void },
): Promise<ChildEnd> {
  const remaining = await endFamily(family, rules.graceMs);
  if (remaining.length > 0) rules.onRemaining(remaining);
  const isStuck = child.pid !== undefined && remaining.includes(child.pid);
  return isStuck ? UNKILLABLE : child.exited;
}

function recordOf({ job, at, mark }: Attempt): ChildRecord {
  return {
    job_id: job.job_id,
    attempt: job.attempt,
    claim_token: job.claim_token ?? "",
    lease_epoch: job.lease_epoch,
    mark,
    transcript: at.transcript,
    artifacts_dir: at.artifacts,
    boot: bootId(),
  };
}

/** Waits for whatever comes first: the child's own end, its timeout, or the order to stop. */
async function firstEnd(child: Child, attempt: Attempt, context: JobContext): Promise<Run["by"]> {
  const { promise, resolve } = Promise.withResolvers<Run["by"]>();
  const stop = (): void => resolve("stopped");
  context.signal.addEventListener("abort", stop, { once: true });
  if (context.signal.aborted) stop();
  const { timeout_s: timeoutS } = attempt.config;
  const timer =
    timeoutS === undefined
      ? undefined
      : setTimeout(() => resolve("timeout"), Math.min(timeoutS * 1000, TIMER_MS_MAX));
  void child.exited.then(() => resolve("itself"));
  const by = await promise;
  clearTimeout(timer);
  context.signal.removeEventListener("abort", stop);
  return by;
}

function graceOf(attempt: Attempt, context: JobContext): number {
  const configured = attempt.config.grace_s * 1000;
  return Math.min(configured, context.stop()?.graceMs ?? configured);
}

/** Takes the rest of the output; whoever holds the pipes now is not one of the family. */
async function drain(child: Child): Promise<void> {
  const done = new AbortController();
  const late = sleep(DRAIN_OUTPUT_MS, undefined, { signal: done.signal }).catch(() => undefined);
  await Promise.race([child.drained, late]);
  done.abort();
  child.hangUp();
  await child.drained;
}
