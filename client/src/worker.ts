import { backoffMs, sleep } from "./backoff.ts";
import type { Client } from "./client.ts";
import { type Completions, createCompletions } from "./completions.ts";
import { isKeelsonError } from "./error.ts";
import type { Handler } from "./handler.ts";
import { HeldJob, type Outcome } from "./held-job.ts";
import { watchLeases } from "./lease-watch.ts";
import type { Claimed, Job } from "./types.ts";

export interface WorkerOptions {
  readonly types: readonly string[];
  readonly handler: Handler;
  /** Most jobs at once; 1 when absent. */
  readonly concurrency?: number | undefined;
  /** Lease length to ask for; the daemon's own when absent. */
  readonly leaseMs?: number | undefined;
  /** A name for this worker in the ledger. */
  readonly name?: string | undefined;
  /** Stops the worker like `stop()`. */
  readonly signal?: AbortSignal | undefined;
  /** How long a stop waits for handlers that do not heed their signal; 10 s when absent. */
  readonly drainMs?: number | undefined;
  /** How long one claim waits for work at the daemon; 30 s when absent. */
  readonly waitMs?: number | undefined;
  /** Told of what went wrong and will be tried again: broken connections, lost jobs. */
  readonly onError?: ((error: unknown, job?: Job) => void) | undefined;
  /** Told of every job that ended here. */
  readonly onOutcome?: ((job: Job, outcome: Outcome) => void) | undefined;
}

export interface Worker {
  /** Resolves when the worker has stopped and holds nothing; rejects when it is refused for good. */
  readonly done: Promise<void>;
  /** Jobs in the hands of the handler now. */
  readonly active: number;
  /** Takes no more jobs, aborts the running handlers, hands unfinished jobs back unused. */
  stop(): Promise<void>;
}

const CLAIM_MAX = 256;
const WAIT_MS_DEFAULT = 30_000;
const DRAIN_MS_DEFAULT = 10_000;

/**
 * Claims jobs and runs the handler on each. Never claims more than it has free hands for. A handler
 * that returns completes its job; one that throws fails it; one that throws after its signal fired
 * because the worker stops hands the job back without using up the attempt.
 */
export function startWorker(client: Client, options: WorkerOptions): Worker {
  return new ClaimLoop(client, options);
}

class ClaimLoop implements Worker {
  readonly done: Promise<void>;
  readonly #client: Client;
  readonly #options: WorkerOptions;
  readonly #completions: Completions;
  readonly #held = new Set<HeldJob>();
  readonly #stopping = new AbortController();
  readonly #watching = new AbortController();
  #handFree: (() => void) | undefined;

  constructor(client: Client, options: WorkerOptions) {
    this.#client = client;
    this.#options = options;
    this.#completions = createCompletions((holds) => client.completeBatch(holds));
    const { signal } = options;
    const follow = (): void => this.#stopping.abort();
    if (signal?.aborted === true) follow();
    signal?.addEventListener("abort", follow, { once: true });
    this.#stopping.signal.addEventListener("abort", () => this.#handFree?.());
    this.done = this.#run().finally(() => signal?.removeEventListener("abort", follow));
  }

  get active(): number {
    return this.#held.size;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.done;
  }

  async #run(): Promise<void> {
    const watch = watchLeases(this.#client, this.#held, {
      signal: this.#watching.signal,
      onError: (error) => this.#options.onError?.(error),
    });
    try {
      await this.#claimUntilStopped();
    } finally {
      await this.#drain();
      this.#watching.abort();
      await watch;
    }
  }

  async #claimUntilStopped(): Promise<void> {
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      const free = (this.#options.concurrency ?? 1) - this.#held.size;
      if (free <= 0) {
        await this.#nextFreeHand();
        continue;
      }
      const asked = performance.now();
      try {
        const claimed = await this.#claim(Math.min(free, CLAIM_MAX));
        failures = 0;
        for (const job of claimed.jobs) this.#take(job, claimed.lease_ms, asked);
      } catch (error) {
        if (signal.aborted) return;
        if (!isPassing(error)) throw error;
        this.#options.onError?.(error);
        await sleep(backoffMs(failures), signal).catch(() => undefined);
        failures += 1;
      }
    }
  }

  #claim(max: number): Promise<Claimed> {
    const { types, leaseMs, name, waitMs } = this.#options;
    return this.#client.claim(
      {
        types,
        max,
        wait_ms: waitMs ?? WAIT_MS_DEFAULT,
        ...(leaseMs === undefined ? {} : { lease_ms: leaseMs }),
        ...(name === undefined ? {} : { worker: name }),
      },
      { signal: this.#stopping.signal },
    );
  }

  #take(job: Job, leaseMs: number, claimedAt: number): void {
    const held = new HeldJob(job, {
      client: this.#client,
      handler: this.#options.handler,
      completions: this.#completions,
      leaseMs,
      claimedAt,
      onError: (error, about) => this.#options.onError?.(error, about),
    });
    this.#held.add(held);
    void held.done.then((outcome) => {
      this.#held.delete(held);
      this.#handFree?.();
      this.#options.onOutcome?.(job, outcome);
    });
  }

  /** Resolves a moment after a hand is free: jobs that complete together are replaced together. */
  async #nextFreeHand(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#handFree = resolve;
    });
    this.#handFree = undefined;
    await sleep(0);
  }

  async #drain(): Promise<void> {
    for (const held of this.#held) held.stop();
    const ended = Promise.all([...this.#held].map((held) => held.done));
    const patience = new AbortController();
    const late = sleep(this.#options.drainMs ?? DRAIN_MS_DEFAULT, patience.signal)
      .then(() => Promise.all([...this.#held].map((held) => held.abandon())))
      .catch(() => undefined);
    await Promise.race([ended, late]);
    patience.abort();
  }
}

/** True for what may get better: no answer, a busy or stopping daemon. */
function isPassing(error: unknown): boolean {
  return (
    isKeelsonError(error) && (error.status === 0 || error.status >= 500 || error.status === 429)
  );
}
