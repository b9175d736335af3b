/**
 * Commands through the kernel into a store, the way the engine does it, in its plainest form: load
 * once, decide and fold each in turn, save once.
 */
import { decide, type JobCommand } from "../../src/kernel/job/decide.ts";
import { type EventDraft, type NumberedEvent, numberEvent } from "../../src/kernel/job/events.ts";
import { fold, type JobState } from "../../src/kernel/job/state.ts";
import type {
  JobChange,
  Loaded,
  LoadRequest,
  SaveBatch,
  Store,
  Turn,
} from "../../src/storage/store.ts";
import { MAX_ATTEMPTS, T0 } from "./given.ts";

/** Decides all commands as one batch and saves it. Rejections write nothing. */
export async function commit(store: Store, ...commands: readonly JobCommand[]): Promise<SaveBatch> {
  const jobIds = [...new Set(commands.map((command) => command.job_id))];
  const turn = await store.begin({ jobIds, idempotencyKeys: [], claims: [] });
  const { loaded } = turn;
  const batch = new Batch(loaded);
  for (const command of commands) {
    const decision = decide(batch.job(command.job_id), command);
    for (const draft of decision.ok ? decision.value : []) batch.take(draft);
  }
  return save(turn, batch);
}

/** Saves drafts as they are, decided by nobody. */
export async function append(store: Store, ...drafts: readonly EventDraft[]): Promise<SaveBatch> {
  const jobIds = [...new Set(drafts.map((draft) => draft.job_id))];
  const turn = await store.begin({ jobIds, idempotencyKeys: [], claims: [] });
  const { loaded } = turn;
  const batch = new Batch(loaded);
  for (const draft of drafts) batch.take(draft);
  return save(turn, batch);
}

async function save(turn: Turn, batch: Batch): Promise<SaveBatch> {
  const decided = { events: batch.events, changes: [...batch.changes.values()] };
  if (decided.events.length === 0) {
    await turn.release();
    return decided;
  }
  const receipt = await turn.save(decided);
  if (receipt.projectionFailure !== undefined) throw new Error(receipt.projectionFailure);
  return decided;
}

/** What a batch would find, in a turn that saves nothing. */
export async function loadFrom(store: Store, request: LoadRequest): Promise<Loaded> {
  const turn = await store.begin(request);
  await turn.release();
  return turn.loaded;
}

class Batch {
  readonly events: NumberedEvent[] = [];
  readonly changes: Map<string, JobChange> = new Map();
  readonly #loaded: Loaded;

  constructor(loaded: Loaded) {
    this.#loaded = loaded;
  }

  job(jobId: string): JobState | undefined {
    return this.changes.get(jobId)?.after ?? this.#loaded.jobs.get(jobId);
  }

  take(draft: EventDraft): void {
    const { head, lastNumber } = this.#loaded;
    const nth = this.events.length + 1;
    const numbered = numberEvent(draft, head + nth, lastNumber + nth);
    this.events.push(numbered);
    const after = fold(this.job(draft.job_id), numbered);
    if (after === undefined) return;
    const before = this.#loaded.jobs.get(draft.job_id);
    this.changes.set(draft.job_id, before === undefined ? { after } : { before, after });
  }
}

type Over<K extends JobCommand["kind"]> = Partial<Extract<JobCommand, { readonly kind: K }>>;

/** Commands about any job, for suites that need many of them. `at` is milliseconds after `T0`. */
export function submitJob(jobId: string, over: Over<"submit"> = {}): JobCommand {
  return {
    kind: "submit",
    job_id: jobId,
    actor: "tester",
    now: T0,
    job_type: "wiki.build",
    request_id: "req-1",
    max_attempts: MAX_ATTEMPTS,
    ...over,
  };
}

export function claimJob(
  jobId: string,
  token: string,
  at: number = 0,
  leaseMs = 60_000,
): JobCommand {
  const common = { job_id: jobId, actor: "tester", now: T0 + at };
  return { kind: "claim", ...common, claim_token: token, lease_ms: leaseMs };
}

/** A held command as the holder of an epoch sends it. */
export function heldBy(
  kind: "heartbeat" | "complete" | "fail" | "release",
  jobId: string,
  fence: { readonly token: string; readonly epoch: number; readonly at?: number },
): JobCommand {
  return {
    kind,
    job_id: jobId,
    actor: "tester",
    now: T0 + (fence.at ?? 0),
    claim_token: fence.token,
    lease_epoch: fence.epoch,
    lease_ms: 60_000,
    failure: { code: "lost" },
    refund_attempt: false,
  };
}

export function cancelJob(jobId: string): JobCommand {
  return { kind: "cancel", job_id: jobId, actor: "tester", now: T0 };
}

export function expireJob(jobId: string, at: number): JobCommand {
  return { kind: "expire", job_id: jobId, actor: "tester", now: T0 + at };
}
