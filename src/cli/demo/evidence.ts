import type { Client } from "@keelson/client";

/** What the ledger and the queue say about the jobs that were acknowledged. */
export interface Evidence {
  readonly acknowledged: number;
  /** Acknowledged ids without an accepted event. */
  readonly lost: readonly string[];
  /** Ids with more than one accepted event. */
  readonly doubled: readonly string[];
  /** Acknowledged ids that the queue does not list. */
  readonly unlisted: readonly string[];
  /** Jobs with more than one ending in the ledger. */
  readonly endedTwice: readonly string[];
  readonly events: number;
  readonly byStatus: Readonly<Record<string, number>>;
}

/** Compares every acknowledged id with the events and with the queue, one by one. */
export async function compare(client: Client, acknowledged: Iterable<string>): Promise<Evidence> {
  const accepted = new Map<string, number>();
  const ended = new Map<string, number>();
  let events = 0;
  for await (const event of client.events()) {
    events += 1;
    if (event.event_type === "job.accepted") add(accepted, event.job_id);
    if (/^job\.(completed|failed|cancelled)$/.test(event.event_type)) add(ended, event.job_id);
  }
  const listed = new Set<string>();
  const byStatus: Record<string, number> = {};
  for await (const job of client.jobs({ limit: 1_000 })) {
    listed.add(job.job_id);
    byStatus[job.status] = (byStatus[job.status] ?? 0) + 1;
  }
  const ids = [...acknowledged];
  return {
    acknowledged: ids.length,
    lost: ids.filter((id) => !accepted.has(id)),
    doubled: more(accepted),
    unlisted: ids.filter((id) => !listed.has(id)),
    endedTwice: more(ended),
    events,
    byStatus,
  };
}

export function isClean(evidence: Evidence): boolean {
  const { lost, doubled, unlisted, endedTwice } = evidence;
  return lost.length + doubled.length + unlisted.length + endedTwice.length === 0;
}

function add(counts: Map<string, number>, id: string): void {
  counts.set(id, (counts.get(id) ?? 0) + 1);
}

function more(counts: ReadonlyMap<string, number>): string[] {
  return [...counts].filter(([, times]) => times > 1).map(([id]) => id);
}
