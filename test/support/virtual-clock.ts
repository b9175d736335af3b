/** A clock that a test moves by hand. Timers fire inside `advance`, in order of their due time. */
import type { Clock, Timer } from "../../src/lib/clock.ts";
import type { EpochMs } from "../../src/lib/time.ts";

interface Pending {
  readonly dueAt: number;
  readonly task: () => void;
}

export class VirtualClock implements Clock {
  #monotonic = 0;
  #wall: EpochMs;
  #timers: Pending[] = [];

  constructor(wall: EpochMs) {
    this.#wall = wall;
  }

  now(): EpochMs {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(delayMs: number, task: () => void): Timer {
    const timer = { dueAt: this.#monotonic + Math.max(0, delayMs), task };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Lets time pass, both on the wall and in the machine. */
  advance(ms: number): void {
    const until = this.#monotonic + ms;
    for (;;) {
      const next = this.#timers
        .filter(({ dueAt }) => dueAt <= until)
        .sort((left, right) => left.dueAt - right.dueAt)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#move(Math.max(0, next.dueAt - this.#monotonic));
      next.task();
    }
    this.#move(until - this.#monotonic);
  }

  /** Somebody set the wall clock; the machine's own time does not notice. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  /** Forgets every timer: the process that set them is gone. */
  dropTimers(): void {
    this.#timers = [];
  }

  #move(ms: number): void {
    this.#monotonic += ms;
    this.#wall += ms;
  }
}

/** Lets everything that is ready run: promises, and work put off to later turns of the loop. */
export async function settle(turns: number = 12): Promise<void> {
  for (let i = 0; i < turns; i += 1) await new Promise((resolve) => setImmediate(resolve));
}
