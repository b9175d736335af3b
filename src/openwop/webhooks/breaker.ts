/**
 * Spares a receiver that keeps failing, and us the waiting for it (openwop-core §7.3). One breaker for
 * each subscription; plain data, so that it survives a restart.
 *
 * - *closed*: deliveries go out. After 4 failures in a row it opens.
 * - *open*: none goes out for an hour; then the first that asks is the probe.
 * - *half-open*: the probe is under way. Its success closes, its failure opens for another hour. A
 *   probe that never came back (the process died) is given up after a minute.
 * - *failed*: 100 failures within 7 days. Nothing goes out any more; a new registration starts anew.
 */
import type { EpochMs } from "../../lib/time.ts";

type Phase = "closed" | "open" | "half-open" | "failed";

export interface Breaker {
  readonly phase: Phase;
  /** Failures since the last success. */
  readonly inARow: number;
  /** When *open* ends, or a probe is given up; 0 in the other phases. */
  readonly until: EpochMs;
  /** When it failed within the window, oldest first. */
  readonly failures: readonly EpochMs[];
}

export const CLOSED: Breaker = { phase: "closed", inARow: 0, until: 0, failures: [] };

const IN_A_ROW_MAX = 4;
const OPEN_MS = 3_600_000;
const PROBE_MS = 60_000;
const FAILURES_MAX = 100;
const WINDOW_MS = 7 * 86_400_000;

type Step = (breaker: Breaker, now: EpochMs) => Breaker;

/** What a delivery is allowed; `breaker` is to be kept in its place. */
export interface Admission {
  readonly admitted: boolean;
  readonly breaker: Breaker;
}

/** Asks for one delivery to go out now. Whoever is admitted says later how it ended. */
export function admit(breaker: Breaker, now: EpochMs): Admission {
  return ADMISSIONS[breaker.phase](breaker, now);
}

/** How an admitted delivery ended. */
export function record(breaker: Breaker, ended: "success" | "failure", now: EpochMs): Breaker {
  return STEPS[breaker.phase][ended](breaker, now);
}

const refuse = (breaker: Breaker): Admission => ({ admitted: false, breaker });
const probe = (breaker: Breaker, now: EpochMs): Admission =>
  now < breaker.until
    ? refuse(breaker)
    : { admitted: true, breaker: { ...breaker, phase: "half-open", until: now + PROBE_MS } };

const ADMISSIONS: Readonly<Record<Phase, (breaker: Breaker, now: EpochMs) => Admission>> = {
  closed: (breaker) => ({ admitted: true, breaker }),
  open: probe,
  "half-open": probe,
  failed: refuse,
};

const stay: Step = (breaker) => breaker;
const close: Step = ({ failures }) => ({ phase: "closed", inARow: 0, until: 0, failures });

/** One more failure, which fails the subscription when it is one too many. */
const count: Step = (breaker, now) => {
  const failures = [...breaker.failures, now]
    .filter((at) => at > now - WINDOW_MS)
    .slice(-FAILURES_MAX);
  const inARow = breaker.inARow + 1;
  if (failures.length === FAILURES_MAX) return { phase: "failed", inARow, until: 0, failures };
  return { ...breaker, inARow, failures };
};

function openAfter(failures: number): Step {
  return (breaker, now) => {
    const counted = count(breaker, now);
    if (counted.phase === "failed" || counted.inARow < failures) return counted;
    return { ...counted, phase: "open", until: now + OPEN_MS };
  };
}

const STEPS: Readonly<Record<Phase, Readonly<Record<"success" | "failure", Step>>>> = {
  closed: { success: close, failure: openAfter(IN_A_ROW_MAX) },
  // Of deliveries that were under way when it opened: they count, but do not prolong the hour.
  open: { success: stay, failure: count },
  "half-open": { success: close, failure: openAfter(1) },
  failed: { success: stay, failure: stay },
};
