/** Token buckets by caller: so many requests at once, refilled evenly. Idle ones are forgotten. */
import type { Clock } from "../lib/clock.ts";

export interface Rate {
  readonly perSecond: number;
  /** How many may come at once after a pause. */
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  /** Monotonic milliseconds of the last look. */
  at: number;
}

/** More callers than this are never remembered at once; full buckets go first. */
const CALLERS_MAX = 10_000;

export class RateLimiter {
  readonly #clock: Clock;
  readonly #rate: Rate;
  readonly #buckets: Map<string, Bucket> = new Map();

  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock;
    this.#rate = rate;
  }

  /** Takes one token: 0 when there was one, else the milliseconds until there will be. */
  take(who: string): number {
    const { perSecond, burst } = this.#rate;
    const now = this.#clock.monotonic();
    const known = this.#buckets.get(who) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, known.tokens + ((now - known.at) / 1000) * perSecond);
    const granted = tokens >= 1;
    // Taken out and put in again, so that the map's order is that of the last look.
    this.#buckets.delete(who);
    this.#buckets.set(who, { tokens: granted ? tokens - 1 : tokens, at: now });
    if (this.#buckets.size > CALLERS_MAX) this.#forgetIdle(now);
    return granted ? 0 : ((1 - tokens) / perSecond) * 1000;
  }

  /** A bucket that has filled up again is the same as one never seen. */
  #forgetIdle(now: number): void {
    const fullAfterMs = (this.#rate.burst / this.#rate.perSecond) * 1000;
    for (const [who, { at }] of this.#buckets) {
      if (now - at >= fullAfterMs || this.#buckets.size > CALLERS_MAX) this.#buckets.delete(who);
      else break;
    }
  }
}
