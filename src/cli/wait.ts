import type { Client, Job } from "@keelson/client";
import { hasEnded } from "./job-view.ts";

const ENDINGS = ["job.completed", "job.failed", "job.cancelled"];

/**
 * Resolves with the job once it has ended; undefined when `signal` aborts first. Reads the job, then
 * follows the ledger from the event it read: an ending in between is in that tail.
 */
export async function waitForEnd(
  client: Client,
  jobId: string,
  options: { readonly signal?: AbortSignal; readonly onBreak?: (error: unknown) => void } = {},
): Promise<Job | undefined> {
  const job = await client.job(jobId);
  if (hasEnded(job.status)) return job;
  const tail = client.tail({ after: job.last_event_id, types: ENDINGS, ...options });
  for await (const event of tail) {
    if (event.job_id === jobId) return client.job(jobId);
  }
  return undefined;
}
