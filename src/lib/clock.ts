import type { EpochMs } from "./time.ts";

/** A timer that can be called off. */
export interface Timer {
  cancel(): void;
}

/** Where time comes from. The simulation passes a virtual one; `host/` passes the machine's. */
export interface Clock {
  /** Wall-clock time. May jump in either direction. */
  now(): EpochMs;
  /** Milliseconds that only ever rise; its zero means nothing. */
  monotonic(): number;
  /** Runs `task` once after `delayMs`; never keeps the process alive by itself. */
  after(delayMs: number, task: () => void): Timer;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, task) {
    const handle = setTimeout(task, Math.min(delayMs, TIMER_DELAY_MS_MAX));
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Longest delay a runtime timer accepts before it fires at once instead (2^31 - 1). */
const TIMER_DELAY_MS_MAX = 2_147_483_647;
