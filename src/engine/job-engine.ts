/** The engine over one store: requests become work, work becomes commits, commits wake whoever waits. */
import { Fault } from "../errors/fault.ts";
import type { Rejection } from "../errors/rejection.ts";
import type { JobCommand } from "../kernel/job/decide.ts";
import { isClaimable, seenAt } from "../kernel/job/lease.ts";
import type { JobState } from "../kernel/job/state.ts";
import type { JobStatus } from "../kernel/job/types.ts";
import type { Clock } from "../lib/clock.ts";
import { sanitiseId, uniqueSuffixes } from "../lib/ids.ts";
import { type Random, randomToken } from "../lib/random.ts";
import { ok, type Result } from "../lib/result.ts";
import { fromIso } from "../lib/time.ts";
import type {
  Blobs,
  LedgerCounts,
  SaveBatch,
  SaveReceipt,
  Store,
  TypeStatusCount,
} from "../storage/store.ts";
import { ClaimWaits } from "./claim-waits.ts";
import {
  claimWork,
  jobsWork,
  jobWork,
  noteWork,
  type Stamps,
  submitWork,
  sweepWork,
} from "./commands.ts";
import { CommitLoop, type Work } from "./commit-loop.ts";
import type {
  Cancelled,
  ClaimInput,
  Engine,
  EngineLimits,
  Health,
  HoldInput,
  JobCounts,
  JobQuery,
  JobSnapshot,
  StoredEvent,
  SubmitInput,
  Submitted,
} from "./engine.ts";
import { Follower } from "./follower.ts";
import { corruptRecords, healthOf, lagOf, withoutWorker } from "./health.ts";
import { LeaseSweep } from "./lease-sweep.ts";
import { endsLease, LostLeases } from "./lost-leases.ts";
import { type EngineObserver, NO_OBSERVER } from "./observer.ts";
import { createRedactor } from "./redactor.ts";
import { Tails } from "./tails.ts";
import { WorkerCensus } from "./worker-census.ts";

export interface JobEngineOptions {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: EngineLimits;
  /** Values that must never reach the ledger. */
  readonly secrets: readonly string[];
  /** Told what happens, for measuring. */
  readonly observer?: EngineObserver;
  /** The disk refused a sync, or an invariant broke: the process must stop. */
  readonly onFatal: (fault: Fault) => void;
}

/** Who wrote what nobody asked for: lapsed leases, notes about read models. */
const DAEMON_ACTOR = "agentopsd";

/** The engine with what only its host may do. */
export interface JobEngine extends Engine {
  readonly limits: EngineLimits;
  /** Looks for leases that lapsed while nothing ran. Call once, after workers are registered. */
  start(): Promise<void>;
  /** Position of the newest event that tails and waiting claims here have been told of. */
  toldPosition(): number;
  /** No new jobs or claims from now on; workers may still finish or hand back. */
  drain(): void;
  /** Waits for everything under way, then stops the timers. The store stays open. */
  stop(): Promise<void>;
  /** Records something about the read models in the ledger. */
  note(
    eventType: "projection.marked_stale" | "projection.rebuilt",
    payload: Readonly<Record<string, unknown>>,
  ): Promise<void>;
  /** Runs `task` between two commits; tails and sweeps look anew afterwards. */
  exclusive<T>(task: () => Promise<T>): Promise<T>;
}

export function createJobEngine(options: JobEngineOptions): JobEngine {
  return new StoreEngine(options);
}

class StoreEngine implements JobEngine {
  readonly limits: EngineLimits;
  readonly #store: Store;
  readonly #blobs: Blobs;
  readonly #clock: Clock;
  readonly #stamps: Stamps;
  readonly #loop: CommitLoop;
  readonly #tails: Tails;
  readonly #follower: Follower;
  readonly #waits: ClaimWaits;
  readonly #sweep: LeaseSweep;
  readonly #census: WorkerCensus;
  readonly #observer: EngineObserver;
  readonly #lostLeases: LostLeases;
  #draining = false;
  #projectionFailure: string | undefined;
  #appendFailure: string | undefined;

  constructor(options: JobEngineOptions) {
    const { store, clock, random, limits } = options;
    this.limits = limits;
    this.#store = store;
    this.#blobs = options.blobs;
    this.#clock = clock;
    const suffix = uniqueSuffixes(random, () => clock.now());
    this.#stamps = { now: () => clock.now(), suffix, claimToken: () => randomToken(random) };
    this.#observer = options.observer ?? NO_OBSERVER;
    this.#lostLeases = new LostLeases(store);
    this.#tails = new Tails(store);
    this.#waits = new ClaimWaits(clock);
    this.#census = new WorkerCensus(clock, this.#waits);
    store.peers?.tell(() => this.#census.types());
    this.#loop = new CommitLoop({
      store,
      redactor: createRedactor(options.secrets),
      clock,
      observer: this.#observer,
      onCommitted: (batch) => this.#committed(batch),
      onFatal: options.onFatal,
    });
    this.#follower = new Follower({
      store,
      tails: this.#tails,
      onEvents: (events) => this.#heard(events),
    });
    this.#sweep = new LeaseSweep({
      clock,
      shared: store.shared,
      nextExpiry: () => store.nextLeaseExpiry(),
      sweep: () =>
        this.#push<void>((done, refuse) => sweepWork(clock.now(), DAEMON_ACTOR, done, refuse)),
    });
  }

  async start(): Promise<void> {
    await this.#sweep.now();
  }

  toldPosition(): number {
    return this.#tails.head;
  }

  drain(): void {
    this.#draining = true;
    this.#waits.wakeAll();
  }

  isDraining(): boolean {
    return this.#draining;
  }

  async stop(): Promise<void> {
    this.drain();
    this.#sweep.stop();
    await this.#loop.idle();
    await this.#follower.stop();
  }

  async exclusive<T>(task: () => Promise<T>): Promise<T> {
    const result = await this.#loop.exclusive(async () => {
      const value = await task();
      this.#tails.reset();
      return value;
    });
    await this.#sweep.now();
    return result;
  }

  async submit(input: SubmitInput): Promise<Result<Submitted, Rejection>> {
    const [result] = await this.submitMany([input]);
    if (result === undefined) throw new TypeError("one submit has one answer");
    return result;
  }

  async submitMany(
    inputs: readonly SubmitInput[],
  ): Promise<readonly Result<Submitted, Rejection>[]> {
    this.#refuseWhenDraining();
    const submits = inputs.map((input) => ({ input, command: this.#submitCommand(input) }));
    return this.#push((done, refuse) => submitWork(submits, done, refuse));
  }

  cancel(input: Parameters<Engine["cancel"]>[0]): Promise<Result<Cancelled, Rejection>> {
    return this.#run({ kind: "cancel", ...input, now: this.#clock.now() });
  }

  async claim(input: ClaimInput): Promise<readonly JobState[]> {
    const deadline = this.#clock.monotonic() + input.waitMs;
    const leave = this.#census.polled(input.types);
    try {
      for (;;) {
        this.#refuseWhenDraining();
        const { claimed, woken } = await this.#claimOrWait(input, deadline);
        if (claimed.length > 0 || !woken || this.#draining) return claimed;
      }
    } finally {
      leave();
    }
  }

  heartbeat(input: Parameters<Engine["heartbeat"]>[0]): Promise<Result<JobState, Rejection>> {
    const { leaseMs = this.limits.leaseMs, ...held } = input;
    return this.#hold({ kind: "heartbeat", ...held, lease_ms: leaseMs, now: this.#clock.now() });
  }

  complete(input: HoldInput): Promise<Result<JobState, Rejection>> {
    return this.#hold({ kind: "complete", ...input, now: this.#clock.now() });
  }

  async completeMany(
    inputs: readonly HoldInput[],
  ): Promise<readonly Result<JobState, Rejection>[]> {
    const now = this.#clock.now();
    const commands = inputs.map((input) => ({ kind: "complete" as const, ...input, now }));
    const results = await this.#push<readonly Result<Cancelled, Rejection>[]>((done, refuse) =>
      jobsWork(commands, done, refuse),
    );
    return results.map((result) => (result.ok ? ok(result.value.job) : result));
  }

  fail(input: Parameters<Engine["fail"]>[0]): Promise<Result<JobState, Rejection>> {
    return this.#hold({ kind: "fail", ...input, now: this.#clock.now() });
  }

  release(input: Parameters<Engine["release"]>[0]): Promise<Result<JobState, Rejection>> {
    const { refundAttempt, ...held } = input;
    const now = this.#clock.now();
    return this.#hold({ kind: "release", ...held, refund_attempt: refundAttempt, now });
  }

  async note(
    eventType: "projection.marked_stale" | "projection.rebuilt",
    payload: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const note = {
      event_type: eventType,
      request_id: `req_${this.#stamps.suffix()}`,
      actor: DAEMON_ACTOR,
      now: this.#clock.now(),
      payload,
    };
    await this.#push<void>((done, refuse) => noteWork(note, done, refuse));
  }

  refresh(): Promise<void> {
    return this.#store.refresh();
  }

  health(): Health {
    return this.#healthAt(this.#store.counts());
  }

  lag(): ReturnType<Engine["lag"]> {
    return lagOf(this.#store.counts());
  }

  async withoutWorker(): Promise<Readonly<Record<string, number>>> {
    return this.#unserved(await this.#store.tally(this.#clock.now()));
  }

  async job(jobId: string): Promise<JobState | undefined> {
    const job = await this.#store.job(jobId);
    return job === undefined ? undefined : seenAt(job, this.#clock.now());
  }

  jobs(query: JobQuery): Promise<readonly JobState[]> {
    return this.#store.jobs({ ...query, at: this.#clock.now() });
  }

  async counts(): Promise<JobCounts> {
    const counts: Record<string, Partial<Record<JobStatus, number>>> = {};
    for (const { jobType, status, count } of await this.#store.tally(this.#clock.now())) {
      const statuses = (counts[jobType] ??= {});
      statuses[status] = (statuses[status] ?? 0) + count;
    }
    return counts;
  }

  async snapshot(): Promise<JobSnapshot> {
    const at = this.#clock.now();
    const snapshot = await this.#store.snapshot();
    return {
      health: this.#healthAt(snapshot.counts),
      at,
      jobs: (query) => snapshot.jobs({ ...query, at }),
      withoutWorker: async () => this.#unserved(await snapshot.tally(at)),
      close: () => snapshot.close(),
    };
  }

  events(query: Parameters<Engine["events"]>[0]): ReturnType<Engine["events"]> {
    return this.#tails.read(query.afterPosition, query.limit);
  }

  positionOf(eventId: string): Promise<number | undefined> {
    return this.#store.positionOf(eventId);
  }

  headPosition(): number {
    return Math.max(this.#tails.head, this.#store.counts().head);
  }

  corrupt(): ReturnType<Engine["corrupt"]> {
    return corruptRecords(this.#store.brokenLines());
  }

  tail(afterPosition: number): ReturnType<Engine["tail"]> {
    return this.#tails.open(afterPosition);
  }

  putBlob(...parameters: Parameters<Engine["putBlob"]>): ReturnType<Engine["putBlob"]> {
    return this.#blobs.put(...parameters);
  }

  getBlob(...parameters: Parameters<Engine["getBlob"]>): ReturnType<Engine["getBlob"]> {
    return this.#blobs.get(...parameters);
  }

  announceWorker(types: readonly string[]): () => void {
    return this.#census.announce(types);
  }

  onLeaseLost(listener: (jobId: string, leaseEpoch: number) => void): () => void {
    return this.#lostLeases.listen(listener);
  }

  /** Claims, and when there is nothing, waits in the same turn, so that no commit slips between. */
  #claimOrWait(
    input: ClaimInput,
    deadline: number,
  ): Promise<{ claimed: readonly JobState[]; woken: boolean }> {
    const claim = {
      types: input.types,
      max: input.max,
      leaseMs: input.leaseMs ?? this.limits.leaseMs,
      actor: input.actor,
      stamps: this.#stamps,
    };
    return this.#push((done, refuse) =>
      claimWork(
        claim,
        (claimed) => {
          const waitMs = deadline - this.#clock.monotonic();
          if (claimed.length > 0 || waitMs <= 0 || this.#draining) {
            done({ claimed, woken: false });
            return;
          }
          const wait = { signal: input.signal, done: (woken: boolean) => done({ claimed, woken }) };
          this.#waits.add(input.types, waitMs, wait);
        },
        refuse,
      ),
    );
  }

  #submitCommand(input: SubmitInput): Parameters<typeof submitWork>[0][number]["command"] {
    const suffix = this.#stamps.suffix();
    const { idempotency_key: key, payload } = input;
    return {
      kind: "submit",
      job_type: input.job_type,
      job_id: input.job_id ?? `job_${sanitiseId(input.job_type)}_${suffix}`,
      request_id: input.request_id ?? `req_${suffix}`,
      ...(key === undefined ? {} : { idempotency_key: key }),
      ...(payload === undefined ? {} : { payload }),
      max_attempts: this.limits.maxAttempts,
      actor: input.actor,
      now: this.#clock.now(),
    };
  }

  #run(command: JobCommand): Promise<Result<Cancelled, Rejection>> {
    return this.#push((done, refuse) => jobWork(command, done, refuse));
  }

  async #hold(command: JobCommand): Promise<Result<JobState, Rejection>> {
    const result = await this.#run(command);
    return result.ok ? ok(result.value.job) : result;
  }

  #push<T>(
    make: (done: (value: T) => void, refuse: (reason: unknown) => void) => Work,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const work = make(resolve, (reason) => {
        this.#noteAppendFailure(reason);
        reject(reason);
      });
      this.#loop.push({ ...work, decide: (workspace) => this.#observed(work.decide(workspace)) });
    });
  }

  /** Remembers how the last save went, for health. */
  #observed(settle: (receipt: SaveReceipt) => void): (receipt: SaveReceipt) => void {
    return (receipt) => {
      this.#appendFailure = undefined;
      if (receipt.projectionFailure !== this.#projectionFailure) {
        this.#projectionChanged(receipt.projectionFailure);
      }
      settle(receipt);
    };
  }

  #noteAppendFailure(reason: unknown): void {
    if (reason instanceof Fault && reason.code === "no_space") {
      this.#appendFailure = `appends are refused: ${reason.message}`;
    }
  }

  /** The read models fell behind, or caught up again: the ledger says so (contract event types). */
  #projectionChanged(failure: string | undefined): void {
    const wasFailing = this.#projectionFailure !== undefined;
    this.#projectionFailure = failure;
    const noted =
      failure === undefined
        ? wasFailing && this.note("projection.rebuilt", { reason: "caught up with the ledger" })
        : !wasFailing && this.note("projection.marked_stale", { reason: failure });
    // The note is a courtesy to readers of the ledger; health tells the same without it.
    if (noted instanceof Promise) noted.catch(() => undefined);
  }

  #healthAt(counts: LedgerCounts): Health {
    return healthOf({
      counts,
      brokenLines: () => this.#store.brokenLines(),
      projectionFailure: this.#projectionFailure,
      appendFailure: this.#appendFailure,
    });
  }

  async #unserved(tally: readonly TypeStatusCount[]): Promise<Readonly<Record<string, number>>> {
    const elsewhere = new Set(await this.#store.peers?.served());
    return withoutWorker(tally, (type) => this.#census.has(type) || elsewhere.has(type));
  }

  #refuseWhenDraining(): void {
    if (this.#draining) throw new Fault("draining", "the daemon is shutting down");
  }

  #committed(batch: SaveBatch): void {
    if (!this.#tails.publish(batch.events)) this.#follower.catchUp();
    this.#lostLeases.saved(batch);
    for (const { after } of batch.changes) {
      if (after.status === "running") this.#leaseGranted(after);
      else if (isClaimable(after)) this.#waits.offer(after.job_type);
    }
  }

  /** What other processes appended: their work may be for workers here, their cancels too. */
  async #heard(events: readonly StoredEvent[]): Promise<void> {
    this.#observer.followed(events.map(({ event }) => event));
    for (const { event } of events) {
      if (event.event_type === "job.accepted") {
        this.#waits.offer(String(event.payload?.["job_type"]));
      } else if (event.event_type === "job.failed") {
        this.#waits.wakeAll();
      } else if (endsLease(event)) {
        this.#waits.wakeAll();
        await this.#lostLeases.heard(event);
      }
    }
  }

  #leaseGranted(job: JobState): void {
    const expiresAt = fromIso(job.lease_expires_at ?? "");
    if (expiresAt !== undefined) this.#sweep.granted(expiresAt);
  }
}
