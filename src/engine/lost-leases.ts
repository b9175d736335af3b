/** Tells holders in this process at once that a job is not theirs any more. */
import type { LedgerEvent } from "../kernel/job/events.ts";
import type { SaveBatch, Store } from "../storage/store.ts";

type Listener = (jobId: string, leaseEpoch: number) => void;

export class LostLeases {
  readonly #store: Store;
  readonly #listeners: Set<Listener> = new Set();

  constructor(store: Store) {
    this.#store = store;
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A batch of ours is durable. It reads nothing, so it cannot fail after the commit. */
  saved({ events, changes }: SaveBatch): void {
    if (this.#listeners.size === 0) return;
    const jobs = new Map(changes.map(({ after }) => [after.job_id, after]));
    for (const { event } of events) {
      if (!endsLease(event)) continue;
      const epoch = event.payload?.["lease_epoch"] ?? jobs.get(event.job_id)?.lease_epoch;
      this.#tell(event.job_id, Number(epoch));
    }
  }

  /** Another process has ended a lease. */
  async heard(event: LedgerEvent): Promise<void> {
    if (this.#listeners.size === 0) return;
    const stated = event.payload?.["lease_epoch"];
    const epoch = stated ?? (await this.#store.job(event.job_id))?.lease_epoch;
    this.#tell(event.job_id, Number(epoch));
  }

  #tell(jobId: string, leaseEpoch: number): void {
    for (const listener of this.#listeners) listener(jobId, leaseEpoch);
  }
}

/** True for what takes a job from its holder without the holder's doing. */
export function endsLease(event: LedgerEvent): boolean {
  return event.event_type === "job.cancelled" || event.event_type === "job.lease_expired";
}
