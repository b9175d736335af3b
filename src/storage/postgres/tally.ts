/** Counts by type and status, kept beside the jobs by every batch. */
import type { JobState } from "../../kernel/job/state.ts";
import type { JobStatus } from "../../kernel/job/types.ts";
import type { EpochMs } from "../../lib/time.ts";
import type { JobChange, TypeStatusCount } from "../store.ts";
import { int8Array, textArray } from "./arrays.ts";
import { columnText } from "./column-text.ts";
import type { Row, Statement } from "./connection.ts";

/** A table that holds counts; never a text from outside. */
export type TallyTable = "tally" | "scratch_tally";

/** What a batch changes in the counts; undefined when nothing does. */
export function countChanges(
  table: TallyTable,
  changes: readonly JobChange[],
): Statement | undefined {
  const deltas = new Map<string, { readonly job: JobState; by: number }>();
  const count = (job: JobState, by: number): void => {
    const name = `${job.status} ${job.job_type}`;
    const delta = deltas.get(name) ?? { job, by: 0 };
    delta.by += by;
    deltas.set(name, delta);
  };
  for (const { before, after } of changes) {
    if (before !== undefined) count(before, -1);
    count(after, 1);
  }
  const rows = [...deltas.values()].filter(({ by }) => by !== 0);
  if (rows.length === 0) return undefined;
  return {
    text: `INSERT INTO ${table} AS old (job_type, status, type_json, count)
      SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int8[])
      ON CONFLICT (tenant, job_type, status) DO UPDATE SET count = old.count + excluded.count`,
    values: [
      textArray(rows.map(({ job }) => columnText(job.job_type))),
      textArray(rows.map(({ job }) => job.status)),
      textArray(rows.map(({ job }) => JSON.stringify(job.job_type))),
      int8Array(rows.map(({ by }) => by)),
    ],
  };
}

/** The counts, and beside them the running jobs whose lease has lapsed at `at`. */
export function readTally(at: EpochMs): Statement {
  return {
    text: `SELECT t.type_json, t.status, t.count, coalesce(lapsed.count, 0) AS lapsed
      FROM tally t LEFT JOIN (
        SELECT job_type, count(*) AS count FROM jobs
        WHERE tenant = 'local' AND status = 'running' AND lease_expires_at <= $1::int8
        GROUP BY job_type
      ) AS lapsed ON lapsed.job_type = t.job_type AND t.status = 'running'
      WHERE t.tenant = 'local' AND t.count > 0`,
    values: [Math.floor(at)],
  };
}

/** Counts with lapsed leases counted as waiting for a retry. */
export function tallyOf(rows: readonly Row[]): readonly TypeStatusCount[] {
  const counts = new Map<string, TypeStatusCount>();
  const add = (jobType: string, status: JobStatus, by: number): void => {
    const name = `${status} ${jobType}`;
    counts.set(name, { jobType, status, count: (counts.get(name)?.count ?? 0) + by });
  };
  for (const row of rows) {
    const jobType = JSON.parse(String(row["type_json"])) as string;
    const lapsed = Number(row["lapsed"]);
    add(jobType, row["status"] as JobStatus, Number(row["count"]) - lapsed);
    if (lapsed > 0) add(jobType, "retry_waiting", lapsed);
  }
  return [...counts.values()].filter(({ count }) => count > 0);
}
