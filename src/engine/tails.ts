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

  /**
   * Takes a commit of this process in and wakes everybody who waits. False, and nothing is done,
   * when events of another process come first.
   */
  publish(events: readonly NumberedEvent[]): boolean {
    if (events[0] !== undefined && events[0].position !== this.#head + 1) return false;
    this.join(
      events.map(({ position, event, json }) => ({
        position,
        event,
        json: json ?? JSON.stringify(event),
        foreign: !isEventType(event.event_type),
      })),
    );
    return true;
  }

  /** Takes in those of the events that are new, wakes everybody who waits, and gives the new ones. */
  join(events: readonly StoredEvent[]): readonly StoredEvent[] {
    const fresh = events.filter(({ position }) => position > this.#head);
    for (const stored of fresh) {
      this.#ring.push(stored);
      this.#ringBytes += stored.json.length;
      this.#head = stored.position;
    }
    if (fresh.length > 0) this.#trimAndWake();
    return fresh;
  }

  #trimAndWake(): void {
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
      const recent = this.#ring.slice(from, from + limit);
      if (recent.length > 0) return recent;
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
