/**
 * The vocabulary of kernel examples: given these events, when this command comes, then those events
 * are decided, or a rejection, or nothing. Events in `given` and in `then` are written with the same
 * words, because what was decided once is what is read back for ever after.
 */
import { expect } from "vitest";
import type { Rejection } from "../../src/errors/rejection.ts";
import {
  type CancelJob,
  type ClaimJob,
  type CompleteJob,
  decide,
  type ExpireLease,
  type FailJob,
  type HeartbeatJob,
  type JobCommand,
  type ReleaseJob,
  type SubmitJob,
} from "../../src/kernel/job/decide.ts";
import { type EventDraft, type EventType, numberEvent } from "../../src/kernel/job/events.ts";
import { fold, type JobState } from "../../src/kernel/job/state.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { type EpochMs, toIso } from "../../src/lib/time.ts";

/** When every example starts. */
export const T0: EpochMs = Date.UTC(2026, 0, 1);
export const LEASE_MS = 60_000;
export const JOB = "job-1";
export const REQUEST = "req-1";
export const ACTOR = "tester";
export const MAX_ATTEMPTS = 3;

/** The token that a claim of an epoch carries in the examples. */
export function tokenOf(epoch: number): string {
  return `token-${epoch}`;
}

/** An event of the example's job. `at` is milliseconds after `T0`. */
export function event(type: EventType, payload: JsonObject, at: number = 0): EventDraft {
  return {
    event_type: type,
    job_id: JOB,
    request_id: REQUEST,
    occurred_at: toIso(T0 + at),
    actor: ACTOR,
    payload,
  };
}

export function accepted(payload: JsonObject = {}): EventDraft {
  return event("job.accepted", {
    job_payload: {},
    job_type: "wiki.build",
    max_attempts: MAX_ATTEMPTS,
    projection_targets: ["wiki-jobs", "openclaw-snapshot", "daemon-status", "daemon-job-status"],
    ...payload,
  });
}

/** The claim that opens an epoch, which is also its attempt unless told otherwise. */
export function claimed(epoch: number, at: number = 0, payload: JsonObject = {}): EventDraft {
  return event(
    "job.claimed",
    { attempt: epoch, ...leaseUntil(epoch, at + LEASE_MS), ...payload },
    at,
  );
}

export function heartbeat(epoch: number, at: number, payload: JsonObject = {}): EventDraft {
  return event("job.heartbeat", { ...leaseUntil(epoch, at + LEASE_MS), ...payload }, at);
}

export function lapsed(epoch: number, at: number): EventDraft {
  return event("job.lease_expired", { ...fence(epoch), reason: "lapsed" }, at);
}

/** A lease handed back; `attempt` is what is left on the counter afterwards. */
export function released(epoch: number, attempt: number, payload: JsonObject = {}): EventDraft {
  return event("job.lease_expired", { attempt, ...fence(epoch), reason: "released", ...payload });
}

export function completed(epoch: number, payload: JsonObject = {}): EventDraft {
  return event("job.completed", { ...fence(epoch), result_status: "succeeded", ...payload });
}

export function failed(epoch: number, payload: JsonObject = {}): EventDraft {
  return event("job.failed", { ...fence(epoch), failure: { code: "lost" }, ...payload });
}

/** The end of a job whose attempts are used up. */
export function exhausted(at: number = 0, why: string = ""): EventDraft {
  const message = `lease expired after retry cap (${MAX_ATTEMPTS} attempts)${why}`;
  const failure = { code: "retry_exhausted", message, retryable: false };
  return event("job.failed", { failure }, at);
}

export function cancelled(reason: string = "cancelled", at: number = 0): EventDraft {
  return event("job.cancelled", { reason, result_status: "cancelled" }, at);
}

/** The fence fields of an epoch's holder, as they stand in commands and in payloads. */
export function fence(epoch: number): { claim_token: string; lease_epoch: number } {
  return { claim_token: tokenOf(epoch), lease_epoch: epoch };
}

function leaseUntil(epoch: number, until: number): JsonObject {
  return { ...fence(epoch), lease_expires_at: toIso(T0 + until) };
}

function common(at: number): { job_id: string; actor: string; now: EpochMs } {
  return { job_id: JOB, actor: ACTOR, now: T0 + at };
}

export function submit(over: Partial<SubmitJob> = {}): SubmitJob {
  return {
    kind: "submit",
    ...common(0),
    job_type: "wiki.build",
    request_id: REQUEST,
    max_attempts: MAX_ATTEMPTS,
    ...over,
  };
}

/** A claim that would open `epoch`. */
export function claim(epoch: number, at: number = 0): ClaimJob {
  return { kind: "claim", ...common(at), claim_token: tokenOf(epoch), lease_ms: LEASE_MS };
}

export function beat(
  epoch: number,
  at: number = 0,
  over: Partial<HeartbeatJob> = {},
): HeartbeatJob {
  return { kind: "heartbeat", ...common(at), ...fence(epoch), lease_ms: LEASE_MS, ...over };
}

export function complete(
  epoch: number,
  at: number = 0,
  over: Partial<CompleteJob> = {},
): CompleteJob {
  return { kind: "complete", ...common(at), ...fence(epoch), ...over };
}

export function fail(epoch: number, at: number = 0, over: Partial<FailJob> = {}): FailJob {
  return { kind: "fail", ...common(at), ...fence(epoch), failure: { code: "lost" }, ...over };
}

export function release(epoch: number, at: number = 0, over: Partial<ReleaseJob> = {}): ReleaseJob {
  return { kind: "release", ...common(at), ...fence(epoch), refund_attempt: true, ...over };
}

export function cancel(over: Partial<CancelJob> = {}, at: number = 0): CancelJob {
  return { kind: "cancel", ...common(at), ...over };
}

export function expire(at: number): ExpireLease {
  return { kind: "expire", ...common(at) };
}

/** The state after these events, at positions 1, 2, 3 … */
export function stateAfter(events: readonly EventDraft[]): JobState | undefined {
  return events.reduce<JobState | undefined>(
    (state, draft, index) => fold(state, numberEvent(draft, index + 1)),
    undefined,
  );
}

/** What a decision may come to: these events, this rejection, or success that writes nothing. */
export type Outcome = readonly EventDraft[] | Rejection["code"] | "nothing";

export interface Decided {
  /** Compares the decision exactly; gives the job as it stands after it for further looks. */
  readonly then: (outcome: Outcome) => JobState | undefined;
}

export function given(events: readonly EventDraft[]): {
  readonly when: (command: JobCommand) => Decided;
} {
  return {
    // oxlint-disable-next-line unicorn/no-thenable -- the vocabulary's own word; nobody awaits it
    when: (command) => ({ then: (outcome) => compare(events, command, outcome) }),
  };
}

function compare(
  events: readonly EventDraft[],
  command: JobCommand,
  outcome: Outcome,
): JobState | undefined {
  const decision = decide(stateAfter(events), command);
  if (typeof outcome === "string" && outcome !== "nothing") {
    expect(decision).toMatchObject({ ok: false, error: { code: outcome } });
    return stateAfter(events);
  }
  const decided = outcome === "nothing" ? [] : outcome;
  expect(decision).toStrictEqual({ ok: true, value: decided });
  return stateAfter([...events, ...decided]);
}
