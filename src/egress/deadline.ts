/** When an exchange must be over, and why it was ended. */
import { Fault } from "../errors/fault.ts";
import type { Clock } from "../lib/clock.ts";

interface Times {
  readonly firstByteMs: number;
  readonly totalMs: number;
}

/** Ends an exchange: too late for the first byte, too late for the whole, or the caller's wish. */
export class Deadline {
  /** Why it ended; undefined while it has not. */
  reason: unknown;
  readonly #clock: Clock;
  readonly #limits: Times;
  readonly #controller: AbortController = new AbortController();
  readonly #total: { cancel(): void };
  readonly #caller: AbortSignal | undefined;

  constructor(clock: Clock, limits: Times, caller: AbortSignal | undefined) {
    this.#clock = clock;
    this.#limits = limits;
    this.#caller = caller;
    this.#total = clock.after(limits.totalMs, () => {
      this.#abort(late(`was not over after ${limits.totalMs} ms`));
    });
    if (caller?.aborted === true) this.#abort(caller.reason);
    else caller?.addEventListener("abort", this.#cancelled, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Starts the wait for an answer's head; the result calls it off. */
  firstByte(origin: string): () => void {
    const { firstByteMs } = this.#limits;
    const timer = this.#clock.after(firstByteMs, () => {
      this.#abort(late(`to ${origin} had no answer in ${firstByteMs} ms`));
    });
    return () => timer.cancel();
  }

  end(): void {
    this.#total.cancel();
    this.#caller?.removeEventListener("abort", this.#cancelled);
  }

  readonly #cancelled = (): void => this.#abort(this.#caller?.reason);

  #abort(reason: unknown): void {
    this.reason ??= reason;
    this.#controller.abort(reason);
  }
}

function late(what: string): Fault {
  return new Fault("egress_timed_out", `the request ${what}`, { outcome: "unknown" });
}
