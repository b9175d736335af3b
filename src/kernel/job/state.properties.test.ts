import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyCommand, foreignHistory } from "../../../test/support/arbitraries.ts";
import { JOB } from "../../../test/support/given.ts";
import { holds } from "../../../test/support/property.ts";
import { expectSame } from "../../../test/support/same.ts";
import { toIso } from "../../lib/time.ts";
import { decide, type JobCommand } from "./decide.ts";
import { isEventType, type NumberedEvent, numberEvent } from "./events.ts";
import { isLapsed } from "./lease.ts";
import { type Failure, fold, type JobState } from "./state.ts";
import { isTerminal, JOB_STATUSES } from "./types.ts";

function foldAll(history: readonly NumberedEvent[]): JobState | undefined {
  return history.reduce<JobState | undefined>(fold, undefined);
}

/** Freezes all the way down, so that a fold that writes into its input throws. */
function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const item of Object.values(value)) frozen(item);
  return Object.freeze(value);
}

describe("invariant 1: the fold is total", () => {
  it("gives a whole state for any events, whoever wrote them", () => {
    holds(
      fc.property(foreignHistory(), (history) => {
        const state = foldAll(frozen(history));
        if (!history.some(({ event }) => event.event_type.startsWith("job."))) return;
        if (state === undefined) {
          expect(history.filter(({ event }) => isJobEvent(event.event_type))).toEqual([]);
          return;
        }
        expectWhole(state);
      }),
      { runs: 600 },
    );
  });

  it("survives a trip through JSON without a difference", () => {
    holds(
      fc.property(foreignHistory(), (history) => {
        const state = foldAll(history);
        if (state === undefined) return;
        expectSame(JSON.parse(JSON.stringify(state)), state);
      }),
      { runs: 300 },
    );
  });

  it("never changes a prototype, whatever the keys of payloads and artifacts", () => {
    const before = Object.getOwnPropertyNames(Object.prototype).join();
    const artifacts = JSON.parse('{"__proto__": "polluted", "constructor": "c"}') as object;
    const ref = { path: "p", sha256: "a".repeat(64), size: 1, written_at: "2026-01-01T00:00:00Z" };
    const refs = JSON.parse(JSON.stringify({ proto: ref }).replace("proto", "__proto__")) as object;
    holds(
      fc.property(foreignHistory(), (history) => {
        const position = history.length + 1;
        const draft = { ...CLAIMED, payload: { artifacts, artifact_refs: refs } };
        const state = foldAll([...history, numberEvent(draft, position)]);
        expect(Object.getPrototypeOf(state?.artifacts ?? {})).toBe(Object.prototype);
        expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(before);
        if (state === undefined || isTerminal(state.status)) return;
        expect(Object.entries(state.artifacts ?? {})).toContainEqual(["__proto__", ref.path]);
        expect(Object.entries(state.artifact_refs ?? {})).toContainEqual(["__proto__", ref]);
      }),
      { runs: 200 },
    );
  });

  it("leaves the very same state behind events that are not the job's", () => {
    holds(
      fc.property(foreignHistory(), (history) => {
        let state: JobState | undefined;
        for (const numbered of history) {
          const after = fold(state, numbered);
          if (!isJobEvent(numbered.event.event_type)) expect(after).toBe(state);
          state = after;
        }
      }),
      { runs: 200 },
    );
  });
});

describe("invariant 2: the first terminal event wins", () => {
  it("gives the same state with and without everything after it", () => {
    holds(
      fc.property(foreignHistory(), foreignHistory(), (history, later) => {
        const end = history.findIndex((_, i) => isEnded(foldAll(history.slice(0, i + 1))));
        if (end === -1) return;
        const ended = foldAll(history.slice(0, end + 1));
        expectSame(foldAll([...history, ...later]), ended);
        const type = history[end]?.event.event_type;
        expect(ended?.status).toBe(type?.replace("job.", ""));
      }),
      { runs: 400 },
    );
  });
});

describe("invariant 3: counters never fall, whatever is commanded", () => {
  it("holds for attempt and epoch, but for an attempt that is handed back", () => {
    holds(
      fc.property(fc.array(anyCommand, { maxLength: 30 }), (commands) => {
        const live = new Live();
        for (const command of commands) {
          const before = live.state;
          const types = live.run(command);
          const [attempt, epoch] = [live.state?.attempt ?? 0, live.state?.lease_epoch ?? 0];
          expect(epoch).toBeGreaterThanOrEqual(before?.lease_epoch ?? 0);
          const isRefund = command.kind === "release" && command.refund_attempt;
          const least = (before?.attempt ?? 0) - (isRefund && types.length > 0 ? 1 : 0);
          expect(attempt).toBeGreaterThanOrEqual(least);
          expect(attempt).toBeLessThanOrEqual(live.state?.max_attempts ?? 0);
        }
      }),
      { runs: 400 },
    );
  });
});

describe("invariant 4: only a claim makes a job running", () => {
  it("holds for every decided event, and every claim has an epoch of its own", () => {
    holds(
      fc.property(fc.array(anyCommand, { maxLength: 30 }), (commands) => {
        const live = new Live();
        const epochs: number[] = [];
        for (const command of commands) {
          const wasRunning = live.state?.status === "running";
          live.run(command);
          if (command.kind === "claim" && live.last?.event.event_type === "job.claimed") {
            if (live.lastRun > 0) epochs.push(live.state?.lease_epoch ?? 0);
          } else if (!wasRunning) {
            expect(live.state?.status).not.toBe("running");
          }
        }
        expect(new Set(epochs).size).toBe(epochs.length);
      }),
      { runs: 300 },
    );
  });
});

describe("invariant 5: a decision is what its events fold to", () => {
  it("holds after any history, also a stranger's", () => {
    holds(
      fc.property(foreignHistory(), anyCommand, (history, command) => {
        const before = foldAll(history);
        if (before !== undefined && isNearOverflow(before)) return;
        const decision = decide(frozen(before), frozen(command));
        if (!decision.ok || decision.value.length === 0) return;
        const after = decision.value.reduce<JobState | undefined>(
          (state, draft, index) => fold(state, numberEvent(draft, history.length + index + 1)),
          before,
        );
        expect(after).toBeDefined();
        if (after !== undefined) expectPromised(before, command, after);
      }),
      { runs: 1500 },
    );
  });

  it("replays to the state that was live, from the ledger's own text", () => {
    holds(
      fc.property(fc.array(anyCommand, { maxLength: 30 }), (commands) => {
        const live = new Live();
        for (const command of commands) live.run(command);
        const replayed = live.lines.map(
          (json, index): NumberedEvent => ({ position: index + 1, event: JSON.parse(json) }),
        );
        expectSame(foldAll(replayed), live.state);
      }),
      { runs: 300 },
    );
  });
});

/** One job that lives through commands as the engine would run them. */
class Live {
  state: JobState | undefined;
  last: NumberedEvent | undefined;
  /** Events that the last command wrote. */
  lastRun = 0;
  readonly lines: string[] = [];

  run(command: JobCommand): readonly string[] {
    const decision = decide(frozen(this.state), frozen(command));
    const drafts = decision.ok ? decision.value : [];
    for (const draft of drafts) {
      const numbered = numberEvent(draft, this.lines.length + 1);
      this.lines.push(JSON.stringify(numbered.event));
      this.state = fold(this.state, numbered);
      this.last = numbered;
    }
    this.lastRun = drafts.length;
    return drafts.map((draft) => draft.event_type);
  }
}

const CLAIMED = {
  event_type: "job.claimed",
  job_id: JOB,
  request_id: "req-1",
  occurred_at: "2026-01-01T00:00:00Z",
  actor: "stranger",
} as const;

function isJobEvent(type: string): boolean {
  return isEventType(type) && type.startsWith("job.");
}

function isEnded(state: JobState | undefined): boolean {
  return state !== undefined && isTerminal(state.status);
}

/** A counter that a stranger drove to the end of the safe integers cannot be counted up. */
function isNearOverflow(state: JobState): boolean {
  return Math.max(state.attempt, state.lease_epoch) >= Number.MAX_SAFE_INTEGER;
}

function expectWhole(state: JobState): void {
  expect(JOB_STATUSES).toContain(state.status);
  expect(Object.getPrototypeOf(state)).toBe(Object.prototype);
  for (const key of ["seq", "attempt", "lease_epoch"] as const) {
    expect(state[key]).toBeGreaterThanOrEqual(0);
    // An attempt that is counted, not read, may step just over the edge of what can be read.
    expect(Number.isSafeInteger(state[key] - 1)).toBe(true);
  }
  expect(Number.isSafeInteger(state.max_attempts)).toBe(true);
  expect(state.max_attempts).toBeGreaterThanOrEqual(1);
  for (const key of ["job_id", "job_type", "request_id", "created_at", "updated_at"] as const) {
    expect(typeof state[key]).toBe("string");
  }
  expect(new Set(state.request_ids).size).toBe(state.request_ids.length);
  expect(Object.values(state)).not.toContain(undefined);
  for (const path of Object.values(state.artifacts ?? {})) expect(typeof path).toBe("string");
}

/** What the sender of a command that wrote something may rely on. */
function expectPromised(before: JobState | undefined, command: JobCommand, after: JobState): void {
  expect(after.updated_at).toBe(toIso(command.now));
  switch (command.kind) {
    case "submit":
      expect(after).toMatchObject({ status: "queued", attempt: 0, job_type: command.job_type });
      return;
    case "claim":
      if (after.status === "failed") break;
      expect(after).toMatchObject({
        status: "running",
        claim_token: command.claim_token,
        lease_epoch: (before?.lease_epoch ?? 0) + 1,
        attempt: (before?.attempt ?? 0) + 1,
      });
      expect(isLapsed(after, command.now)).toBe(false);
      return;
    case "heartbeat":
      expect(after.status).toBe("running");
      expect(isLapsed(after, command.now + command.lease_ms - 1)).toBe(false);
      expect(isLapsed(after, command.now + command.lease_ms)).toBe(true);
      return;
    case "complete":
      expect(after).toMatchObject({ status: "completed", result_status: "succeeded" });
      return;
    case "fail":
      expect(after.status).toBe("failed");
      expect(after.failure).toEqual(withoutEmptyMessage(command.failure));
      return;
    case "cancel":
      expect(after.status).toBe("cancelled");
      return;
    case "release":
    case "expire":
      if (after.status === "failed") break;
      expect(after.status).toBe("retry_waiting");
      expect(after.claim_token).toBeUndefined();
      expect(after.attempt).toBeLessThan(after.max_attempts);
      return;
  }
  expect(after.failure?.code).toBe("retry_exhausted");
}

/** An empty message is no message. */
function withoutEmptyMessage({ message, ...rest }: Failure): Failure {
  return message === undefined || message === "" ? rest : { message, ...rest };
}
