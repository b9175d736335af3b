/** Read models as they are at one moment, in a transaction that is held open for as long as needed. */
import type { StoreSnapshot } from "../store.ts";
import { countsOf, type Head, headOf, readHead } from "./head.ts";
import type { Pool } from "./pool.ts";
import { pageOfJobs, seenJobs } from "./rows.ts";
import { readTally, tallyOf } from "./tally.ts";

/** Opens a snapshot on a connection of its own. Throws a `Fault`. */
export async function openSnapshot(
  pool: Pool,
  onHead: (head: Head) => void,
): Promise<StoreSnapshot> {
  for (let isFirst = true; ; isFirst = false) {
    const connection = await pool.acquire();
    try {
      const [, row] = await connection.run([
        { text: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
        readHead,
      ]);
      const head = headOf(row?.rows[0]);
      onHead(head);
      return {
        counts: countsOf(head),
        jobs: async (query) => seenJobs(await connection.rows(pageOfJobs(query)), query.at),
        tally: async (at) => tallyOf(await connection.rows(readTally(at))),
        async close() {
          await connection.run([{ text: "COMMIT" }]).catch(() => connection.drop());
          pool.release(connection);
        },
      };
    } catch (error) {
      const wasLost = connection.isLost;
      connection.drop();
      pool.release(connection);
      if (!isFirst || !wasLost) throw error;
    }
  }
}
