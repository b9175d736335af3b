/**
 * Opens connections, and knows whether the database is there. An outage shorter than `PATIENCE_MS`
 * is waited out; in a longer one every caller is told at once, and attempts are spaced.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Fault, isFault } from "../../errors/fault.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Address } from "./address.ts";
import { type Bounds, Connection } from "./connection.ts";
import { faultOf } from "./faults.ts";

/** Longer than a failover that was prepared, shorter than a caller's patience. */
const PATIENCE_MS = 2_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

export class Dialer {
  readonly address: Address;
  readonly #clock: Clock;
  #outage: { readonly since: number; readonly fault: Fault; readonly pauseMs: number } | undefined;
  #nextAttemptAt = 0;

  constructor(address: Address, clock: Clock) {
    this.address = address;
    this.#clock = clock;
  }

  /** Why the last attempt failed, while no later one has succeeded. */
  get outage(): Fault | undefined {
    return this.#outage?.fault;
  }

  /** Throws a `Fault`: `store_unavailable`, or `store_unusable` when trying again cannot help. */
  async open(bounds: Bounds): Promise<Connection> {
    for (;;) {
      const waitMs = this.#nextAttemptAt - this.#clock.monotonic();
      if (waitMs > 0) {
        if (this.#outage !== undefined && this.#isLong()) throw this.#outage.fault;
        await sleep(waitMs);
      }
      try {
        const connection = await Connection.open(this.address, bounds);
        this.#outage = undefined;
        return connection;
      } catch (error) {
        this.#note(isFault(error) ? error : faultOf(error));
        if (this.#isLong() || this.#outage?.fault.code === "store_unusable") throw error;
      }
    }
  }

  #note(fault: Fault): void {
    const now = this.#clock.monotonic();
    const { since = now, pauseMs = FIRST_PAUSE_MS } = this.#outage ?? {};
    this.#outage = { since, fault, pauseMs: Math.min(pauseMs * 2, LONGEST_PAUSE_MS) };
    this.#nextAttemptAt = now + pauseMs;
  }

  #isLong(): boolean {
    return this.#clock.monotonic() - (this.#outage?.since ?? Infinity) > PATIENCE_MS;
  }
}
