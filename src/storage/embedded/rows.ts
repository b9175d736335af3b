/**
 * Every SQL statement on `jobs`, as functions over one database connection. The writer has one of
 * these, each open snapshot another.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { isSpent, seenAt } from "../../kernel/job/lease.ts";
import type { JobState } from "../../kernel/job/state.ts";
import { isJobType, type JobStatus, PROJECTION_TARGETS } from "../../kernel/job/types.ts";
import { type EpochMs, fromIso } from "../../lib/time.ts";
import type { StoredJobQuery } from "../store.ts";
import { columnText } from "./database.ts";

/** The one tenant of the JobSpec surface; every row names its owner from the first day. */
const LOCAL_TENANT = "local";

/** Expiry that cannot be read: lapsed since ever (digest §11). */
const LAPSED_SINCE_EVER = 0;

type Row = { readonly state: string };

/** What can be asked of the jobs. */
export interface JobReads {
  byId(jobId: string): JobState | undefined;
  /** The first job that had the key. */
  idByKey(key: string): string | undefined;
  /** Oldest first over all the types. */
  claimable(types: readonly string[], limit: number): readonly JobState[];
  /** Running jobs whose lease lapsed, and waiting ones with no attempts left. */
  lapsed(at: EpochMs, limit: number): readonly JobState[];
  nextExpiry(): EpochMs | undefined;
  /** One page, leases seen as of `query.at`. */
  page(query: StoredJobQuery): readonly JobState[];
}

export class JobRows implements JobReads {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #byId: StatementSync;
  readonly #byKey: StatementSync;
  readonly #claimable: StatementSync;
  readonly #lapsed: StatementSync;
  readonly #spent: StatementSync;
  readonly #nextExpiry: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#insert = database.prepare(`INSERT INTO jobs
      (seq, tenant, job_id, job_type, status, idempotency_key, lease_expires_at, spent, state)
      VALUES (?, '${LOCAL_TENANT}', ?, ?, ?, ?, ?, ?, ?)`);
    this.#update = database.prepare(`UPDATE jobs SET job_type = ?, status = ?,
      idempotency_key = ?, lease_expires_at = ?, spent = ?, state = ? WHERE seq = ?`);
    this.#byId = database.prepare(
      `SELECT state FROM jobs WHERE tenant = '${LOCAL_TENANT}' AND job_id = ?`,
    );
    this.#byKey = database.prepare(`SELECT state FROM jobs
      WHERE tenant = '${LOCAL_TENANT}' AND idempotency_key = ? ORDER BY seq LIMIT 1`);
    this.#claimable = database.prepare(`SELECT seq, state FROM jobs
      WHERE status IN ('queued', 'retry_waiting') AND spent = 0 AND job_type = ? ORDER BY seq`);
    this.#lapsed = database.prepare(`SELECT state FROM jobs
      WHERE status = 'running' AND lease_expires_at <= ? LIMIT ?`);
    this.#spent = database.prepare(`SELECT state FROM jobs
      WHERE status = 'retry_waiting' AND spent = 1 LIMIT ?`);
    this.#nextExpiry = database.prepare(
      "SELECT MIN(lease_expires_at) AS at FROM jobs WHERE status = 'running'",
    );
  }

  insert(job: JobState): void {
    const { seq, status } = job;
    const id = columnText(job.job_id);
    const type = columnText(job.job_type);
    this.#insert.run(seq, id, type, status, keyOf(job), expiryOf(job), spentOf(job), encode(job));
  }

  update(job: JobState): void {
    const { seq, status } = job;
    const type = columnText(job.job_type);
    this.#update.run(type, status, keyOf(job), expiryOf(job), spentOf(job), encode(job), seq);
  }

  byId(jobId: string): JobState | undefined {
    return stateOf(this.#byId.get(columnText(jobId)));
  }

  idByKey(key: string): string | undefined {
    return stateOf(this.#byKey.get(columnText(key)))?.job_id;
  }

  /** Leaves out the jobs of `without`, named by their place in the queue. */
  claimable(
    types: readonly string[],
    limit: number,
    without?: ReadonlySet<number>,
  ): readonly JobState[] {
    const found: JobState[] = [];
    for (const type of new Set(types)) {
      let left = limit;
      for (const row of this.#claimable.iterate(columnText(type))) {
        if (left === 0) break;
        if (without?.has(Number(row["seq"])) === true) continue;
        left -= 1;
        found.push(decode(String(row["state"])));
      }
    }
    if (types.length > 1) found.sort((one, other) => one.seq - other.seq);
    return found.slice(0, limit);
  }

  lapsed(at: EpochMs, limit: number): readonly JobState[] {
    return [...statesOf(this.#lapsed.all(at, limit)), ...statesOf(this.#spent.all(limit))];
  }

  nextExpiry(): EpochMs | undefined {
    const at = this.#nextExpiry.get()?.["at"];
    return typeof at === "number" ? at : undefined;
  }

  page(query: StoredJobQuery): readonly JobState[] {
    const { where, values } = conditionsOf(query);
    const order = query.newestFirst === true ? "DESC" : "ASC";
    const statement = this.#database.prepare(
      `SELECT state FROM jobs ${where} ORDER BY seq ${order} LIMIT ?`,
    );
    return statesOf(statement.all(...values, query.limit)).map((job) => seenAt(job, query.at));
  }
}

/**
 * Asking for `running` must not give lapsed leases, asking for `retry_waiting` must: the reader's
 * instant decides, whether or not the sweep has written the expiry yet.
 */
function conditionsOf(query: StoredJobQuery): { where: string; values: SQLInputValue[] } {
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  if (query.statuses !== undefined) {
    const anyOf = query.statuses.map((status) => statusCondition(status, query.at, values));
    conditions.push(anyOf.length === 0 ? "FALSE" : `(${anyOf.join(" OR ")})`);
  }
  if (query.types !== undefined) {
    conditions.push(`job_type IN (${query.types.map(() => "?").join(", ")})`);
    values.push(...query.types.map(columnText));
  }
  if (query.afterSeq !== undefined) {
    conditions.push(query.newestFirst === true ? "seq < ?" : "seq > ?");
    values.push(query.afterSeq);
  }
  return { where: conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`, values };
}

function statusCondition(status: JobStatus, at: EpochMs, values: SQLInputValue[]): string {
  switch (status) {
    case "running":
      values.push(at);
      return "(status = 'running' AND (lease_expires_at IS NULL OR lease_expires_at > ?))";
    case "retry_waiting":
      values.push(at);
      return "(status = 'retry_waiting' OR (status = 'running' AND lease_expires_at <= ?))";
    case "queued":
    case "completed":
    case "failed":
    case "cancelled":
    case "degraded":
      values.push(status);
      return "status = ?";
  }
}

function keyOf(job: JobState): string | null {
  return job.idempotency_key === undefined ? null : columnText(job.idempotency_key);
}

function expiryOf(job: JobState): number | null {
  if (job.status !== "running" || job.lease_expires_at === undefined) return null;
  return fromIso(job.lease_expires_at) ?? LAPSED_SINCE_EVER;
}

function spentOf(job: JobState): number {
  return isSpent(job) ? 1 : 0;
}

/**
 * A state as JSON without what its other fields imply. Nearly every job has one request id and the
 * targets of its type; leaving them out makes rows a fifth smaller, and a rebuild that much faster.
 */
function encode(job: JobState): string {
  const { request_ids: ids, projection_targets: targets, job_type: type } = job;
  return JSON.stringify({
    ...job,
    request_ids: ids.length === 1 && ids[0] === job.request_id ? undefined : ids,
    projection_targets: isDefaultTargets(type, targets) ? undefined : (targets ?? null),
  });
}

function isDefaultTargets(type: string, targets: readonly string[] | undefined): boolean {
  if (targets === undefined || !isJobType(type)) return false;
  const defaults = PROJECTION_TARGETS[type];
  return targets.length === defaults.length && defaults.every((name, i) => name === targets[i]);
}

type Encoded = Omit<JobState, "request_ids" | "projection_targets"> & {
  request_ids?: readonly string[];
  projection_targets?: readonly string[] | null;
};

function decode(text: string): JobState {
  const job = JSON.parse(text) as Encoded;
  job.request_ids ??= [job.request_id];
  if (job.projection_targets === null) delete job.projection_targets;
  else if (isJobType(job.job_type)) job.projection_targets ??= PROJECTION_TARGETS[job.job_type];
  return job as JobState;
}

function stateOf(row: unknown): JobState | undefined {
  return row === undefined ? undefined : decode((row as Row).state);
}

function statesOf(rows: readonly unknown[]): JobState[] {
  return rows.map((row) => decode((row as Row).state));
}
