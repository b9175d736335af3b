/** Which job types somebody can run: workers in this process, and those that asked lately. */
import type { Clock } from "../lib/clock.ts";
import type { ClaimWaits } from "./claim-waits.ts";

/** A worker that has not asked for this long may be gone. */
const POLL_FRESH_MS = 60_000;

export class WorkerCensus {
  readonly #clock: Clock;
  readonly #waits: ClaimWaits;
  readonly #announced: Map<string, number> = new Map();
  readonly #polledAt: Map<string, number> = new Map();

  constructor(clock: Clock, waits: ClaimWaits) {
    this.#clock = clock;
    this.#waits = waits;
  }

  /** A worker in this process runs these types until the returned function is called. */
  announce(types: readonly string[]): () => void {
    for (const type of types) this.#announced.set(type, (this.#announced.get(type) ?? 0) + 1);
    let gone = false;
    return () => {
      if (gone) return;
      gone = true;
      for (const type of types) this.#announced.set(type, (this.#announced.get(type) ?? 1) - 1);
    };
  }

  /** A worker asks for these types now; call the returned function when it has its answer. */
  polled(types: readonly string[]): () => void {
    const note = (): void => {
      const now = this.#clock.monotonic();
      for (const type of types) this.#polledAt.set(type, now);
    };
    note();
    return note;
  }

  has(type: string): boolean {
    if ((this.#announced.get(type) ?? 0) > 0 || this.#waits.waitsFor(type)) return true;
    const at = this.#polledAt.get(type);
    return at !== undefined && this.#clock.monotonic() - at < POLL_FRESH_MS;
  }

  /** Every type that somebody can run. */
  types(): readonly string[] {
    const known = new Set([...this.#announced.keys(), ...this.#polledAt.keys()]);
    return [...known].filter((type) => this.has(type));
  }
}
