/**
 * What the engine offers to surfaces and workers: commands that are durable when they are answered,
 * queries over one fold, and live tails. A surface never learns which store is below.
 */
import type { Rejection } from "../errors/rejection.ts";
import type { Fence, WorkProducts } from "../kernel/job/decide.ts";
import type { LedgerEvent } from "../kernel/job/events.ts";
import type { ArtifactRef, Failure, JobState } from "../kernel/job/state.ts";
import type { JobStatus } from "../kernel/job/types.ts";
import type { JsonObject } from "../lib/json.ts";
import type { Result } from "../lib/result.ts";

export type Answer<T> = Promise<Result<T, Rejection>>;

export interface SubmitInput {
  /** One of the contract's job types; the surface has checked it. */
  readonly job_type: string;
  readonly job_id?: string;
  readonly request_id?: string;
  readonly idempotency_key?: string;
  readonly payload?: JsonObject;
  readonly actor: string;
}

export interface Submitted {
  /** The stored job: the new one, or the first with this id or key. */
  readonly job: JobState;
  /** False when an earlier submit had made it. */
  readonly created: boolean;
  /** True when the earlier submit differs in type, payload, id or key. */
  readonly mismatch: boolean;
}

export interface CancelInput {
  readonly job_id: string;
  readonly request_id?: string;
  readonly reason?: string;
  readonly actor: string;
}

export interface Cancelled {
  readonly job: JobState;
  /** False when the job had ended before. */
  readonly changed: boolean;
}

export interface ClaimInput {
  /** Job types the worker can run; at least one. */
  readonly types: readonly string[];
  /** Most jobs to hand out, 1 to 256. */
  readonly max: number;
  /** How long to wait for work when there is none, 0 to 60,000 ms. */
  readonly waitMs: number;
  /** Lease length; the configured default when absent. */
  readonly leaseMs?: number;
  readonly actor: string;
  /** Calls the wait off, for example when the caller's connection has closed. */
  readonly signal?: AbortSignal;
}

export interface HoldInput extends Fence, WorkProducts {
  readonly job_id: string;
  readonly actor: string;
}
export interface HeartbeatInput extends HoldInput {
  readonly leaseMs?: number;
}
export interface FailInput extends HoldInput {
  readonly failure: Failure;
}
export interface ReleaseInput extends HoldInput {
  readonly refundAttempt: boolean;
  readonly failure?: Failure;
}

/** How far the read models are, and how sound the ledger below them is (contract: ProjectionLag). */
export interface Lag {
  readonly last_event_id?: string;
  /** Valid unique events of the contract's types. */
  readonly event_count: number;
  readonly corrupt_record_count: number;
  readonly degraded: boolean;
  /** Valid lines of event types the contract does not know: kept, counted, never folded. */
  readonly foreign_event_count: number;
}

export interface CorruptRecord {
  /** 1-based, counted over archives and the active file. */
  readonly line_number: number;
  readonly error: string;
  readonly quarantine_path?: string;
}

export type ProjectionHealth = "current" | "stale" | "degraded";

export interface Health {
  readonly lag: Lag;
  /** Why the daemon is not ready, or why it is ready with a reservation; empty when all is well. */
  readonly reasons: readonly string[];
  /** The state of each named projection, by contract name. */
  readonly projections: Readonly<Record<string, ProjectionHealth>>;
}

/** All jobs counted by type and status; a type without jobs may be absent. */
export type JobCounts = Readonly<Record<string, Readonly<Partial<Record<JobStatus, number>>>>>;

export interface JobQuery {
  readonly statuses?: readonly JobStatus[];
  readonly types?: readonly string[];
  /** Only jobs whose `seq` is greater. */
  readonly afterSeq?: number;
  readonly limit: number;
  /** Newest first when true; then `afterSeq` means "whose seq is smaller". */
  readonly newestFirst?: boolean;
}

/** A consistent view of all jobs at one position, read in pages while writes go on. */
export interface JobSnapshot {
  readonly health: Health;
  /** Wall-clock time of the view; leases are seen as of this instant. */
  readonly at: number;
  jobs(query: JobQuery): Promise<readonly JobState[]>;
  /** Queued jobs of types that no worker runs, by type. */
  withoutWorker(): Promise<Readonly<Record<string, number>>>;
  close(): Promise<void>;
}

export interface StoredEvent {
  readonly position: number;
  readonly event: LedgerEvent;
  /** The event as it stands in the ledger, without the newline. */
  readonly json: string;
  /** True when the event type is not one of the contract's. */
  readonly foreign: boolean;
}

export interface EventQuery {
  /** Only events after this position; 0 for all. */
  readonly afterPosition: number;
  readonly limit: number;
}

/** One live reader of the ledger. Pull-based: a slow reader costs no memory. */
export interface Tail {
  /** Events after the last ones returned; waits until there are some, or until `signal` aborts
   * (then an empty array). Never more than `limit`. */
  next(limit: number, signal: AbortSignal): Promise<readonly StoredEvent[]>;
}

export interface Engine {
  submit(input: SubmitInput): Answer<Submitted>;
  /** Each submit is judged on its own; all that are accepted are in one commit. */
  submitMany(inputs: readonly SubmitInput[]): Promise<readonly Result<Submitted, Rejection>[]>;
  cancel(input: CancelInput): Answer<Cancelled>;
  /** Empty when nothing was claimable within `waitMs`. Each job carries its token and epoch. */
  claim(input: ClaimInput): Promise<readonly JobState[]>;
  heartbeat(input: HeartbeatInput): Answer<JobState>;
  complete(input: HoldInput): Answer<JobState>;
  /** Completes several held jobs in one commit, each judged on its own. */
  completeMany(inputs: readonly HoldInput[]): Promise<readonly Result<JobState, Rejection>[]>;
  fail(input: FailInput): Answer<JobState>;
  release(input: ReleaseInput): Answer<JobState>;

  /**
   * Brings `health`, `lag` and `headPosition` up to what every process on this store has appended;
   * without it they are as of the last commit this process made or heard of. A surface asks for it
   * before it answers a read.
   */
  refresh(): Promise<void>;
  health(): Health;
  /** True from the moment on when no new work is taken because the process is about to stop. */
  isDraining(): boolean;
  lag(): Lag;
  /** Queued jobs of types that no worker runs, by type. */
  withoutWorker(): Promise<Readonly<Record<string, number>>>;
  job(jobId: string): Promise<JobState | undefined>;
  jobs(query: JobQuery): Promise<readonly JobState[]>;
  /** Counts of all jobs as seen now, by type and status. */
  counts(): Promise<JobCounts>;
  snapshot(): Promise<JobSnapshot>;
  events(query: EventQuery): Promise<readonly StoredEvent[]>;
  /** Position of an event id, or undefined when the ledger does not hold it. */
  positionOf(eventId: string): Promise<number | undefined>;
  headPosition(): number;
  corrupt(): readonly CorruptRecord[];
  tail(afterPosition: number): Tail;

  /** Stores a body under its digest; the reference goes into `artifact_refs`. */
  putBlob(body: Uint8Array | AsyncIterable<Uint8Array>, maxBytes: number): Promise<ArtifactRef>;
  /** The body of a stored reference, or undefined when it is gone or lies outside the blob store. */
  getBlob(ref: ArtifactRef): Promise<Uint8Array | undefined>;

  /** Tells the engine which types this process can run (for `withoutWorker`). */
  announceWorker(types: readonly string[]): () => void;
  /** Runs `listener` at once when a job this process holds is cancelled or its lease is lost. */
  onLeaseLost(listener: (jobId: string, leaseEpoch: number) => void): () => void;
}

export interface EngineLimits {
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  readonly maxAttempts: number;
}
