/**
 * Claims jobs for the executors of this process and runs each one apart from the others. One lane
 * per job type: a lane asks for as many jobs as it has room for and waits inside the engine until
 * there are some, so an idle daemon does nothing and a new job starts at once.
 */
import type { Engine } from "../engine/engine.ts";
import { messageOf } from "../errors/fault.ts";
import type { JobState } from "../kernel/job/state.ts";
import { type Clock, systemClock, type Timer } from "../lib/clock.ts";
import type { Executor, Log, Stop } from "./executor.ts";
import { HeldJob, type HoldEngine } from "./held-job.ts";

export interface SupervisorOptions {
  readonly engine: HoldEngine & Pick<Engine, "claim" | "onLeaseLost" | "announceWorker">;
  readonly executors: readonly Executor[];
  readonly heartbeatMs: number;
  readonly log: Log;
  /** Who claims, in the ledger. */
  readonly actor?: string;
  readonly clock?: Clock;
  /** What an executor gets beyond the grace before its job is taken from it. */
  readonly drainSlackMs?: number;
}

export interface Supervisor {
  /** Job types that this process runs. */
  readonly types: readonly string[];
  /** Clears up after an earlier daemon, then begins to claim. */
  start(): Promise<void>;
  /** Number of jobs being run now. */
  running(): number;
  /** Stops claiming, stops what runs and hands it back with its attempt refunded. */
  drain(graceMs: number): Promise<void>;
}

/** The digest's name for the daemon's own worker (§13). */
const ACTOR_DEFAULT = "agentopsd-worker";
const CLAIM_WAIT_MS = 30_000;
const CLAIM_MAX = 256;
const CLAIM_RETRY_MS_MIN = 200;
const CLAIM_RETRY_MS_MAX = 10_000;
/** An agent that ignores everything needs five seconds to be given up on. */
const DRAIN_SLACK_MS_DEFAULT = 7000;

/** Two executors must not name the same type. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  return new LaneSupervisor(options);
}

interface Lane {
  readonly type: string;
  readonly executor: Executor;
  readonly width: number;
  readonly held: Set<HeldJob>;
  /** Ends the lane's present wait, for a free slot or for another try. */
  wake: () => void;
}

class LaneSupervisor implements Supervisor {
  readonly types: readonly string[];
  readonly #options: SupervisorOptions;
  readonly #clock: Clock;
  readonly #actor: string;
  readonly #lanes: readonly Lane[];
  readonly #held: Map<string, HeldJob> = new Map();
  readonly #leaving: AbortController = new AbortController();
  #loops: readonly Promise<void>[] = [];
  #withdraw: (() => void)[] = [];

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#actor = options.actor ?? ACTOR_DEFAULT;
    this.#lanes = options.executors.flatMap((executor) =>
      Object.entries(executor.types).map(([type, width]) => ({
        type,
        executor,
        width,
        held: new Set<HeldJob>(),
        wake: () => undefined,
      })),
    );
    this.types = this.#lanes.map((lane) => lane.type);
  }

  async start(): Promise<void> {
    const { engine, executors } = this.#options;
    this.#withdraw = [
      engine.announceWorker(this.types),
      engine.onLeaseLost((jobId, epoch) => this.#leaseLost(jobId, epoch)),
    ];
    for (const executor of executors) {
      try {
        await executor.prepare?.();
      } catch (error) {
        this.#options.log(`worker: clearing up after an earlier run failed: ${messageOf(error)}`);
      }
    }
    if (this.#leaving.signal.aborted) return;
    this.#loops = this.#lanes.map((lane) => this.#claimFor(lane));
  }

  running(): number {
    return this.#held.size;
  }

  async drain(graceMs: number): Promise<void> {
    this.#leaving.abort();
    for (const lane of this.#lanes) lane.wake();
    this.#stopAll({ why: "drain", graceMs });
    await Promise.all(this.#loops);
    // A claim that was already being committed may have brought more.
    this.#stopAll({ why: "drain", graceMs });
    await this.#within(graceMs + (this.#options.drainSlackMs ?? DRAIN_SLACK_MS_DEFAULT));
    await Promise.all([...this.#held.values()].map((held) => held.abandon()));
    for (const withdraw of this.#withdraw) withdraw();
  }

  #stopAll(stop: Stop): void {
    for (const held of this.#held.values()) held.stop(stop);
  }

  async #within(ms: number): Promise<void> {
    const all = Promise.all([...this.#held.values()].map((held) => held.done));
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.after(ms, resolve);
    await Promise.race([all, late]);
    timer.cancel();
  }

  async #claimFor(lane: Lane): Promise<void> {
    const { signal } = this.#leaving;
    let retryMs = CLAIM_RETRY_MS_MIN;
    while (!signal.aborted) {
      const room = lane.width - lane.held.size;
      if (room === 0) {
        await wait(lane);
        continue;
      }
      try {
        const jobs = await this.#options.engine.claim({
          types: [lane.type],
          max: Math.min(room, CLAIM_MAX),
          waitMs: CLAIM_WAIT_MS,
          actor: this.#actor,
          signal,
        });
        for (const job of jobs) this.#hold(lane, job);
        retryMs = CLAIM_RETRY_MS_MIN;
      } catch (error) {
        if (signal.aborted) return;
        this.#options.log(`worker: cannot claim ${lane.type}: ${messageOf(error)}`);
        await wait(lane, (wake) => this.#clock.after(retryMs, wake));
        retryMs = Math.min(retryMs * 2, CLAIM_RETRY_MS_MAX);
      }
    }
  }

  #hold(lane: Lane, job: JobState): void {
    // This process may get its own lapsed job again: two runs of one job must never overlap.
    const older = this.#held.get(job.job_id);
    older?.stop({ why: "lost" });
    const { engine, heartbeatMs, log } = this.#options;
    const held = new HeldJob({
      engine,
      heartbeatMs,
      log,
      job,
      executor: lane.executor,
      actor: this.#actor,
      clock: this.#clock,
      ...(older === undefined ? {} : { after: older.done }),
    });
    this.#held.set(job.job_id, held);
    lane.held.add(held);
    void held.done.then(() => {
      lane.held.delete(held);
      if (this.#held.get(job.job_id) === held) this.#held.delete(job.job_id);
      lane.wake();
    });
  }

  #leaseLost(jobId: string, epoch: number): void {
    const held = this.#held.get(jobId);
    if (held?.epoch === epoch) held.stop({ why: "lost" });
  }
}

/** Until the lane is woken; `arm` may add a timer that wakes it. */
async function wait(lane: Lane, arm?: (wake: () => void) => Timer): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  lane.wake = resolve;
  const timer = arm?.(resolve);
  await promise;
  timer?.cancel();
}
