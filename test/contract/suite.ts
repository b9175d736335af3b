/** What the store suites share: opening before each test, and everything a store lets one see. */
import { afterEach, beforeEach } from "vitest";
import { fold, type JobState } from "../../src/kernel/job/state.ts";
import type { LoadRequest, Store, StoredLine } from "../../src/storage/store.ts";
import { loadFrom } from "../support/batch.ts";
import { T0 } from "../support/given.ts";
import type { OpenStore, StoreAdapter } from "./adapters.ts";

export interface Opened {
  readonly store: Store;
  readonly reopen: () => Promise<Store>;
}

/** A fresh store of the adapter for each test of the enclosing suite. */
export function openedFor(adapter: StoreAdapter, lines?: readonly string[]): Opened {
  let current: OpenStore | undefined;
  let store: Store | undefined;
  const opened = (): OpenStore => {
    if (current === undefined) throw new Error("a store is open only while a test runs");
    return current;
  };
  beforeEach(async () => {
    current = await adapter.open(lines);
    store = current.store;
  });
  afterEach(async () => {
    await current?.cleanup();
    current = undefined;
  });
  return {
    get store(): Store {
      return store ?? opened().store;
    },
    async reopen() {
      store = await opened().reopen();
      return store;
    },
  };
}

/** Looks at the store as it is, and at what it is when it has been opened again. */
export async function nowAndReopened(
  on: Opened,
  look: (store: Store) => Promise<void>,
): Promise<void> {
  await look(on.store);
  await look(await on.reopen());
}

/** A request that asks for nothing but what is given. */
export function asking(request: Partial<LoadRequest>): LoadRequest {
  return { jobIds: [], idempotencyKeys: [], claims: [], ...request };
}

/** Every line, read in pages of `page`. */
export async function allLines(store: Store, page: number = 1000): Promise<readonly StoredLine[]> {
  const all: StoredLine[] = [];
  for (;;) {
    const lines = await store.lines(all.length, page);
    all.push(...lines);
    if (lines.length < page) return all;
  }
}

/** The jobs that a ledger's own lines fold to, oldest first. */
export function foldLines(lines: readonly StoredLine[]): readonly JobState[] {
  const jobs = new Map<string, JobState>();
  for (const { position, json, foreign } of lines) {
    if (foreign) continue;
    const event = JSON.parse(json) as Parameters<typeof fold>[1]["event"];
    const after = fold(jobs.get(event.job_id), { position, event });
    if (after !== undefined) jobs.set(event.job_id, after);
  }
  return [...jobs.values()];
}

export interface ReadModelsQuestion {
  /** Instants, in milliseconds after `T0`, at which leases are looked at. */
  readonly instants: readonly number[];
  readonly types: readonly string[];
  readonly keys: readonly string[];
}

/** So many event ids, spread over the ledger, are looked up for a picture of it. */
const POSITIONS_LOOKED_UP = 40;

/** Everything a store shows, in an order of our own where the port promises none. */
export async function readModels(store: Store, question: ReadModelsQuestion): Promise<unknown> {
  const { instants, types, keys } = question;
  const jobs = await store.jobs({ limit: 100_000, at: 0 });
  const loaded = await loadFrom(store, {
    jobIds: jobs.map((job) => job.job_id),
    idempotencyKeys: keys,
    claims: [...types.map((type) => [type]), types].map((some) => ({ types: some, limit: 1000 })),
  });
  const lines = await allLines(store);
  const ids = lines
    .filter((_, index) => index % Math.ceil(lines.length / POSITIONS_LOOKED_UP) === 0)
    .map(({ json }) => (JSON.parse(json) as { event_id: string }).event_id);
  return {
    counts: store.counts(),
    jobs,
    single: await Promise.all(jobs.map((job) => store.job(job.job_id))),
    loaded: { ...loaded, jobs: bySeq([...loaded.jobs.values()]), keys: new Map(loaded.keys) },
    lines,
    positions: await Promise.all(ids.map((id) => store.positionOf(id))),
    nextLeaseExpiry: await store.nextLeaseExpiry(),
    instants: await Promise.all(instants.map((ms) => seenFrom(store, T0 + ms))),
  };
}

async function seenFrom(store: Store, at: number): Promise<unknown> {
  const { lapsed } = await loadFrom(store, asking({ lapsedAt: at }));
  const statuses = ["running", "retry_waiting"] as const;
  return {
    tally: (await store.tally(at))
      .map(({ jobType, status, count }) => [status, jobType, count])
      .sort((left, right) => (String(left) < String(right) ? -1 : 1)),
    jobs: await store.jobs({ limit: 100_000, at, newestFirst: true }),
    filtered: await Promise.all(
      statuses.map((status) => store.jobs({ limit: 3, at, statuses: [status] })),
    ),
    lapsed: bySeq(lapsed),
  };
}

function bySeq(jobs: readonly JobState[]): readonly JobState[] {
  return [...jobs].sort((left, right) => left.seq - right.seq);
}

export function idsOf(jobs: readonly JobState[]): readonly string[] {
  return jobs.map((job) => job.job_id);
}
