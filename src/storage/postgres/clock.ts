/**
 * The database's clock, read from here. Leases are measured with it, so processes whose own clocks
 * are set differently agree on when one lapses. Between two readings it runs by the machine's
 * monotonic clock, so setting the machine's clock moves nothing.
 */
import type { Clock, Timer } from "../../lib/clock.ts";
import type { EpochMs } from "../../lib/time.ts";

/** One reading of the database's clock: it said `now` at some moment between the two. */
export interface Reading {
  readonly sentAt: number;
  readonly receivedAt: number;
  readonly now: EpochMs;
}

const READINGS_MAX = 8;
/** Readings that differ by more than their round trips and this were made of two clocks. */
const TOLERANCE_MS = 20;

export class DatabaseClock implements Clock {
  readonly #local: Clock;
  /** The database's time minus the local monotonic time, and how wrong that may be. */
  #readings: { readonly offset: number; readonly uncertainty: number }[] = [];
  #offset: number;

  /** Until the first reading it is the machine's clock. */
  constructor(local: Clock) {
    this.#local = local;
    this.#offset = local.now() - local.monotonic();
  }

  /** The reading with the shortest round trip counts, of those that were taken lately. */
  take({ sentAt, receivedAt, now }: Reading): void {
    const uncertainty = (receivedAt - sentAt) / 2;
    const reading = { offset: now - (sentAt + uncertainty), uncertainty };
    const agrees = this.#readings.every(
      (earlier) =>
        Math.abs(earlier.offset - reading.offset) <=
        earlier.uncertainty + uncertainty + TOLERANCE_MS,
    );
    this.#readings = [...(agrees ? this.#readings : []), reading].slice(-READINGS_MAX);
    this.#offset = this.#readings.reduce((best, next) =>
      next.uncertainty <= best.uncertainty ? next : best,
    ).offset;
  }

  now(): EpochMs {
    return Math.floor(this.#local.monotonic() + this.#offset);
  }

  monotonic(): number {
    return this.#local.monotonic();
  }

  after(delayMs: number, task: () => void): Timer {
    return this.#local.after(delayMs, task);
  }
}
