import type { JobStatus } from "../../kernel/job/types.ts";
import type { EpochMs } from "../../lib/time.ts";
import type { TypeStatusCount } from "../store.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { JobReads } from "./rows.ts";

const LAPSED_MAX = 100_000;

/** Jobs by type and status, with leases that lapsed by `at` counted as waiting for a retry. */
export function tallyAt(
  rows: Pick<JobReads, "lapsed">,
  checkpoint: Checkpoint,
  at: EpochMs,
): readonly TypeStatusCount[] {
  const counts = new Map<string, TypeStatusCount>();
  const add = (jobType: string, status: JobStatus, by: number): void => {
    const key = `${status} ${jobType}`;
    const count = (counts.get(key)?.count ?? 0) + by;
    counts.set(key, { jobType, status, count });
  };
  for (const [jobType, statuses] of Object.entries(checkpoint.tally)) {
    for (const [status, count] of Object.entries(statuses)) {
      add(jobType, status as JobStatus, count);
    }
  }
  for (const job of rows.lapsed(at, LAPSED_MAX)) {
    if (job.status !== "running") continue;
    add(job.job_type, "running", -1);
    add(job.job_type, "retry_waiting", 1);
  }
  return [...counts.values()].filter(({ count }) => count > 0);
}
