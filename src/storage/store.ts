/**
 * The port between the engine and whatever keeps the ledger. One act per method; the adapters
 * implement it with the same file names, and one contract suite runs over all of them.
 *
 * The promise that everything rests on: `Turn.save` resolves only after every event of the batch is
 * durable, and rejects with a `Fault` whose `outcome` says whether it happened.
 *
 * An adapter may be shared by several processes. What the others append is told to `follow`; reads
 * see it at once, and `counts` sees it after `refresh`.
 */
import type { NumberedEvent } from "../kernel/job/events.ts";
import type { ArtifactRef, JobState } from "../kernel/job/state.ts";
import type { JobStatus } from "../kernel/job/types.ts";
import type { EpochMs } from "../lib/time.ts";

/** Everything a batch of commands needs to be decided, asked for in one round trip. */
export interface LoadRequest {
  readonly jobIds: readonly string[];
  readonly idempotencyKeys: readonly string[];
  readonly claims: readonly ClaimableRequest[];
  /** When present: jobs whose lease lapsed at this instant, and jobs with no attempts left. */
  readonly lapsedAt?: EpochMs;
}

export interface ClaimableRequest {
  readonly types: readonly string[];
  readonly limit: number;
}

export interface Loaded {
  /** Position of the last event; the next one is this plus one. */
  readonly head: number;
  /**
   * The highest number that an event id ends in, at least `head`: the next id ends in this plus one.
   * It is ahead of `head` where lines were lost or somebody else counted differently.
   */
  readonly lastNumber: number;
  readonly jobs: ReadonlyMap<string, JobState>;
  /** Idempotency key to the id of the first job that had it; that job is in `jobs`. */
  readonly keys: ReadonlyMap<string, string>;
  /** In the order of `claims`: claimable jobs, oldest first. */
  readonly claimable: readonly (readonly JobState[])[];
  readonly lapsed: readonly JobState[];
}

/**
 * One batch under way. Until it is saved or released nobody else appends, in this process or in
 * another, so positions counted up from `loaded.head` are the ones the events get.
 */
export interface Turn {
  readonly loaded: Loaded;
  /** Ends the turn, whether it resolves or rejects. */
  save(batch: SaveBatch): Promise<SaveReceipt>;
  /** Ends a turn that has nothing to save. */
  release(): Promise<void>;
}

export interface SaveBatch {
  readonly events: readonly NumberedEvent[];
  /** Every job that the events changed, as it was before the batch and as it is after. */
  readonly changes: readonly JobChange[];
}

export interface JobChange {
  /** Absent for a job that the batch made. */
  readonly before?: JobState;
  readonly after: JobState;
}

/** What the caller may be told once the events are durable. */
export interface SaveReceipt {
  /** Absent when the read models took the batch; otherwise why they lag behind the ledger. */
  readonly projectionFailure?: string;
}

export interface LedgerCounts {
  readonly head: number;
  readonly lastEventId: string | undefined;
  /** Valid unique events of known types. */
  readonly known: number;
  /** Valid unique events of unknown types. */
  readonly foreign: number;
  /** Lines that are no event. */
  readonly corrupt: number;
  /** Projections that the ledger says are stale. */
  readonly stale: readonly string[];
}

export interface BrokenLine {
  readonly lineNumber: number;
  readonly reason: string;
  readonly quarantinePath?: string;
}

export interface StoredJobQuery {
  readonly statuses?: readonly JobStatus[];
  readonly types?: readonly string[];
  readonly afterSeq?: number;
  readonly limit: number;
  readonly newestFirst?: boolean;
  /** Leases are seen as of this instant. */
  readonly at: EpochMs;
}

export interface StoredLine {
  readonly position: number;
  /** One event as JSON text, without the newline. */
  readonly json: string;
  readonly foreign: boolean;
}

export interface TypeStatusCount {
  readonly jobType: string;
  readonly status: JobStatus;
  readonly count: number;
}

/** Read models at one position, stable while writes go on. */
export interface StoreSnapshot {
  readonly counts: LedgerCounts;
  jobs(query: StoredJobQuery): Promise<readonly JobState[]>;
  /** Counts by type and status, leases seen as of `at`. */
  tally(at: EpochMs): Promise<readonly TypeStatusCount[]>;
  close(): Promise<void>;
}

/** What processes that share a store know of each other beside the ledger. */
export interface Peers {
  /** From now on the others are told which job types have workers here. */
  tell(types: () => readonly string[]): void;
  /** Job types that have workers in the other processes, as they have said lately. */
  served(): Promise<readonly string[]>;
}

export interface Store {
  /** Absent for a store of one process. */
  readonly peers?: Peers;
  /** True when other processes may append to the same ledger. */
  readonly shared: boolean;

  /** Waits for its turn, and loads what the batch needs. */
  begin(request: LoadRequest): Promise<Turn>;

  /** As of the last batch that this process loaded, saved or heard of. */
  counts(): LedgerCounts;
  /** Brings `counts` up to what every process has appended. */
  refresh(): Promise<void>;
  /** Calls `listener` when another process has appended. Returns what ends that. */
  follow(listener: () => void): () => void;
  brokenLines(): readonly BrokenLine[];
  job(jobId: string): Promise<JobState | undefined>;
  jobs(query: StoredJobQuery): Promise<readonly JobState[]>;
  /** Counts by type and status, leases seen as of `at`. */
  tally(at: EpochMs): Promise<readonly TypeStatusCount[]>;
  /** When the next lease lapses, or undefined when none is running. */
  nextLeaseExpiry(): Promise<EpochMs | undefined>;
  snapshot(): Promise<StoreSnapshot>;
  /** Events after a position, oldest first. */
  lines(afterPosition: number, limit: number): Promise<readonly StoredLine[]>;
  positionOf(eventId: string): Promise<number | undefined>;
  close(): Promise<void>;
}

/** Content-addressed bodies. */
export interface Blobs {
  put(body: Uint8Array | AsyncIterable<Uint8Array>, maxBytes: number): Promise<ArtifactRef>;
  get(ref: ArtifactRef): Promise<Uint8Array | undefined>;
}
