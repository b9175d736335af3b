/** A signal that follows the caller's and also fires by itself after a silence. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** True when the time ran out, as opposed to the caller's abort. */
  expired(): boolean;
  /** Starts the time again. */
  restart(): void;
  /** Must be called when the request is over, or the timer keeps the process alive. */
  clear(): void;
}

/**
 * Made by hand rather than with `AbortSignal.any`, which keeps a reference to every short-lived
 * signal for as long as the long-lived one exists: a worker makes thousands of requests a second.
 */
export function deadline(ms: number, caller?: AbortSignal): Deadline {
  const controller = new AbortController();
  let expired = false;
  const expire = (): void => {
    expired = true;
    controller.abort(new Error(`no answer within ${ms} ms`));
  };
  const follow = (): void => controller.abort(caller?.reason);
  const start = (): ReturnType<typeof setTimeout> | undefined =>
    Number.isFinite(ms) ? setTimeout(expire, ms) : undefined;
  let timer = start();
  if (caller?.aborted === true) follow();
  caller?.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    expired: () => expired,
    restart: () => {
      clearTimeout(timer);
      timer = start();
    },
    clear: () => {
      clearTimeout(timer);
      caller?.removeEventListener("abort", follow);
    },
  };
}
