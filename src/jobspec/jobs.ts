/** GET /v1/jobs and /v1/jobs/{job_id}. */
import type { JobQuery } from "../engine/engine.ts";
import { JOB_STATUSES, type JobStatus } from "../kernel/job/types.ts";
import { type Answer, type Call, json, refuse } from "./call.ts";
import { invalidField, quote } from "./fields.ts";
import { readCursor, readList, readPageSize } from "./paging.ts";
import { isForeignJob, queueJob } from "./views.ts";

const PAGE_DEFAULT = 100;

export async function listJobs(call: Call): Promise<Answer> {
  const query = readQuery(call.query);
  // One more than asked for tells whether there is a next page.
  const found = await call.surface.engine.jobs({ ...query, limit: query.limit + 1 });
  const page = found.slice(0, query.limit);
  const last = page.at(-1);
  const foreign = page.filter(isForeignJob);
  return json(200, {
    jobs: page.filter((job) => !isForeignJob(job)).map(queueJob),
    ...(foreign.length > 0 ? { foreign_jobs: foreign.map(queueJob) } : {}),
    ...(found.length > page.length && last !== undefined ? { next_cursor: String(last.seq) } : {}),
  });
}

export async function getJob(call: Call): Promise<Answer> {
  const job = await call.surface.engine.job(call.params["job_id"] ?? "");
  if (job === undefined) {
    return refuse({ code: "job_not_found", message: "daemon queue: job not found" });
  }
  return json(200, queueJob(job));
}

function readQuery(params: URLSearchParams): JobQuery {
  const statuses = readList(params, "status").map(readStatus);
  const types = readList(params, "type");
  const afterSeq = readCursor(params);
  return {
    ...(statuses.length > 0 ? { statuses } : {}),
    ...(types.length > 0 ? { types } : {}),
    ...(afterSeq === undefined ? {} : { afterSeq }),
    limit: readPageSize(params) ?? PAGE_DEFAULT,
    newestFirst: readNewestFirst(params),
  };
}

function readStatus(given: string): JobStatus {
  const status = JOB_STATUSES.find((known) => known === given);
  if (status !== undefined) return status;
  throw invalidField("status", `status ${quote(given)} is not one of ${JOB_STATUSES.join(", ")}`);
}

function readNewestFirst(params: URLSearchParams): boolean {
  const order = params.get("order") ?? "asc";
  if (order === "asc" || order === "") return false;
  if (order === "desc") return true;
  throw invalidField("order", 'order must be "asc" or "desc"');
}
