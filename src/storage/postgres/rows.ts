/**
 * Every statement on jobs, each with the reading of its answer. Written for any table of the shape
 * of `jobs`, because a fold of the ledger goes into one that is not yet in use.
 */
import { isSpent, seenAt } from "../../kernel/job/lease.ts";
import type { JobState } from "../../kernel/job/state.ts";
import type { JobStatus } from "../../kernel/job/types.ts";
import type { JsonObject } from "../../lib/json.ts";
import { type EpochMs, fromIso } from "../../lib/time.ts";
import type { JobChange, StoredJobQuery } from "../store.ts";
import { boolArray, int8Array, textArray } from "./arrays.ts";
import { columnText } from "./column-text.ts";
import type { Row, Statement, Value } from "./connection.ts";

/** Expiry that cannot be read: lapsed since ever (digest §11). */
const LAPSED_SINCE_EVER = 0;

const TENANT = "tenant = 'local'";

/** A table that holds jobs; never a text from outside. */
export type JobsTable = "jobs" | "scratch_jobs";

/** One job as its columns hold it. */
export interface JobColumns {
  readonly jobId: string;
  readonly jobType: string;
  readonly status: string;
  readonly key: string | null;
  readonly leaseExpiresAt: number | null;
  readonly spent: boolean;
  readonly state: string;
  readonly payload: string | null;
}

function columnsOf(job: JobState): JobColumns {
  const { payload, ...state } = job;
  return {
    jobId: columnText(job.job_id),
    jobType: columnText(job.job_type),
    status: job.status,
    key: job.idempotency_key === undefined ? null : columnText(job.idempotency_key),
    leaseExpiresAt: expiryOf(job),
    spent: isSpent(job),
    state: JSON.stringify(state),
    payload: payload === undefined ? null : JSON.stringify(payload),
  };
}

function expiryOf(job: JobState): number | null {
  if (job.status !== "running" || job.lease_expires_at === undefined) return null;
  return fromIso(job.lease_expires_at) ?? LAPSED_SINCE_EVER;
}

/** The job of a row with `state` and `payload`. */
export function jobOf(row: Row): JobState {
  const state = JSON.parse(String(row["state"])) as JobState;
  const payload = row["payload"];
  if (typeof payload !== "string") return state;
  return { ...state, payload: JSON.parse(payload) as JsonObject };
}

/**
 * Writes jobs as they are after a batch. A payload goes over the wire only when it is new; an old
 * one stays where it is, however often its job changes.
 */
export function putJobs(table: JobsTable, changes: readonly JobChange[]): Statement {
  const rows = changes.map(({ before, after }) => ({
    seq: after.seq,
    isNew: before?.payload !== after.payload,
    ...columnsOf(after),
  }));
  return {
    text: `INSERT INTO ${table} AS old (seq, job_id, job_type, status, idempotency_key,
        lease_expires_at, spent, state, payload)
      SELECT seq, job_id, job_type, status, idempotency_key, lease_expires_at, spent, state, payload
      FROM unnest($1::int8[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int8[],
        $7::bool[], $8::text[], $9::text[]) AS new (seq, job_id, job_type, status,
        idempotency_key, lease_expires_at, spent, state, payload)
      ON CONFLICT (seq) DO UPDATE SET job_type = excluded.job_type, status = excluded.status,
        idempotency_key = excluded.idempotency_key, lease_expires_at = excluded.lease_expires_at,
        spent = excluded.spent, state = excluded.state,
        payload = CASE WHEN old.seq = ANY ($10::int8[]) THEN excluded.payload ELSE old.payload END`,
    values: [
      int8Array(rows.map(({ seq }) => seq)),
      textArray(rows.map(({ jobId }) => jobId)),
      textArray(rows.map(({ jobType }) => jobType)),
      textArray(rows.map(({ status }) => status)),
      textArray(rows.map(({ key }) => key)),
      int8Array(rows.map(({ leaseExpiresAt }) => leaseExpiresAt)),
      boolArray(rows.map(({ spent }) => spent)),
      textArray(rows.map(({ state }) => state)),
      textArray(rows.map(({ isNew, payload }) => (isNew ? payload : null))),
      int8Array(rows.filter(({ isNew }) => isNew).map(({ seq }) => seq)),
    ],
  };
}

export function jobsById(table: JobsTable, jobIds: readonly string[]): Statement {
  return {
    text: `SELECT state, payload FROM ${table} WHERE ${TENANT} AND job_id = ANY ($1::text[])`,
    values: [textArray(jobIds.map(columnText))],
  };
}

/** The oldest job of each key; `ord` counts the keys from 1. */
export function jobsByKey(keys: readonly string[]): Statement {
  return {
    text: `SELECT ord, state, payload FROM unnest($1::text[]) WITH ORDINALITY AS asked (key, ord)
      CROSS JOIN LATERAL (SELECT state, payload FROM jobs
        WHERE ${TENANT} AND idempotency_key = asked.key ORDER BY seq LIMIT 1) AS job
      ORDER BY ord`,
    values: [textArray(keys.map(columnText))],
  };
}

/** Oldest first over all the types. No row is locked: whoever asks has the turn. */
export function claimableJobs(types: readonly string[], limit: number): Statement {
  return {
    text: `SELECT state, payload FROM unnest($1::text[]) AS asked (type)
      CROSS JOIN LATERAL (SELECT seq, state, payload FROM jobs
        WHERE ${TENANT} AND job_type = asked.type
          AND status IN ('queued', 'retry_waiting') AND NOT spent
        ORDER BY seq LIMIT $2::int8) AS job
      ORDER BY seq LIMIT $2::int8`,
    values: [textArray([...new Set(types)].map(columnText)), limit],
  };
}

export function lapsedJobs(at: EpochMs, limit: number): Statement {
  return {
    text: `SELECT state, payload FROM jobs WHERE status = 'running' AND lease_expires_at <= $1::int8
      ORDER BY lease_expires_at LIMIT $2::int8`,
    values: [Math.floor(at), limit],
  };
}

/** Jobs that wait with no attempts left. */
export function spentJobs(limit: number): Statement {
  return {
    text: `SELECT state, payload FROM jobs WHERE status = 'retry_waiting' AND spent
      ORDER BY seq LIMIT $1::int8`,
    values: [limit],
  };
}

export const nextExpiry: Statement = {
  text: "SELECT min(lease_expires_at) AS at FROM jobs WHERE status = 'running'",
};

/** One page; the reader of the answer sees leases as of `query.at`. */
export function pageOfJobs(query: StoredJobQuery): Statement {
  const { statuses, types, afterSeq, limit, newestFirst } = query;
  const conditions = [TENANT];
  const values: Value[] = [];
  const number = (value: Value): string => `$${values.push(value)}`;
  if (statuses !== undefined) conditions.push(statusCondition(statuses, query.at, number));
  if (types !== undefined) {
    conditions.push(`job_type = ANY (${number(textArray(types.map(columnText)))}::text[])`);
  }
  if (afterSeq !== undefined) {
    conditions.push(`seq ${newestFirst === true ? "<" : ">"} ${number(afterSeq)}::int8`);
  }
  return {
    text: `SELECT state, payload FROM jobs WHERE ${conditions.join(" AND ")}
      ORDER BY seq ${newestFirst === true ? "DESC" : "ASC"} LIMIT ${number(limit)}::int8`,
    values,
  };
}

/**
 * Asking for `running` must not give lapsed leases, asking for `retry_waiting` must: the reader's
 * instant decides, whether or not the sweep has written the expiry yet.
 */
function statusCondition(
  statuses: readonly JobStatus[],
  at: EpochMs,
  number: (value: Value) => string,
): string {
  const plain = statuses.filter((status) => status !== "running");
  const anyOf = [`status = ANY (${number(textArray(plain))}::text[])`];
  const instant = Math.floor(at);
  if (statuses.includes("running")) {
    anyOf.push(`status = 'running' AND
      (lease_expires_at IS NULL OR lease_expires_at > ${number(instant)}::int8)`);
  }
  if (statuses.includes("retry_waiting")) {
    anyOf.push(`status = 'running' AND lease_expires_at <= ${number(instant)}::int8`);
  }
  return `((${anyOf.join(") OR (")}))`;
}

export function seenJobs(rows: readonly Row[], at: EpochMs): readonly JobState[] {
  return rows.map((row) => seenAt(jobOf(row), at));
}
