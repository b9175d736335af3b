/** What becomes of a batch when its connection breaks or the database goes away, and afterwards. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isFault } from "../../src/errors/fault.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { openPostgresStore, type PostgresStore } from "../../src/storage/postgres/store.ts";
import { allLines } from "../contract/suite.ts";
import { commit, loadFrom, submitJob } from "../support/batch.ts";
import { type OwnServer, ownServer } from "../support/postgres.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

let server: OwnServer;
let proxy: TcpProxy;
let store: PostgresStore;
let schemas = 0;

const NOTHING = { jobIds: [], idempotencyKeys: [], claims: [] };

beforeAll(async () => {
  server = await ownServer();
});
afterAll(async () => server.close());

beforeEach(async () => {
  proxy = await TcpProxy.open(server.port);
  const through = new URL(server.url);
  through.port = String(proxy.port);
  schemas += 1;
  through.searchParams.set("schema", `outage_${schemas}`);
  store = await openPostgresStore({ url: through.href, clock: systemClock });
});
afterEach(async () => {
  await store.close();
  await proxy.close();
});

async function faultOf(act: Promise<unknown>): Promise<{ code: string; outcome: string }> {
  const thrown: unknown = await act.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!isFault(thrown)) throw new Error(`no fault, but ${String(thrown)}`);
  return { code: thrown.code, outcome: thrown.outcome };
}

describe("a connection that breaks", () => {
  it("between two batches is replaced without anybody noticing", async () => {
    await commit(store, submitJob("a"));
    proxy.cut();
    await commit(store, submitJob("b"));
    expect((await store.job("a"))?.job_id).toBe("a");
    expect(store.counts().head).toBe(2);
  });

  it.each([0, 1, 2, 4, 8, 16, 32, 64])(
    "%i ms into a save leaves the batch there once",
    async (ms) => {
      const big = Array.from({ length: 400 }, (_, i) =>
        submitJob(`j${i}`, { payload: { text: "x".repeat(2_000) } }),
      );
      const saved = commit(store, ...big);
      await new Promise((resolve) => setTimeout(resolve, ms));
      proxy.cut();
      await saved;
      const lines = await allLines(store);
      expect(lines.map(({ position }) => position)).toEqual(
        Array.from({ length: 400 }, (_, i) => i + 1),
      );
      expect((await store.verify()).differences).toEqual([]);
    },
  );

  it("before the save, when somebody else has appended since, saves nothing", async () => {
    const other = await openPostgresStore({
      url: `${server.url}?schema=outage_${schemas}`,
      clock: systemClock,
    });
    try {
      const turn = await store.begin(NOTHING);
      const [first] = (await commitOf("mine")).events;
      proxy.cut();
      await commit(other, submitJob("theirs"));
      const failed = await faultOf(
        turn.save({ events: first === undefined ? [] : [first], changes: [] }),
      );
      expect(failed).toEqual({ code: "store_unavailable", outcome: "not-done" });
      expect((await loadFrom(store, NOTHING)).head).toBe(1);
    } finally {
      await other.close();
    }
  });
});

/** A batch as it would be decided over an empty ledger. */
async function commitOf(jobId: string): Promise<Awaited<ReturnType<typeof commit>>> {
  const { createMemoryStore } = await import("../../src/storage/memory/store.ts");
  return commit(createMemoryStore(), submitJob(jobId));
}

describe("a database that goes away", () => {
  it("is told to every caller as one that may try again, and is used again when it is back", async () => {
    await commit(store, submitJob("a"));
    await server.stop();
    try {
      const told = await Promise.all([
        faultOf(store.begin(NOTHING)),
        faultOf(store.job("a")),
        faultOf(store.refresh()),
        faultOf(store.snapshot()),
      ]);
      expect(new Set(told.map(({ code }) => code))).toEqual(new Set(["store_unavailable"]));
      expect(new Set(told.map(({ outcome }) => outcome))).toEqual(new Set(["not-done"]));
    } finally {
      await server.start();
    }
    await eventually(() => store.refresh());
    await commit(store, submitJob("b"));
    expect((await store.jobs({ limit: 9, at: 0 })).map(({ job_id: id }) => id)).toEqual(["a", "b"]);
  });

  it("wakes followers again after it has come back", async () => {
    let woken = 0;
    store.follow(() => (woken += 1));
    await server.stop();
    await server.start();
    const before = woken;
    await eventually(async () => {
      if (woken === before) throw new Error("not woken yet");
    });
    expect(woken).toBeGreaterThan(before);
  });

  it("in the middle of a turn leaves an outcome that is known or told as unknown", async () => {
    const turn = await store.begin(NOTHING);
    const batch = await commitOf("a");
    const saved = turn.save(batch).then(
      () => "saved",
      (error: unknown) => (isFault(error) ? error.outcome : String(error)),
    );
    await server.stop("SIGQUIT");
    await server.start();
    const outcome = await saved;
    expect(["saved", "not-done"]).toContain(outcome);
    await eventually(() => store.refresh());
    expect(await allLines(store)).toHaveLength(outcome === "saved" ? 1 : 0);
  });
});

async function eventually(act: () => Promise<void>): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await act();
      return;
    } catch (error) {
      if (tries === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
