/** Comparing read models in use with a fresh fold of the ledger, row by row. */
import { isJsonObject, jsonEqual } from "../../lib/json.ts";
import type { Verification } from "../maintenance.ts";
import type { StoreSnapshot } from "../store.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Projections } from "./projections.ts";

const DIFFERENCES_MAX = 100;
const PAGE_JOBS = 2000;

/** Every count of a checkpoint that a fold of the same lines must reproduce. */
const COMPARED = [
  "head",
  "known",
  "foreign",
  "corrupt",
  "lastEventId",
  "lines",
  "stale",
  "tally",
] as const;

/** Compares the jobs of a snapshot and the checkpoint it was taken at with a fresh fold. */
export async function compareProjections(
  fresh: Projections,
  checkpoint: Checkpoint,
  snapshot: StoreSnapshot,
): Promise<Verification> {
  const differences: string[] = checkpointDifferences(fresh.checkpoint, checkpoint);
  let jobs = 0;
  for (let afterSeq = 0; differences.length < DIFFERENCES_MAX; ) {
    // Instant zero: leases are compared as they are stored, not as a reader would see them.
    const page = { afterSeq, limit: PAGE_JOBS, at: 0 };
    const expected = fresh.rows.page(page);
    const found = await snapshot.jobs(page);
    for (let i = 0; i < Math.max(expected.length, found.length); i += 1) {
      if (jsonEqual(expected[i], found[i])) continue;
      const id = expected[i]?.job_id ?? found[i]?.job_id ?? "";
      differences.push(`job "${id}" differs from the fold of its events`);
    }
    jobs += expected.length;
    const last = expected.at(-1);
    if (last === undefined || expected.length < PAGE_JOBS) break;
    afterSeq = last.seq;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return {
    ok: differences.length === 0,
    events: fresh.checkpoint.head,
    jobs,
    differences: differences.slice(0, DIFFERENCES_MAX),
  };
}

function checkpointDifferences(fresh: Checkpoint, live: Checkpoint): string[] {
  return COMPARED.filter(
    (name) => !jsonEqual(withoutZeros(fresh[name]), withoutZeros(live[name])),
  ).map(
    (name) =>
      `${name}: folded ${JSON.stringify(fresh[name])}, stored ${JSON.stringify(live[name])}`,
  );
}

/** A tally that has counted down to zero and one that never counted say the same. */
function withoutZeros(value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value)
    .map(([key, inner]) => [key, withoutZeros(inner)] as const)
    .filter(([, inner]) => inner !== 0 && !jsonEqual(inner, {}));
  return Object.fromEntries(entries);
}
