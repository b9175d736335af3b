/**
 * The memory store: the simplest thing that keeps the port's promises, and so what the others are
 * compared with. Its ledger is a list of JSON texts, and everything else is folded from those texts
 * and from nothing else: what a caller says about the changes of a batch is only checked.
 *
 * Fault model: none. Nothing here can tear, fill up or refuse to sync.
 */
import { invariant } from "../../errors/invariant.ts";
import { isEventType, type LedgerEvent, numberIn } from "../../kernel/job/events.ts";
import { foldStale } from "../../kernel/job/projection.ts";
import { fold, type JobState } from "../../kernel/job/state.ts";
import { jsonEqual } from "../../lib/json.ts";
import type { EpochMs } from "../../lib/time.ts";
import type {
  BrokenLine,
  JobChange,
  LedgerCounts,
  Loaded,
  LoadRequest,
  SaveBatch,
  SaveReceipt,
  Store,
  StoredJobQuery,
  StoredLine,
  StoreSnapshot,
  Turn,
  TypeStatusCount,
} from "../store.ts";
import { JobRows, pageOf, tallyOf } from "./rows.ts";

/** Most jobs one sweep takes; the next one follows at once. */
const LAPSED_MAX = 1000;

/**
 * A store over `ledger`, whose texts (one event each, any writer's) are folded first and to which
 * saved events are appended: passing the same list again opens the same ledger again.
 */
export function createMemoryStore(ledger: string[] = []): Store {
  return new MemoryStore(ledger);
}

class MemoryStore implements Store {
  readonly shared = false;
  readonly #ledger: string[];
  readonly #rows: JobRows = new JobRows();
  readonly #lines: StoredLine[] = [];
  readonly #positions: Map<string, number> = new Map();
  #known = 0;
  #lastNumber = 0;
  #lastEventId: string | undefined;
  #stale: readonly string[] = [];

  constructor(ledger: string[]) {
    this.#ledger = ledger;
    for (const json of ledger) this.#take(json);
  }

  async begin(request: LoadRequest): Promise<Turn> {
    return {
      loaded: this.#load(request),
      save: async (batch) => this.#save(batch),
      release: async () => undefined,
    };
  }

  #load(request: LoadRequest): Loaded {
    const jobs = new Map<string, JobState>();
    const keys = new Map<string, string>();
    for (const jobId of request.jobIds) {
      const job = this.#rows.byId(jobId);
      if (job !== undefined) jobs.set(jobId, job);
    }
    for (const key of request.idempotencyKeys) {
      const job = this.#rows.byKey(key);
      if (job === undefined) continue;
      keys.set(key, job.job_id);
      jobs.set(job.job_id, job);
    }
    return {
      head: this.#lines.length,
      lastNumber: this.#lastNumber,
      jobs,
      keys,
      claimable: request.claims.map(({ types, limit }) => this.#rows.claimable(types, limit)),
      lapsed: request.lapsedAt === undefined ? [] : this.#rows.lapsed(request.lapsedAt, LAPSED_MAX),
    };
  }

  #save({ events, changes }: SaveBatch): SaveReceipt {
    for (const { position, event, json } of events) {
      invariant(
        position === this.#lines.length + 1,
        `event ${event.event_id} claims position ${position}, not ${this.#lines.length + 1}`,
      );
      const text = json ?? JSON.stringify(event);
      this.#ledger.push(text);
      this.#take(text);
    }
    for (const change of changes) this.#check(change);
    return {};
  }

  counts(): LedgerCounts {
    return {
      head: this.#lines.length,
      lastEventId: this.#lastEventId,
      known: this.#known,
      foreign: this.#lines.length - this.#known,
      corrupt: 0,
      stale: this.#stale,
    };
  }

  async refresh(): Promise<void> {}

  follow(): () => void {
    return () => undefined;
  }

  brokenLines(): readonly BrokenLine[] {
    return [];
  }

  async job(jobId: string): Promise<JobState | undefined> {
    return this.#rows.byId(jobId);
  }

  async jobs(query: StoredJobQuery): Promise<readonly JobState[]> {
    return pageOf(this.#rows.all(), query);
  }

  async tally(at: EpochMs): Promise<readonly TypeStatusCount[]> {
    return tallyOf(this.#rows.all(), at);
  }

  async nextLeaseExpiry(): Promise<EpochMs | undefined> {
    return this.#rows.nextExpiry();
  }

  async snapshot(): Promise<StoreSnapshot> {
    const jobs = this.#rows.all();
    return {
      counts: this.counts(),
      jobs: async (query) => pageOf(jobs, query),
      tally: async (at) => tallyOf(jobs, at),
      close: async () => undefined,
    };
  }

  async lines(afterPosition: number, limit: number): Promise<readonly StoredLine[]> {
    return this.#lines.slice(afterPosition, afterPosition + limit);
  }

  async positionOf(eventId: string): Promise<number | undefined> {
    return this.#positions.get(eventId);
  }

  async close(): Promise<void> {}

  /** Folds one text of the ledger; an event id that was seen before changes nothing. */
  #take(json: string): void {
    const event = JSON.parse(json) as LedgerEvent;
    if (this.#positions.has(event.event_id)) return;
    const position = this.#lines.length + 1;
    const foreign = !isEventType(event.event_type);
    this.#lines.push({ position, json, foreign });
    this.#positions.set(event.event_id, position);
    this.#lastEventId = event.event_id;
    this.#lastNumber = Math.max(this.#lastNumber, position, numberIn(event) ?? 0);
    if (foreign) return;
    this.#known += 1;
    this.#stale = foldStale(this.#stale, event);
    const after = fold(this.#rows.byId(event.job_id), { position, event });
    if (after !== undefined) this.#rows.put(after);
  }

  /** A batch whose promised states are not what its events fold to was decided wrongly. */
  #check({ after }: JobChange): void {
    const promised: unknown = JSON.parse(JSON.stringify(after));
    const folded = this.#rows.byId(after.job_id);
    invariant(jsonEqual(promised, folded), `job ${after.job_id} is not what its events fold to`);
  }
}
