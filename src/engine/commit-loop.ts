/**
 * The one place where anything changes. Work waits in the inbox; a round takes what is there, loads
 * once, decides and folds in memory, saves once, and only then answers. While one round is being
 * synced the next one fills: that is the group commit.
 *
 * Promise to every caller: `settle` runs after the batch that holds its events is durable, `refuse`
 * when it is not; never both, never neither.
 */
import { Fault, isFault, messageOf } from "../errors/fault.ts";
import type { Clock } from "../lib/clock.ts";
import type { LoadRequest, SaveBatch, SaveReceipt, Store, Turn } from "../storage/store.ts";
import type { EngineObserver } from "./observer.ts";
import type { Redactor } from "./redactor.ts";
import { Workspace } from "./workspace.ts";

/** One thing to be decided, with the way back to whoever asked. */
export interface Work {
  /** Names what `decide` will look up. */
  readonly needs: (needs: Needs) => void;
  /** Decides against the workspace; what it returns is run once the batch is durable. */
  readonly decide: (workspace: Workspace) => Settle;
  readonly refuse: (reason: unknown) => void;
}

/** Runs after the sync; told why the read models lag, if they do. */
export type Settle = (receipt: SaveReceipt) => void;

/** Collects what a batch must load. */
export interface Needs {
  job(jobId: string): void;
  key(idempotencyKey: string): void;
  /** Returns the number to ask the workspace's `claimable` with. */
  claim(types: readonly string[], max: number): number;
  lapsed(at: number): void;
}

export interface CommitLoopOptions {
  readonly store: Store;
  readonly redactor: Redactor;
  readonly clock: Clock;
  readonly observer: EngineObserver;
  /** Told of every durable batch, after its callers. */
  readonly onCommitted: (batch: SaveBatch) => void;
  /** The disk refused to make a batch durable: the process must stop. */
  readonly onFatal: (fault: Fault) => void;
}

/** Work taken into one batch at the most. */
const BATCH_WORK_MAX = 1024;
/** Line bytes after which a batch is closed; the rest of its work goes into the next. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
/** Work that may wait; more is told to come back later. */
const INBOX_MAX = 20_000;

export class CommitLoop {
  readonly #options: CommitLoopOptions;
  #inbox: Work[] = [];
  #running: Promise<void> | undefined;
  readonly #tasks: (() => Promise<void>)[] = [];
  #fatal: Fault | undefined;

  constructor(options: CommitLoopOptions) {
    this.#options = options;
  }

  /** Puts work into the inbox. Refuses at once when too much waits or after a fatal fault. */
  push(work: Work): void {
    if (this.#fatal !== undefined) {
      work.refuse(this.#fatal);
      return;
    }
    if (this.#inbox.length >= INBOX_MAX) {
      work.refuse(new Fault("overloaded", "too many commands are waiting for the ledger"));
      return;
    }
    this.#inbox.push(work);
    this.#running ??= this.#run();
  }

  /** Runs `task` between two batches, while nothing is being decided or saved. */
  exclusive<T>(task: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#tasks.push(() => task().then(resolve, reject));
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing waits and nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // A turn of the event loop lets every request that has already arrived join the first batch.
    await nextTurn();
    for (;;) {
      const task = this.#tasks.shift();
      if (task !== undefined) await task();
      else if (this.#inbox.length > 0) await this.#round(this.#inbox.splice(0, BATCH_WORK_MAX));
      else break;
      if (this.#inbox.length > 0) await nextTurn();
    }
    this.#running = undefined;
  }

  async #round(taken: readonly Work[]): Promise<void> {
    let batch: readonly Work[] = taken;
    try {
      const { store, redactor, clock } = this.#options;
      const started = clock.monotonic();
      const turn = await store.begin(requestOf(taken));
      const workspace = new Workspace(turn.loaded, redactor);
      const settles = await decided(turn, taken, workspace);
      batch = taken.slice(0, settles.length);
      this.#inbox.unshift(...taken.slice(settles.length));
      const changes = workspace.batch();
      const saving = clock.monotonic();
      const receipt = await end(turn, changes);
      const saved = clock.monotonic();
      for (const settle of settles) settle(receipt);
      if (changes.events.length === 0) return;
      this.#options.onCommitted(changes);
      this.#options.observer.committed({
        ...changes,
        commands: settles.length,
        commitMs: saved - started,
        saveMs: saved - saving,
      });
    } catch (error) {
      this.#fail(batch, error);
    }
  }

  #fail(batch: readonly Work[], error: unknown): void {
    const fault = isFault(error)
      ? error
      : new Fault("ledger_unavailable", messageOf(error), { cause: error, outcome: "unknown" });
    const isFatal = fault.code === "sync_failed" || !isFault(error);
    if (isFatal) this.#fatal = fault;
    for (const work of batch) work.refuse(fault);
    this.#options.observer.failed(fault.code);
    if (!isFatal) return;
    for (const work of this.#inbox.splice(0)) work.refuse(fault);
    this.#options.onFatal(fault);
  }
}

/** Decides as much of the work as one batch holds. */
async function decided(
  turn: Turn,
  taken: readonly Work[],
  workspace: Workspace,
): Promise<readonly Settle[]> {
  const settles: Settle[] = [];
  try {
    for (const work of taken) {
      if (workspace.bytes > BATCH_BYTES_MAX) break;
      settles.push(work.decide(workspace));
    }
    return settles;
  } catch (error) {
    await turn.release();
    throw error;
  }
}

async function end(turn: Turn, batch: SaveBatch): Promise<SaveReceipt> {
  if (batch.events.length > 0) return turn.save(batch);
  await turn.release();
  return {};
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Everything a round needs, in one request. */
function requestOf(batch: readonly Work[]): LoadRequest {
  const jobIds = new Set<string>();
  const idempotencyKeys = new Set<string>();
  const claims: { types: readonly string[]; limit: number }[] = [];
  const claimNumbers = new Map<string, number>();
  let claimedMax = 0;
  let lapsedAt: number | undefined;
  const needs: Needs = {
    job: (jobId) => void jobIds.add(jobId),
    key: (key) => void idempotencyKeys.add(key),
    claim(types, max) {
      claimedMax += max;
      const sorted = [...types].sort();
      const name = JSON.stringify(sorted);
      const number = claimNumbers.get(name) ?? claims.push({ types: sorted, limit: 0 }) - 1;
      claimNumbers.set(name, number);
      return number;
    },
    lapsed: (at) => void (lapsedAt = at),
  };
  for (const work of batch) work.needs(needs);
  return {
    jobIds: [...jobIds],
    idempotencyKeys: [...idempotencyKeys],
    // Claims of one batch compete for the same jobs: each may need all that the others do not take.
    claims: claims.map(({ types }) => ({ types, limit: claimedMax })),
    ...(lapsedAt === undefined ? {} : { lapsedAt }),
  };
}
