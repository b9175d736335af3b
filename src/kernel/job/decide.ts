import { type Rejection, rejection } from "../../errors/rejection.ts";
import type { JsonObject } from "../../lib/json.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { type EpochMs, toIso } from "../../lib/time.ts";
import type { EventDraft, EventType } from "./events.ts";
import { isClaimable, isLapsed, isSpent } from "./lease.ts";
import type { ArtifactRef, Failure, JobState } from "./state.ts";
import { isJobType, isTerminal, PROJECTION_TARGETS } from "./types.ts";

interface Common {
  readonly job_id: string;
  /** Who asked; goes into the ledger as the event's actor. */
  readonly actor: string;
  readonly now: EpochMs;
}

/** Proof that the sender holds the job: both must match the current claim. */
export interface Fence {
  readonly claim_token: string;
  readonly lease_epoch: number;
}

/** What a worker may add to a job while it holds it. */
export interface WorkProducts {
  readonly artifacts?: Readonly<Record<string, string>>;
  readonly artifact_refs?: Readonly<Record<string, ArtifactRef>>;
}

export interface SubmitJob extends Common {
  readonly kind: "submit";
  readonly job_type: string;
  readonly request_id: string;
  readonly idempotency_key?: string;
  readonly payload?: JsonObject;
  readonly max_attempts: number;
}
export interface ClaimJob extends Common {
  readonly kind: "claim";
  readonly claim_token: string;
  readonly lease_ms: number;
}
export interface HeartbeatJob extends Common, Fence, WorkProducts {
  readonly kind: "heartbeat";
  readonly lease_ms: number;
}
export interface CompleteJob extends Common, Fence, WorkProducts {
  readonly kind: "complete";
}
export interface FailJob extends Common, Fence, WorkProducts {
  readonly kind: "fail";
  readonly failure: Failure;
}
/**
 * Gives a held job back before it is done: with the attempt refunded (a drained shutdown), or with
 * the attempt used and the reason it ended (a worker that died).
 */
export interface ReleaseJob extends Common, Fence, WorkProducts {
  readonly kind: "release";
  readonly refund_attempt: boolean;
  readonly failure?: Failure;
}
export interface CancelJob extends Common {
  readonly kind: "cancel";
  readonly request_id?: string;
  readonly reason?: string;
}
/** The lease sweep found this job's lease lapsed. */
export interface ExpireLease extends Common {
  readonly kind: "expire";
}

export type JobCommand =
  | SubmitJob
  | ClaimJob
  | HeartbeatJob
  | CompleteJob
  | FailJob
  | ReleaseJob
  | CancelJob
  | ExpireLease;

type Decision = Result<readonly EventDraft[], Rejection>;
const NOTHING: Decision = ok([]);

/** Decides one command against one job. An empty list is success that needs no event. */
export function decide(state: JobState | undefined, command: JobCommand): Decision {
  if (command.kind === "submit") return submit(state, command);
  if (state === undefined) {
    return err(rejection("job_not_found", "daemon queue: job not found"));
  }
  switch (command.kind) {
    case "claim":
      return claim(state, command);
    case "heartbeat":
      return held(state, command, () => [
        draft(state, command, "job.heartbeat", {
          ...lease(command, state.lease_epoch),
          ...products(command),
        }),
      ]);
    case "complete":
      return complete(state, command);
    case "fail":
      return held(state, command, () => [
        draft(state, command, "job.failed", {
          ...fence(command),
          failure: { ...command.failure },
          ...products(command),
        }),
      ]);
    case "release":
      return held(state, command, () => release(state, command));
    case "cancel":
      return cancel(state, command);
    case "expire":
      return ok(expire(state, command));
  }
}

function submit(state: JobState | undefined, command: SubmitJob): Decision {
  // A job that exists already is the answer, whatever else differs (digest §10).
  if (state !== undefined) return NOTHING;
  const { job_type, idempotency_key } = command;
  return ok([
    {
      event_type: "job.accepted",
      job_id: command.job_id,
      request_id: command.request_id,
      occurred_at: toIso(command.now),
      actor: command.actor,
      payload: {
        ...(idempotency_key === undefined ? {} : { idempotency_key }),
        job_payload: command.payload ?? {},
        job_type,
        max_attempts: command.max_attempts,
        projection_targets: isJobType(job_type) ? PROJECTION_TARGETS[job_type] : [],
      },
    },
  ]);
}

function claim(state: JobState, command: ClaimJob): Decision {
  if (isTerminal(state.status)) return err(terminal(state));
  const lapsed = isLapsed(state, command.now) ? lapse(state, command) : [];
  if (lapsed.length > 1) return ok(lapsed);
  if (isSpent(state)) return ok([exhausted(state, command, state.failure)]);
  if (lapsed.length === 0 && !isClaimable(state)) {
    return err(rejection("claim_mismatch", `job "${state.job_id}" is held by another worker`));
  }
  return ok([
    ...lapsed,
    draft(state, command, "job.claimed", {
      attempt: state.attempt + 1,
      ...lease(command, state.lease_epoch + 1),
    }),
  ]);
}

function complete(state: JobState, command: CompleteJob): Decision {
  // A completion whose answer was lost is asked again: the same holder gets the same yes.
  if (state.status === "completed" && holds(state, command)) return NOTHING;
  return held(state, command, () => [
    draft(state, command, "job.completed", {
      ...fence(command),
      result_status: "succeeded",
      ...products(command),
    }),
  ]);
}

function release(state: JobState, command: ReleaseJob): readonly EventDraft[] {
  const attempt = command.refund_attempt ? Math.max(0, state.attempt - 1) : state.attempt;
  const handedBack = draft(state, command, "job.lease_expired", {
    attempt,
    ...fence(command),
    ...(command.failure === undefined ? {} : { failure: { ...command.failure } }),
    reason: "released",
    ...products(command),
  });
  if (attempt < state.max_attempts) return [handedBack];
  return [handedBack, exhausted(state, command, command.failure)];
}

function cancel(state: JobState, command: CancelJob): Decision {
  if (isTerminal(state.status)) return NOTHING;
  const reason = command.reason?.trim();
  return ok([
    {
      ...draft(state, command, "job.cancelled", {
        reason: reason === undefined || reason === "" ? "cancelled" : reason,
        result_status: "cancelled",
      }),
      request_id: command.request_id ?? state.request_id,
    },
  ]);
}

/** The lease ran out: say so, and when that was the last attempt, end the job in the same commit. */
function lapse(state: JobState, command: Common): readonly EventDraft[] {
  const expired = draft(state, command, "job.lease_expired", {
    ...(state.claim_token === undefined ? {} : { claim_token: state.claim_token }),
    lease_epoch: state.lease_epoch,
    reason: "lapsed",
  });
  return state.attempt < state.max_attempts
    ? [expired]
    : [expired, exhausted(state, command, undefined)];
}

/**
 * The sweep's decision: lapsed leases are recorded, and a job that waits with no attempts left
 * (a ledger written by somebody else may stop there) is failed.
 */
function expire(state: JobState, command: ExpireLease): readonly EventDraft[] {
  if (isLapsed(state, command.now)) return lapse(state, command);
  return isSpent(state) ? [exhausted(state, command, state.failure)] : [];
}

function exhausted(state: JobState, command: Common, last: Failure | undefined): EventDraft {
  const why = last?.message === undefined ? "" : `; the last attempt: ${last.message}`;
  return draft(state, command, "job.failed", {
    failure: {
      code: "retry_exhausted",
      message: `lease expired after retry cap (${state.max_attempts} attempts)${why}`,
      retryable: false,
    },
  });
}

/** Runs `then` only for the current holder of a live lease; anyone else is told why not. */
function held(
  state: JobState,
  command: Common & Fence,
  then: () => readonly EventDraft[],
): Decision {
  if (isTerminal(state.status)) return err(terminal(state));
  if (!holds(state, command)) {
    return err(rejection("claim_mismatch", "claim token or lease epoch mismatch"));
  }
  if (state.status !== "running" || isLapsed(state, command.now)) {
    return err(rejection("lease_expired", "lease expired"));
  }
  return ok(then());
}

function holds(state: JobState, claimed: Fence): boolean {
  return state.claim_token === claimed.claim_token && state.lease_epoch === claimed.lease_epoch;
}

function terminal(state: JobState): Rejection {
  return rejection("job_terminal", `job is already ${state.status}`, { status: state.status });
}

function draft(
  state: JobState,
  command: Common,
  eventType: EventType,
  payload: JsonObject,
): EventDraft {
  return {
    event_type: eventType,
    job_id: state.job_id,
    request_id: state.request_id,
    occurred_at: toIso(command.now),
    actor: command.actor,
    payload,
  };
}

function fence(command: Fence): JsonObject {
  return { claim_token: command.claim_token, lease_epoch: command.lease_epoch };
}

function lease(
  command: { readonly claim_token: string; readonly lease_ms: number; readonly now: EpochMs },
  epoch: number,
): JsonObject {
  return {
    claim_token: command.claim_token,
    lease_epoch: epoch,
    lease_expires_at: toIso(command.now + command.lease_ms),
  };
}

function products(command: WorkProducts): JsonObject {
  return {
    ...(command.artifacts === undefined ? {} : { artifacts: command.artifacts }),
    ...(command.artifact_refs === undefined ? {} : { artifact_refs: command.artifact_refs }),
  };
}
