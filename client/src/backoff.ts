const DELAY_MS_FIRST = 100;
const DELAY_MS_MAX = 5_000;
/** A daemon may ask for patience, but not for ever. */
const RETRY_AFTER_MS_MAX = 30_000;

/**
 * How long to wait before try number `attempt + 2`: doubling from 100 ms to 5 s, the upper half of
 * it random so that many clients of one daemon do not come back in step.
 */
export function backoffMs(attempt: number, retryAfterMs = 0): number {
  const full = Math.min(DELAY_MS_FIRST * 2 ** attempt, DELAY_MS_MAX);
  const jittered = full / 2 + (Math.random() * full) / 2;
  return Math.max(jittered, Math.min(retryAfterMs, RETRY_AFTER_MS_MAX));
}

/** Resolves after `ms`; rejects with the signal's reason when that comes first. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
