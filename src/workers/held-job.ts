/**
 * One claimed job from claim to settlement: heartbeats while its executor runs, then exactly one of
 * complete, fail, release, or silence when the lease is gone.
 */
import type { Engine } from "../engine/engine.ts";
import { messageOf } from "../errors/fault.ts";
import type { Rejection } from "../errors/rejection.ts";
import type { WorkProducts } from "../kernel/job/decide.ts";
import type { JobState } from "../kernel/job/state.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Result } from "../lib/result.ts";
import { fromIso } from "../lib/time.ts";
import type { Executor, Log, Outcome, Stop } from "./executor.ts";

export type HoldEngine = Pick<Engine, "heartbeat" | "complete" | "fail" | "release">;

export interface HeldJobOptions {
  readonly engine: HoldEngine;
  readonly executor: Executor;
  readonly job: JobState;
  readonly heartbeatMs: number;
  readonly actor: string;
  readonly clock: Clock;
  readonly log: Log;
  /** An older run of the same job that still ends; this one starts after it. */
  readonly after?: Promise<void>;
}

const SETTLE_RETRY_MS_MIN = 100;
const SETTLE_RETRY_MS_MAX = 5000;

export class HeldJob {
  readonly epoch: number;
  readonly done: Promise<void>;
  readonly #options: HeldJobOptions;
  readonly #abort: AbortController = new AbortController();
  #isLost = false;
  /** Ends the wait between two tries to write the outcome. */
  #wake: () => void = () => undefined;
  #stop: Stop | undefined;
  #timer: Timer | undefined;
  #beating: Promise<void> | undefined;
  /** Announced, but not in the ledger yet. */
  #pending: WorkProducts = {};
  #isOver = false;
  /** When the lease lapses unless a heartbeat gets through, in milliseconds since 1970. */
  #leaseEnds: number;

  constructor(options: HeldJobOptions) {
    this.#options = options;
    this.epoch = options.job.lease_epoch;
    this.#leaseEnds = leaseEndOf(options.job);
    this.#arm();
    this.done = this.#run();
  }

  /** Ends the run. A lost lease outranks a drain. */
  stop(stop: Stop): void {
    if (stop.why === "lost") {
      this.#isLost = true;
      this.#wake();
    }
    if (this.#stop === undefined || stop.why === "lost") this.#stop = stop;
    this.#abort.abort();
  }

  /** Gives the job back although its executor does not end: it ignored the drain. */
  async abandon(): Promise<void> {
    if (this.#isOver) return;
    this.#log("does not stop; handed back while it still runs");
    await this.#settle({ kind: "interrupted", refundAttempt: true });
  }

  async #run(): Promise<void> {
    try {
      await this.#options.after;
      const outcome = await this.#outcome();
      const isWritten = await this.#settle(outcome);
      await outcome.settled?.(isWritten);
    } catch (error) {
      this.#log(`could not be tidied up: ${messageOf(error)}`);
    } finally {
      this.#isOver = true;
      this.#timer?.cancel();
    }
  }

  async #outcome(): Promise<Outcome> {
    const stop = (): Stop | undefined => this.#stop;
    if (stop() !== undefined) return { kind: "interrupted", refundAttempt: true };
    const { executor, job } = this.#options;
    try {
      return await executor.run(job, {
        signal: this.#abort.signal,
        stop,
        announce: (products) => this.#announce(products),
      });
    } catch (error) {
      if (stop()?.why === "drain") return { kind: "interrupted", refundAttempt: true };
      const message = `the executor failed: ${messageOf(error)}`;
      this.#log(message);
      return { kind: "failed", failure: { code: "request_rejected", message, retryable: false } };
    }
  }

  /** Writes the outcome; tries again while the disk says no and the lease lives. */
  async #settle(outcome: Outcome): Promise<boolean> {
    for (let delay = SETTLE_RETRY_MS_MIN; ; delay = Math.min(delay * 2, SETTLE_RETRY_MS_MAX)) {
      if (this.#isOver || this.#isLost) return false;
      try {
        const result = await this.#write(outcome);
        this.#isOver = true;
        if (!result.ok) this.#log(`its outcome no longer counts: ${result.error.message}`);
        return result.ok;
      } catch (error) {
        this.#log(`its outcome could not be written, trying again: ${messageOf(error)}`);
      }
      await this.#sleep(delay);
    }
  }

  #write(outcome: Outcome): Promise<Result<JobState, Rejection>> {
    const { engine } = this.#options;
    const hold = { ...this.#fence(), ...merge(this.#pending, outcome) };
    switch (outcome.kind) {
      case "completed":
        return engine.complete(hold);
      case "failed":
        return engine.fail({ ...hold, failure: outcome.failure });
      case "interrupted":
        return engine.release({
          ...hold,
          refundAttempt: outcome.refundAttempt,
          ...(outcome.failure === undefined ? {} : { failure: outcome.failure }),
        });
    }
  }

  async #announce(products: WorkProducts): Promise<void> {
    this.#pending = merge(this.#pending, products);
    await this.#beating;
    await this.#beat();
  }

  #arm(): void {
    this.#timer = this.#options.clock.after(this.#options.heartbeatMs, () => {
      this.#arm();
      // A beat that is slower than the interval is not queued up behind itself.
      if (this.#beating === undefined) void this.#beat();
    });
  }

  #beat(): Promise<void> {
    this.#beating ??= this.#sendBeat().finally(() => {
      this.#beating = undefined;
    });
    return this.#beating;
  }

  async #sendBeat(): Promise<void> {
    if (this.#isOver || this.#isLost) return;
    const sent = this.#pending;
    this.#pending = {};
    try {
      const result = await this.#options.engine.heartbeat({ ...this.#fence(), ...sent });
      if (result.ok) this.#leaseEnds = leaseEndOf(result.value);
      if (result.ok || this.#isOver) return;
      this.#log(`stopped: ${result.error.message}`);
      this.stop({ why: "lost" });
    } catch (error) {
      this.#pending = merge(sent, this.#pending);
      this.#log(`missed a heartbeat: ${messageOf(error)}`);
      if (this.#options.clock.now() < this.#leaseEnds) return;
      // Somebody else may have the job by now, and two of its runs must not meet.
      this.#log("stopped: its lease has lapsed, and the ledger cannot be asked");
      this.stop({ why: "lost" });
    }
  }

  #fence(): { job_id: string; actor: string; claim_token: string; lease_epoch: number } {
    const { job, actor } = this.#options;
    return {
      job_id: job.job_id,
      actor,
      claim_token: job.claim_token ?? "",
      lease_epoch: job.lease_epoch,
    };
  }

  async #sleep(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = this.#options.clock.after(delayMs, resolve);
    await promise;
    timer.cancel();
  }

  #log(text: string): void {
    this.#options.log(`job ${this.#options.job.job_id}: ${text}`);
  }
}

function leaseEndOf(job: JobState): number {
  return fromIso(job.lease_expires_at ?? "") ?? Number.POSITIVE_INFINITY;
}

/** Later products win over earlier ones of the same name. */
function merge(earlier: WorkProducts, later: WorkProducts): WorkProducts {
  const artifacts = { ...earlier.artifacts, ...later.artifacts };
  const refs = { ...earlier.artifact_refs, ...later.artifact_refs };
  return {
    ...(Object.keys(artifacts).length === 0 ? {} : { artifacts }),
    ...(Object.keys(refs).length === 0 ? {} : { artifact_refs: refs }),
  };
}
