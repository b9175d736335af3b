/**
 * The whole table: what each command comes to in each state. Its type is total over both sides, so
 * a new state or a new command does not compile until every cell of it has been thought about.
 */
import { describe, expect, it } from "vitest";
import {
  accepted,
  beat,
  cancel,
  cancelled,
  claim,
  claimed,
  complete,
  completed,
  expire,
  fail,
  failed,
  LEASE_MS,
  lapsed,
  release,
  released,
  stateAfter,
  submit,
} from "../../../test/support/given.ts";
import type { RejectionCode } from "../../errors/codes.ts";
import { decide, type JobCommand } from "./decide.ts";
import type { EventDraft, EventType } from "./events.ts";
import { isLapsed, isSpent } from "./lease.ts";
import type { JobState } from "./state.ts";
import type { FoldedStatus } from "./types.ts";

type StateName = FoldedStatus | "absent" | "running-lapsed" | "retry_waiting-spent";
type Kind = JobCommand["kind"];
/** Short names of event types and rejections: `[]` is success that writes nothing. */
type Cell = readonly Short[] | RejectionCode;
type Short = EventType extends `${infer Stream}.${infer Rest}`
  ? Stream extends "job"
    ? Rest
    : never
  : never;

/** The commands that only a holder may send. */
type HeldKind = "heartbeat" | "complete" | "fail" | "release";

const NOW = 10 * LEASE_MS;
const LIVE = claimed(1, NOW - 1);
const ENDED = [accepted(), LIVE];

/** Every state stands at `NOW`; where somebody holds or held the job, that was epoch 1. */
const STATES: Readonly<Record<StateName, readonly EventDraft[]>> = {
  absent: [],
  queued: [accepted()],
  running: [accepted(), LIVE],
  "running-lapsed": [accepted(), claimed(1, 0)],
  retry_waiting: [accepted(), claimed(1, 0), lapsed(1, LEASE_MS)],
  "retry_waiting-spent": [accepted(), claimed(1, 0), released(1, 3)],
  completed: [...ENDED, completed(1)],
  failed: [...ENDED, failed(1)],
  cancelled: [...ENDED, cancelled()],
};

/** Commands as the holder of epoch 1 sends them; a claim would open epoch 2. */
const COMMANDS: Readonly<Record<Kind, JobCommand>> = {
  submit: submit({ now: submit().now + NOW }),
  claim: claim(2, NOW),
  heartbeat: beat(1, NOW),
  complete: complete(1, NOW),
  fail: fail(1, NOW),
  release: release(1, NOW),
  cancel: cancel({}, NOW),
  expire: expire(NOW),
};

const TABLE: Readonly<Record<StateName, Readonly<Record<Kind, Cell>>>> = {
  absent: {
    submit: ["accepted"],
    claim: "job_not_found",
    heartbeat: "job_not_found",
    complete: "job_not_found",
    fail: "job_not_found",
    release: "job_not_found",
    cancel: "job_not_found",
    expire: "job_not_found",
  },
  queued: {
    submit: [],
    claim: ["claimed"],
    heartbeat: "claim_mismatch",
    complete: "claim_mismatch",
    fail: "claim_mismatch",
    release: "claim_mismatch",
    cancel: ["cancelled"],
    expire: [],
  },
  running: {
    submit: [],
    claim: "claim_mismatch",
    heartbeat: ["heartbeat"],
    complete: ["completed"],
    fail: ["failed"],
    release: ["lease_expired"],
    cancel: ["cancelled"],
    expire: [],
  },
  "running-lapsed": {
    submit: [],
    claim: ["lease_expired", "claimed"],
    heartbeat: "lease_expired",
    complete: "lease_expired",
    fail: "lease_expired",
    release: "lease_expired",
    cancel: ["cancelled"],
    expire: ["lease_expired"],
  },
  retry_waiting: {
    submit: [],
    claim: ["claimed"],
    heartbeat: "claim_mismatch",
    complete: "claim_mismatch",
    fail: "claim_mismatch",
    release: "claim_mismatch",
    cancel: ["cancelled"],
    expire: [],
  },
  "retry_waiting-spent": {
    submit: [],
    claim: ["failed"],
    heartbeat: "claim_mismatch",
    complete: "claim_mismatch",
    fail: "claim_mismatch",
    release: "claim_mismatch",
    cancel: ["cancelled"],
    expire: ["failed"],
  },
  completed: {
    submit: [],
    claim: "job_terminal",
    heartbeat: "job_terminal",
    complete: [],
    fail: "job_terminal",
    release: "job_terminal",
    cancel: [],
    expire: [],
  },
  failed: {
    submit: [],
    claim: "job_terminal",
    heartbeat: "job_terminal",
    complete: "job_terminal",
    fail: "job_terminal",
    release: "job_terminal",
    cancel: [],
    expire: [],
  },
  cancelled: {
    submit: [],
    claim: "job_terminal",
    heartbeat: "job_terminal",
    complete: "job_terminal",
    fail: "job_terminal",
    release: "job_terminal",
    cancel: [],
    expire: [],
  },
};

/** What somebody whose fence does not match is told, by state; no held command makes a difference. */
const STALE: Readonly<Record<StateName, RejectionCode>> = {
  absent: "job_not_found",
  queued: "claim_mismatch",
  running: "claim_mismatch",
  "running-lapsed": "claim_mismatch",
  retry_waiting: "claim_mismatch",
  "retry_waiting-spent": "claim_mismatch",
  completed: "job_terminal",
  failed: "job_terminal",
  cancelled: "job_terminal",
};

const STALE_FENCES = {
  "another token": { claim_token: "stolen", lease_epoch: 1 },
  "the epoch before": { claim_token: "token-1", lease_epoch: 0 },
  "the epoch after": { claim_token: "token-1", lease_epoch: 2 },
} as const;

const HELD: Readonly<Record<HeldKind, true>> = {
  heartbeat: true,
  complete: true,
  fail: true,
  release: true,
};

const states = Object.keys(STATES) as StateName[];
const kinds = Object.keys(COMMANDS) as Kind[];

describe("transitions", () => {
  it("starts from states that are what their names say", () => {
    for (const name of states) expect(nameOf(stateAfter(STATES[name]))).toBe(name);
  });

  for (const name of states) {
    it.each(kinds)(`${name}, on %s`, (kind) => {
      expect(cellOf(decide(stateAfter(STATES[name]), COMMANDS[kind]))).toEqual(TABLE[name][kind]);
    });
  }
});

describe("fencing", () => {
  for (const name of states) {
    for (const [leg, fence] of Object.entries(STALE_FENCES)) {
      it.each(Object.keys(HELD) as HeldKind[])(`${name}, %s with ${leg}`, (kind) => {
        const decision = decide(stateAfter(STATES[name]), { ...COMMANDS[kind], ...fence });
        expect(cellOf(decision)).toBe(STALE[name]);
      });
    }
  }

  it("refuses the first holder once a second one has claimed", () => {
    const reclaimed = [...STATES.retry_waiting, claimed(2, NOW - 1)];
    for (const kind of Object.keys(HELD) as HeldKind[]) {
      expect(cellOf(decide(stateAfter(reclaimed), COMMANDS[kind]))).toBe("claim_mismatch");
    }
  });
});

function cellOf(decision: ReturnType<typeof decide>): unknown {
  if (!decision.ok) return decision.error.code;
  return decision.value.map(({ event_type: type }) => type.replace("job.", ""));
}

function nameOf(state: JobState | undefined): StateName {
  if (state === undefined) return "absent";
  const now = COMMANDS.expire.now;
  if (isLapsed(state, now)) return "running-lapsed";
  return isSpent(state) ? "retry_waiting-spent" : state.status;
}
