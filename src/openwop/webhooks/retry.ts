/** When a failed delivery is tried again, as data: the timer that waits for it is somebody else's. */
import type { EpochMs } from "../../lib/time.ts";

export interface RetryPolicy {
  readonly attemptsMax: number;
  readonly firstDelayMs: number;
  readonly factor: number;
  readonly delayMsMax: number;
}

/** Eight attempts within about fourteen hours, most of them early. */
export const RETRY_POLICY: RetryPolicy = {
  attemptsMax: 8,
  firstDelayMs: 5_000,
  factor: 6,
  delayMsMax: 6 * 3_600_000,
};
/** The best-effort contract: one attempt, whatever comes of it. */
export const NO_RETRIES: RetryPolicy = { ...RETRY_POLICY, attemptsMax: 1 };

/** The share of a delay that chance decides, so that what failed together does not return together. */
const JITTER = 0.2;

export interface FailedAttempt {
  /** Counted from 1. */
  readonly attempt: number;
  readonly at: EpochMs;
  /** From 0 up to, and without, 1; drawn by the caller and recorded with what it led to. */
  readonly chance: number;
  /** The earliest moment the receiver wants to see the next one, after this one. */
  readonly retryAfterMs?: number;
  /** The earliest moment the breaker lets one pass. */
  readonly notBefore?: EpochMs;
}

/** The moment of the next attempt; undefined when there is none and the delivery is a dead letter. */
export function nextAttemptAt(failed: FailedAttempt, policy: RetryPolicy): EpochMs | undefined {
  const { attempt, at, chance, retryAfterMs = 0, notBefore = 0 } = failed;
  if (attempt >= policy.attemptsMax) return undefined;
  const grown = policy.firstDelayMs * policy.factor ** (attempt - 1);
  const delayMs = Math.min(grown, policy.delayMsMax) * (1 - JITTER + JITTER * chance);
  return Math.max(at + Math.round(delayMs), at + retryAfterMs, notBefore);
}
