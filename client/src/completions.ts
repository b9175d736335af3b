import type { BatchCompleteResponse } from "./generated/types.ts";
import type { Hold } from "./types.ts";

/** What the daemon says about one completion of many. */
export type CompleteResult = BatchCompleteResponse["results"][number];

const BATCH_MAX = 256;

interface Waiting {
  readonly hold: Hold;
  readonly resolve: (result: CompleteResult) => void;
  readonly reject: (error: unknown) => void;
}

export interface Completions {
  /** Resolves with the daemon's answer about this one job. */
  add(hold: Hold): Promise<CompleteResult>;
}

/**
 * Completions that come together are sent together. One request is under way at a time; what
 * finishes meanwhile fills the next, so the batches grow by themselves as the load does and a lone
 * completion never waits for company.
 */
export function createCompletions(
  send: (holds: readonly Hold[]) => Promise<readonly CompleteResult[]>,
): Completions {
  let waiting: Waiting[] = [];
  let running = false;

  async function run(): Promise<void> {
    running = true;
    // One turn of the microtask queue: handlers that end in the same tick share the first request.
    await Promise.resolve();
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH_MAX);
      waiting = waiting.slice(BATCH_MAX);
      await settle(batch);
    }
    running = false;
  }

  async function settle(batch: readonly Waiting[]): Promise<void> {
    try {
      const results = await send(batch.map((each) => each.hold));
      batch.forEach((each, index) => {
        const result = results[index];
        if (result === undefined) each.reject(new Error("the answer left out a job"));
        else each.resolve(result);
      });
    } catch (error) {
      for (const each of batch) each.reject(error);
    }
  }

  return {
    add: (hold) =>
      new Promise((resolve, reject) => {
        waiting.push({ hold, resolve, reject });
        if (!running) void run();
      }),
  };
}
