/**
 * Changes wait in memory until there are enough for a transaction. Nobody may notice: not a reader,
 * not the next process after a death, and not a reader of a database that cannot be written.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { commit } from "../../../test/support/batch.ts";
import { claim, submit } from "../../../test/support/given.ts";
import { type EmbeddedStore, openEmbeddedStore } from "./store.ts";
import { systemDisk } from "./system-disk.ts";

let dir = "";
const open: EmbeddedStore[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "keelson-staged-"));
});
afterEach(async () => {
  for (const store of open.splice(0)) await store.close();
  rmSync(dir, { recursive: true });
});

async function storeIn(folder: string): Promise<EmbeddedStore> {
  const database = join(folder, "projections.db");
  const options = { disk: systemDisk, dir: folder, database, rotateBytes: 0, now: () => 0 };
  const store = await openEmbeddedStore(options);
  open.push(store);
  return store;
}

/** Jobs that the database itself holds, whatever the store shows. */
function written(): number {
  const database = new DatabaseSync(join(dir, "projections.db"), { readOnly: true });
  try {
    return Number(database.prepare("SELECT count(*) AS jobs FROM jobs").get()?.["jobs"]);
  } finally {
    database.close();
  }
}

async function submitMany(store: EmbeddedStore, from: number, count: number): Promise<void> {
  const ids = Array.from({ length: count }, (_, index) => `job-${from + index}`);
  await commit(store, ...ids.map((job_id) => submit({ job_id, job_type: "rpi.run" })));
}

const page = async (store: EmbeddedStore): Promise<readonly string[]> =>
  (await store.jobs({ at: 0, limit: 10_000 })).map(({ job_id }) => job_id);

describe("changes that wait", () => {
  it("are read at once, and written when somebody asks what only the database can answer", async () => {
    const store = await storeIn(dir);
    await submitMany(store, 1, 3);
    expect(written()).toBe(0);
    expect((await store.job("job-2"))?.status).toBe("queued");
    expect(store.counts().head).toBe(3);
    expect((await store.tally(0)).reduce((sum, { count }) => sum + count, 0)).toBe(3);
    expect(await page(store)).toEqual(["job-1", "job-2", "job-3"]);
    expect(written()).toBe(3);
  });

  it("are claimed in the order of the queue, whichever of them are written", async () => {
    const store = await storeIn(dir);
    await submitMany(store, 1, 3);
    await page(store);
    await submitMany(store, 4, 3);
    await commit(store, { ...claim(1), job_id: "job-2" });
    const claimable = async (limit: number): Promise<readonly string[]> => {
      const claims = [{ types: ["rpi.run"], limit }];
      const turn = await store.begin({ jobIds: [], idempotencyKeys: [], claims });
      await turn.release();
      return (turn.loaded.claimable[0] ?? []).map(({ job_id }) => job_id);
    };
    expect(await claimable(10)).toEqual(["job-1", "job-3", "job-4", "job-5", "job-6"]);
    expect(await claimable(3)).toEqual(["job-1", "job-3", "job-4"]);
  });

  it("are written once there are enough of them", async () => {
    const store = await storeIn(dir);
    await submitMany(store, 1, 511);
    expect(written()).toBe(0);
    await submitMany(store, 512, 1);
    expect(written()).toBe(512);
  });

  it("are there after a death before they were written", async () => {
    const store = await storeIn(dir);
    await submitMany(store, 1, 5);
    await page(store);
    await submitMany(store, 6, 5);
    const after = mkdtempSync(join(tmpdir(), "keelson-after-"));
    try {
      // What a killed process leaves: its files as they are at this instant.
      cpSync(dir, after, { recursive: true });
      const next = await storeIn(after);
      expect(next.opening.rebuilt).toBeUndefined();
      expect(await page(next)).toEqual(Array.from({ length: 10 }, (_, at) => `job-${at + 1}`));
      expect((await next.verify()).ok).toBe(true);
    } finally {
      await open.pop()?.close();
      rmSync(after, { recursive: true });
    }
  });

  it("are still read while the database cannot be written, and come in once it can", async () => {
    const store = await storeIn(dir);
    await submitMany(store, 1, 1);
    await page(store);
    const blocker = new DatabaseSync(join(dir, "projections.db"), { timeout: 0 });
    blocker.exec("BEGIN IMMEDIATE");
    await submitMany(store, 2, 400);
    await expect(submitMany(store, 402, 200)).rejects.toThrow("locked");
    for (const id of ["job-1", "job-2", "job-401", "job-601"]) {
      expect((await store.job(id))?.job_id).toBe(id);
    }
    expect(store.counts().head).toBe(601);
    blocker.exec("ROLLBACK");
    blocker.close();
    await submitMany(store, 602, 1);
    expect(await page(store)).toHaveLength(602);
    expect(written()).toBe(602);
    expect((await store.verify()).ok).toBe(true);
  });
});
