/**
 * Takes in what other processes append to the same store, in the order of the ledger. A store that
 * this process alone writes never calls, and then this does nothing.
 */
import type { Store } from "../storage/store.ts";
import type { StoredEvent } from "./engine.ts";
import type { Tails } from "./tails.ts";

const EVENTS_AT_ONCE = 1024;

export class Follower {
  readonly #store: Store;
  readonly #tails: Tails;
  readonly #onEvents: (events: readonly StoredEvent[]) => Promise<void>;
  readonly #unfollow: () => void;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(options: {
    readonly store: Store;
    readonly tails: Tails;
    /** Told of events that no commit of this process has published, oldest first. */
    readonly onEvents: (events: readonly StoredEvent[]) => Promise<void>;
  }) {
    this.#store = options.store;
    this.#tails = options.tails;
    this.#onEvents = options.onEvents;
    this.#unfollow = options.store.follow(() => this.catchUp());
  }

  /** Reads up to the ledger's end; a call while one is under way makes it look once more. */
  catchUp(): void {
    this.#again = true;
    // A read that fails is made up for by the next call: the store calls again after each outage.
    this.#running ??= this.#run()
      .catch(() => undefined)
      .finally(() => (this.#running = undefined));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unfollow();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      let taken: readonly StoredEvent[];
      do {
        taken = this.#tails.join(await this.#read());
        await this.#onEvents(taken);
      } while (taken.length > 0 && !this.#stopped);
    }
  }

  async #read(): Promise<readonly StoredEvent[]> {
    const lines = await this.#store.lines(this.#tails.head, EVENTS_AT_ONCE);
    return lines.map((line) => ({ ...line, event: JSON.parse(line.json) as StoredEvent["event"] }));
  }
}
