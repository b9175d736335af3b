/** Comparing the read models in use with a fresh fold of the ledger, row by row. */
import { jsonEqual } from "../../lib/json.ts";
import type { Progress, Verification } from "../maintenance.ts";
import type { Row, Statement } from "./connection.ts";
import type { Dialer } from "./dialer.ts";
import { type Head, headOf, readHead } from "./head.ts";
import { jobOf } from "./rows.ts";
import { type Scratch, withScratch } from "./scratch.ts";

const DIFFERENCES_MAX = 100;
const PAGE_JOBS = 200;

/** Every count of the head that a fold of the same lines must reproduce. */
const COMPARED = ["head", "lastEventId", "known", "foreign", "stale", "lastNumber"] as const;

/** Jobs whose rows are not the same text; whether they mean the same is seen afterwards. */
function unlikeJobs(afterSeq: number): Statement {
  return {
    text: `SELECT seq, old.state, old.payload, new.state AS new_state, new.payload AS new_payload,
        coalesce(old.job_id, new.job_id) AS job_id,
        ROW(old.job_id, old.job_type, old.status, old.idempotency_key, old.lease_expires_at,
          old.spent) IS DISTINCT FROM ROW(new.job_id, new.job_type, new.status,
          new.idempotency_key, new.lease_expires_at, new.spent) AS unlike
      FROM jobs AS old FULL JOIN scratch_jobs AS new USING (seq)
      WHERE ROW(old.*) IS DISTINCT FROM ROW(new.*) AND seq > $1::int8
      ORDER BY seq LIMIT ${PAGE_JOBS}`,
    values: [afterSeq],
  };
}

const unlikeCounts: Statement = {
  text: `SELECT job_type, status, coalesce(old.count, 0) AS stored, coalesce(new.count, 0) AS folded
    FROM tally AS old FULL JOIN scratch_tally AS new USING (tenant, job_type, status)
    WHERE coalesce(old.count, 0) <> coalesce(new.count, 0)`,
};

export function verify(dialer: Dialer, onProgress?: Progress): Promise<Verification> {
  return withScratch(dialer, async (scratch) => {
    const { connection } = scratch;
    await scratch.follow(onProgress);
    // From here on everything is seen as of one moment, while others go on appending.
    const [, row] = await connection.run([
      { text: "BEGIN ISOLATION LEVEL REPEATABLE READ" },
      readHead,
    ]);
    const stored = headOf(row?.rows[0]);
    await scratch.upTo(stored.head, onProgress);
    return compare(scratch, stored);
  });
}

async function compare(scratch: Scratch, stored: Head): Promise<Verification> {
  const { connection, head } = scratch;
  const differences = headDifferences(head, stored);
  for (const row of await connection.rows(unlikeCounts)) {
    const { job_type: type, status, stored: count, folded } = row;
    differences.push(
      `tally of ${String(type)} ${String(status)}: folded ${Number(folded)}, stored ${Number(count)}`,
    );
  }
  for (let afterSeq = 0; differences.length < DIFFERENCES_MAX; ) {
    const rows = await connection.rows(unlikeJobs(afterSeq));
    for (const row of rows) {
      if (means(row)) continue;
      differences.push(`job "${String(row["job_id"])}" differs from the fold of its events`);
    }
    if (rows.length < PAGE_JOBS) break;
    afterSeq = Number(rows.at(-1)?.["seq"]);
  }
  const [counted] = await connection.rows({ text: "SELECT count(*) AS jobs FROM scratch_jobs" });
  return {
    ok: differences.length === 0,
    events: head.head,
    jobs: Number(counted?.["jobs"]),
    differences: differences.slice(0, DIFFERENCES_MAX),
  };
}

/** True for rows that say the same with their names in another order. */
function means(row: Row): boolean {
  const { unlike, state, new_state: newState, payload, new_payload: newPayload } = row;
  if (unlike === true || typeof state !== "string" || typeof newState !== "string") return false;
  return jsonEqual(jobOf({ state, payload }), jobOf({ state: newState, payload: newPayload }));
}

function headDifferences(folded: Head, stored: Head): string[] {
  return COMPARED.filter((name) => !jsonEqual(folded[name], stored[name])).map(
    (name) =>
      `${name}: folded ${JSON.stringify(folded[name])}, stored ${JSON.stringify(stored[name])}`,
  );
}
