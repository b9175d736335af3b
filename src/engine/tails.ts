/**
 * Live readers of the ledger. A commit only wakes them; each pulls from where it stands, out of a
 * ring of recent events or, when it is far behind, out of the store. A slow reader holds no memory.
 */
import type { NumberedEvent } from "../kernel/job/events.ts";
import { isEventType } from "../kernel/job/events.ts";
import type { Store, StoredLine } from "../storage/store.ts";
import type { StoredEvent, Tail } from "./engine.ts";

/** Events kept in memory for readers that are nearly up to date. */
const RING_EVENTS = 4096;
const RING_BYTES_MAX = 8 * 1024 * 1024;

export class Tails {
  readonly #store: Store;
  readonly #ring: StoredEvent[] = [];
  #ringBytes = 0;
  #head: number;
  readonly #waiting: Set<() => void> = new Set();

  constructor(store: Store) {
    this.#store = store;
    this.#head = store.counts().head;
  }

  get head(): number {
    return this.#head;
  }

  /** Takes durable events in and wakes everybody who waits. */
  publish(events: readonly NumberedEvent[]): void {
    for (const { position, event, json } of events) {
      const text = json ?? JSON.stringify(event);
      this.#ring.push({ position, event, json: text, foreign: !isEventType(event.event_type) });
      this.#ringBytes += text.length;
      this.#head = position;
    }
    while (this.#ring.length > RING_EVENTS || this.#ringBytes > RING_BYTES_MAX) {
      this.#ringBytes -= this.#ring.shift()?.json.length ?? 0;
    }
    const woken = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of woken) wake();
  }

  /** Positions may have moved (a repaired ledger): forget what is in memory. */
  reset(): void {
    this.#ring.length = 0;
    this.#ringBytes = 0;
    this.#head = this.#store.counts().head;
  }

  async read(afterPosition: number, limit: number): Promise<readonly StoredEvent[]> {
    const first = this.#ring[0];
    if (first !== undefined && afterPosition + 1 >= first.position) {
      const from = afterPosition + 1 - first.position;
      return this.#ring.slice(from, from + limit);
    }
    return (await this.#store.lines(afterPosition, limit)).map(storedEvent);
  }

  open(afterPosition: number): Tail {
    let position = afterPosition;
    return {
      next: async (limit, signal) => {
        while (position >= this.#head) {
          if (signal.aborted) return [];
          await this.#wake(signal);
        }
        const events = await this.read(position, limit);
        position = events.at(-1)?.position ?? position;
        return events;
      },
    };
  }

  #wake(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake);
    });
  }
}

function storedEvent(line: StoredLine): StoredEvent {
  return { ...line, event: JSON.parse(line.json) as StoredEvent["event"] };
}
