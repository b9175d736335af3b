/**
 * Folds the ledger anew and puts the outcome in the place of the read models in use. These serve all
 * the while; under the lock of a turn only the last events are folded and what differs is written.
 */
import type { Progress, RebuildReport } from "../maintenance.ts";
import type { Statement } from "./connection.ts";
import type { Dialer } from "./dialer.ts";
import { type Head, headOf, lockHead, writeHead } from "./head.ts";
import { type Scratch, withScratch } from "./scratch.ts";

const COLUMNS = "job_type, status, idempotency_key, lease_expires_at, spent, state, payload".split(
  ", ",
);

const SWAP: readonly Statement[] = [
  {
    text: `DELETE FROM jobs AS old WHERE NOT EXISTS (SELECT FROM scratch_jobs AS new
      WHERE new.seq = old.seq AND new.job_id = old.job_id)`,
  },
  {
    text: `INSERT INTO jobs SELECT new.* FROM scratch_jobs AS new
        LEFT JOIN jobs AS old ON old.seq = new.seq
        WHERE ROW(old.*) IS DISTINCT FROM ROW(new.*)
      ON CONFLICT (seq) DO UPDATE SET
        ${COLUMNS.map((name) => `${name} = excluded.${name}`).join(", ")}`,
  },
  { text: "DELETE FROM tally" },
  { text: "INSERT INTO tally SELECT * FROM scratch_tally WHERE count > 0" },
];

export function rebuild(
  dialer: Dialer,
  onHead: (head: Head) => void,
  onProgress?: Progress,
): Promise<RebuildReport> {
  return withScratch(dialer, async (scratch) => {
    await scratch.follow(onProgress);
    // What was appended meanwhile: little enough to be folded while everybody waits.
    await scratch.follow(onProgress);
    return swapIn(scratch, onHead);
  });
}

async function swapIn(scratch: Scratch, onHead: (head: Head) => void): Promise<RebuildReport> {
  const { connection } = scratch;
  const [, locked] = await connection.run([{ text: "BEGIN" }, lockHead]);
  const { head: position, room } = headOf(locked?.rows[0]);
  await scratch.upTo(position);
  const head = { ...scratch.head, room };
  await connection.run([...SWAP, writeHead(head), { text: "COMMIT" }]);
  onHead(head);
  const [counted] = await connection.rows({ text: "SELECT count(*) AS jobs FROM scratch_jobs" });
  return { events: position, jobs: Number(counted?.["jobs"]) };
}
