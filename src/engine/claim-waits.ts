/** Workers that asked for work when there was none. The commit that brings work wakes them. */
import type { Clock } from "../lib/clock.ts";

interface Waiter {
  readonly types: ReadonlySet<string>;
  readonly wake: () => void;
}

export class ClaimWaits {
  readonly #clock: Clock;
  /** In order of arrival, so that the longest waiting worker is served first. */
  readonly #waiters: Set<Waiter> = new Set();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True when a worker waits for this type now. */
  waitsFor(type: string): boolean {
    for (const waiter of this.#waiters) if (waiter.types.has(type)) return true;
    return false;
  }

  /**
   * Calls `done` once: with `true` when work of one of the types was committed, with `false` after
   * `waitMs` or when `signal` aborts.
   */
  add(
    types: readonly string[],
    waitMs: number,
    options: { readonly signal: AbortSignal | undefined; readonly done: (woken: boolean) => void },
  ): void {
    const { signal, done } = options;
    const finish = (woken: boolean): void => {
      if (!this.#waiters.delete(waiter)) return;
      timer.cancel();
      signal?.removeEventListener("abort", giveUp);
      done(woken);
    };
    const giveUp = (): void => finish(false);
    const waiter: Waiter = { types: new Set(types), wake: () => finish(true) };
    this.#waiters.add(waiter);
    const timer = this.#clock.after(waitMs, giveUp);
    signal?.addEventListener("abort", giveUp);
    if (signal?.aborted === true) giveUp();
  }

  /** Wakes one waiting worker for each new claimable job of a type. */
  offer(type: string): void {
    for (const waiter of this.#waiters) {
      if (!waiter.types.has(type)) continue;
      waiter.wake();
      return;
    }
  }

  /** Sends every waiting worker away, for example because the daemon drains. */
  wakeAll(): void {
    for (const waiter of this.#waiters) waiter.wake();
  }
}
