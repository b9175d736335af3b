/** What runs jobs of some types, seen from the supervisor that claims them. */
import type { WorkProducts } from "../kernel/job/decide.ts";
import type { Failure, JobState } from "../kernel/job/state.ts";

/** One line of what happens, for the daemon's log. Never holds a secret. */
export type Log = (line: string) => void;

/** Why a run must end before it is done. */
export interface Stop {
  /** `lost`: cancelled, or the lease is gone; nothing it says counts. `drain`: the daemon stops. */
  readonly why: "lost" | "drain";
  /** Longest time for a polite end; the executor's own when absent. */
  readonly graceMs?: number;
}

export interface JobContext {
  /** Aborts when the run must end. */
  readonly signal: AbortSignal;
  /** Why `signal` aborted; undefined while it has not. */
  stop(): Stop | undefined;
  /**
   * Puts work products on the job now, by a heartbeat, so that they survive a crash of the daemon.
   * Never rejects: what could not be written goes along with the next heartbeat.
   */
  announce(products: WorkProducts): Promise<void>;
}

interface Ended extends WorkProducts {
  /**
   * Called once the outcome is settled: `true` when the ledger has it, `false` when it no longer
   * counts. The place to remove what only a running attempt needs.
   */
  readonly settled?: (isWritten: boolean) => Promise<void>;
}

export type Outcome =
  | (Ended & { readonly kind: "completed" })
  | (Ended & { readonly kind: "failed"; readonly failure: Failure })
  /** Not done, to be tried again; without refund the attempt is used up. */
  | (Ended & {
      readonly kind: "interrupted";
      readonly refundAttempt: boolean;
      readonly failure?: Failure;
    });

export interface Executor {
  /** Job types it runs, each with the number of jobs it runs at once. */
  readonly types: Readonly<Record<string, number>>;
  /** Called once before the first claim: clears what an earlier daemon left behind. */
  prepare?(): Promise<void>;
  /** Runs one attempt. Throwing fails the job. */
  run(job: JobState, context: JobContext): Promise<Outcome>;
}
