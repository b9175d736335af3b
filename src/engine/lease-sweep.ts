/**
 * Looks for lapsed leases when the next one is due, and at least once a second while any runs, so
 * that a wall clock that jumped is noticed soon. On a shared store it looks every second, because
 * other processes grant leases too, and one of them may have died.
 */
import type { Clock, Timer } from "../lib/clock.ts";
import type { EpochMs } from "../lib/time.ts";

const SWEEP_EVERY_MS_MAX = 1000;

export class LeaseSweep {
  readonly #clock: Clock;
  readonly #nextExpiry: () => Promise<EpochMs | undefined>;
  readonly #sweep: () => Promise<void>;
  readonly #shared: boolean;
  #timer: Timer | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor(options: {
    readonly clock: Clock;
    readonly nextExpiry: () => Promise<EpochMs | undefined>;
    readonly sweep: () => Promise<void>;
    readonly shared: boolean;
  }) {
    this.#shared = options.shared;
    this.#clock = options.clock;
    this.#nextExpiry = options.nextExpiry;
    this.#sweep = options.sweep;
  }

  /** A lease that ends at `expiresAt` was granted. */
  granted(expiresAt: EpochMs): void {
    if (expiresAt < this.#dueAt) this.#arm(expiresAt);
  }

  /** Looks at once: at start, or after the ledger changed under the sweep. */
  async now(): Promise<void> {
    if (this.#stopped) return;
    await this.#sweep();
    await this.#rearm();
  }

  /** A lease that was renewed since the timer was set needs no sweep yet. */
  async #look(): Promise<void> {
    const next = await this.#nextExpiry();
    if (next !== undefined && next <= this.#clock.now()) await this.now();
    else await this.#rearm();
  }

  async #rearm(): Promise<void> {
    this.#dueAt = Number.POSITIVE_INFINITY;
    const next = await this.#nextExpiry();
    if (next !== undefined && next < this.#dueAt) this.#arm(next);
    else if (this.#shared) this.#arm(Math.min(this.#dueAt, this.#clock.now() + SWEEP_EVERY_MS_MAX));
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #arm(at: EpochMs): void {
    if (this.#stopped) return;
    this.#timer?.cancel();
    this.#dueAt = at;
    const delay = Math.min(Math.max(at - this.#clock.now(), 0), SWEEP_EVERY_MS_MAX);
    this.#timer = this.#clock.after(delay, () => {
      // A sweep that fails (no room, projections out of reach) is simply due again.
      void this.#look().catch(() => this.#arm(this.#clock.now() + SWEEP_EVERY_MS_MAX));
    });
  }
}
