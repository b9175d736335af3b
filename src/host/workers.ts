import type { JobEngine } from "../engine/job-engine.ts";

export interface Workers {
  /** Stops running jobs and hands them back. */
  drain(graceMs: number): Promise<void>;
}

export async function startWorkers(_options: {
  readonly engine: JobEngine;
  readonly log: (line: string) => void;
}): Promise<Workers> {
  return { drain: async () => undefined };
}
