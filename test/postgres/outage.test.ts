/** What becomes of a batch when its connection breaks or the database goes away, and afterwards. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isFault } from "../../src/errors/fault.ts";
import type { NumberedEvent } from "../../src/kernel/job/events.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createMemoryStore } from "../../src/storage/memory/store.ts";
import { openPostgresStore, type PostgresStore } from "../../src/storage/postgres/store.ts";
import { allLines } from "../contract/suite.ts";
import { commit, loadFrom, submitJob } from "../support/batch.ts";
import { type Database, type OwnServer, ownServer } from "../support/postgres.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

let server: OwnServer;
let database: Database;
let proxy: TcpProxy;
let store: PostgresStore;
let schemas = 0;

const NOTHING = { jobIds: [], idempotencyKeys: [], claims: [] };

beforeAll(async () => {
  server = await ownServer();
  database = await server.freshDatabase();
});
afterAll(async () => server.close());

beforeEach(async () => {
  proxy = await TcpProxy.open(server.port);
  const through = new URL(database.url);
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

  // A save of this batch is some 10,000 bytes to the server and 500 back.
  it.each([
    ["to-server", 1],
    ["to-server", 200],
    ["to-server", 5_000],
    ["to-server", 9_000],
    ["to-client", 1],
    ["to-client", 150],
    ["to-client", 300],
  ] as const)("%s after %i bytes of a save leaves the batch there once", async (bound, bytes) => {
    const loaded = await commit(store, submitJob("before"));
    const turn = await store.begin(NOTHING);
    const burnt = proxy.cutAfter(bound, bytes);
    const events = await eventsAfter(loaded, 20);
    await turn.save({ events, changes: [] });
    await burnt;
    await commit(store, submitJob("after"));
    const lines = await allLines(store);
    expect(lines.map(({ position }) => position)).toEqual(
      Array.from({ length: 22 }, (_, i) => i + 1),
    );
    expect(lines.slice(1, 21).map(({ json }) => json)).toEqual(
      events.map(({ event }) => JSON.stringify(event)),
    );
  });

  it("at its very last byte, when the commit is done and only its answer is lost, saves it once", async () => {
    for (let bytes = 20; bytes <= 400; bytes += 20) {
      const cut = proxy.cutAfter("to-client", bytes);
      await commit(store, submitJob(`job-${bytes}`), submitJob(`and-${bytes}`));
      proxy.cut();
      await Promise.race([cut, Promise.resolve()]);
      await proxy.restore();
    }
    expect(await allLines(store)).toHaveLength(40);
    expect((await store.verify()).differences).toEqual([]);
  });

  it("before the save, when somebody else has appended since, saves nothing", async () => {
    const other = await openPostgresStore({
      url: `${database.url}?schema=outage_${schemas}`,
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

/** Events of jobs that nobody has submitted yet, as they come after a batch. */
async function eventsAfter(
  batch: Awaited<ReturnType<typeof commit>>,
  count: number,
): Promise<readonly NumberedEvent[]> {
  const model = createMemoryStore(batch.events.map(({ event }) => JSON.stringify(event)));
  const ids = Array.from({ length: count }, (_, i) => `job-${i}`);
  const payload = { text: "x".repeat(200) };
  return (await commit(model, ...ids.map((id) => submitJob(id, { payload })))).events;
}

/** A batch as it would be decided over an empty ledger. */
async function commitOf(jobId: string): Promise<Awaited<ReturnType<typeof commit>>> {
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
    await server.stop("immediate");
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
