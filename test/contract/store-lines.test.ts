import { describe, expect, it } from "vitest";
import { cancelJob, claimJob, commit, heldBy, submitJob } from "../support/batch.ts";
import {
  acceptedLine,
  FOREIGN_IDS,
  FOREIGN_LEDGER,
  foreignLine,
} from "../support/foreign-ledger.ts";
import { LEASE_MS, T0 } from "../support/given.ts";
import { expectSame } from "../support/same.ts";
import { STORES } from "./adapters.ts";
import { allLines, foldLines, idsOf, nowAndReopened, openedFor, readModels } from "./suite.ts";

const QUESTION = { instants: [0, LEASE_MS], types: ["wiki.build", "rpi.run"], keys: ["k"] };

describe.each(STORES)("lines of $name", (adapter) => {
  const on = openedFor(adapter);
  const many = async (count: number): Promise<void> => {
    const ids = Array.from({ length: count }, (_, i) => `j${i}`);
    for (let at = 0; at < count; at += 100) {
      await commit(on.store, ...ids.slice(at, at + 100).map((id) => submitJob(id)));
    }
  };

  it("are none before the first event and after the last", async () => {
    expect(await on.store.lines(0, 10)).toEqual([]);
    await commit(on.store, submitJob("a"));
    expect(await on.store.lines(1, 10)).toEqual([]);
    expect(await on.store.lines(99, 10)).toEqual([]);
    expect(await on.store.lines(0, 0)).toEqual([]);
  });

  it("are the saved events as text, numbered from 1", async () => {
    const { events } = await commit(on.store, submitJob("a"), claimJob("a", "t"), cancelJob("a"));
    expect(await on.store.lines(0, 10)).toEqual(
      events.map(({ event, position }) => ({
        position,
        json: JSON.stringify(event),
        foreign: false,
      })),
    );
  });

  it("keep the text that the caller made", async () => {
    const [line] = FOREIGN_LEDGER;
    const json = (line ?? "").replaceAll(",", ", ");
    const event = JSON.parse(json) as { event_id: string };
    const named = json.replace(event.event_id, "evt_job_accepted_job-1_000001");
    const turn = await on.store.begin({ jobIds: [], idempotencyKeys: [], claims: [] });
    await turn.save({
      events: [{ position: 1, event: JSON.parse(named), json: named }],
      changes: [],
    });
    expect((await on.store.lines(0, 1))[0]?.json).toBe(named);
  });

  it.each([1, 7, 100, 256, 257])(
    "page by %i over every boundary without gap or overlap",
    async (page) => {
      await many(600);
      const lines = await allLines(on.store, page);
      expect(lines.map(({ position }) => position)).toEqual(
        Array.from({ length: 600 }, (_, i) => i + 1),
      );
      expect(idsOf(foldLines(lines))).toEqual(Array.from({ length: 600 }, (_, i) => `j${i}`));
    },
  );

  it("start anywhere", async () => {
    await many(520);
    for (const after of [0, 1, 254, 255, 256, 257, 511, 512, 518, 519]) {
      const [line] = await on.store.lines(after, 1);
      expect(line?.position).toBe(after + 1);
      expect(line?.json).toContain(`"job_id":"j${after}"`);
    }
  });
});

describe.each(STORES)("positions in $name", (adapter) => {
  const on = openedFor(adapter);

  it("are found for every event of our own, now and after reopening", async () => {
    const { events } = await commit(on.store, submitJob("a"), submitJob("b"), cancelJob("a"));
    await nowAndReopened(on, async (store) => {
      for (const { event, position } of events) {
        expect(await store.positionOf(event.event_id)).toBe(position);
      }
    });
  });

  it.each([
    "",
    "latest",
    "evt_job_accepted_a_000000",
    "evt_job_accepted_a_000002",
    "evt_job_accepted_b_000001",
    "evt_job_accepted_a_1",
    "evt_job_accepted_a_000001 ",
    "EVT_job_accepted_a_000001",
    "evt_job_accepted_a_999999999999999999999",
    "__proto__",
  ])("are not found for %j", async (eventId) => {
    await commit(on.store, submitJob("a"));
    expect(await on.store.positionOf(eventId)).toBeUndefined();
  });
});

describe.each(STORES)("counts of $name", (adapter) => {
  const on = openedFor(adapter);

  it("start at nothing", () => {
    expectSame(on.store.counts(), {
      head: 0,
      lastEventId: undefined,
      known: 0,
      foreign: 0,
      corrupt: 0,
      stale: [],
    });
    expect(on.store.brokenLines()).toEqual([]);
  });

  it("follow every batch, and reopening changes none of them", async () => {
    await commit(on.store, submitJob("a"), submitJob("b"));
    const { events } = await commit(on.store, cancelJob("a"), cancelJob("b"), cancelJob("c"));
    const counts = { head: 4, known: 4, foreign: 0, lastEventId: events[1]?.event.event_id };
    expect(on.store.counts()).toMatchObject(counts);
    expect((await on.reopen()).counts()).toMatchObject(counts);
  });
});

describe.each(STORES)("$name over a ledger of another writer", (adapter) => {
  const on = openedFor(adapter, FOREIGN_LEDGER);

  it("keeps and counts what it does not know, and drops what it has seen", () => {
    expect(on.store.counts()).toEqual({
      head: 6,
      lastEventId: "no-payload",
      known: 5,
      foreign: 1,
      corrupt: 0,
      stale: ["wiki-jobs"],
    });
    expect(on.store.brokenLines()).toEqual([]);
  });

  it("gives the lines back byte for byte, foreign ones marked", async () => {
    const lines = await allLines(on.store);
    const kept = FOREIGN_LEDGER.filter((_, index) => index !== 3);
    expect(lines.map(({ json }) => json)).toEqual(kept);
    expect(lines.map(({ foreign }) => foreign)).toEqual([false, true, false, false, false, false]);
  });

  it("finds every id, however it is spelled, before and after our own events", async () => {
    const { events } = await commit(on.store, submitJob("ours"));
    await nowAndReopened(on, async (store) => {
      const found = await Promise.all(FOREIGN_IDS.map((id) => store.positionOf(id)));
      expect(found).toEqual([1, 2, 3, 4, 5, 6]);
      expect(await store.positionOf(events[0]?.event.event_id ?? "")).toBe(7);
      expect(await store.positionOf("evt_job_accepted_job-1_000001")).toBeUndefined();
    });
  });

  it("shows jobs of unknown types and jobs that nobody accepted", async () => {
    const jobs = await on.store.jobs({ limit: 10, at: T0 });
    expect(jobs.map((job) => [job.seq, job.job_id, job.job_type, job.status])).toEqual([
      [1, "job-1", "rpi.run", "queued"],
      [3, "job-2", "custom.type", "completed"],
      [4, "orphan", "", "cancelled"],
    ]);
    expect(await on.store.tally(T0)).toHaveLength(3);
  });

  it("goes on from there: its jobs can be worked on and its lines stay first", async () => {
    await commit(on.store, claimJob("job-1", "t"));
    await commit(on.store, heldBy("complete", "job-1", { token: "t", epoch: 1 }));
    const before = await readModels(on.store, QUESTION);
    expectSame(await readModels(await on.reopen(), QUESTION), before);
    expect((await allLines(on.store)).map(({ position }) => position)).toHaveLength(8);
  });
});

describe.each(STORES)("$name over ids that look like the next of our own", (adapter) => {
  const on = openedFor(adapter, [
    acceptedLine("x-1", "a", "wiki.build"),
    foreignLine("evt_job_claimed_a_000004", "job.claimed", {
      job_id: "a",
      payload: {
        claim_token: "t",
        lease_epoch: 1,
        attempt: 1,
        lease_expires_at: "2026-01-01T00:00:00Z",
      },
    }),
  ]);

  it("keeps an event of ours although another one had its id first", async () => {
    const { events } = await commit(on.store, claimJob("a", "t2", 1));
    expect(events.map(({ position, event }) => [position, event.event_id])).toEqual([
      [3, "evt_job_lease_expired_a_000005"],
      [4, "evt_job_claimed_a_000006"],
    ]);
    const live = await on.store.job("a");
    expect(live?.lease_epoch).toBe(2);
    await nowAndReopened(on, async (store) => {
      expectSame(await store.job("a"), live);
      expect(await store.positionOf("evt_job_claimed_a_000004")).toBe(2);
      expect(await store.positionOf("evt_job_claimed_a_000006")).toBe(4);
    });
    const more = await commit(on.store, heldBy("heartbeat", "a", { token: "t2", epoch: 2, at: 2 }));
    expect(more.events[0]?.event.event_id).toBe("evt_job_heartbeat_a_000007");
  });
});

describe.each(STORES)("$name opened again", (adapter) => {
  const on = openedFor(adapter);

  it("shows what it showed before, which is what its lines fold to", async () => {
    await commit(
      on.store,
      ...["a", "b", "c", "d"].map((id) => submitJob(id, { idempotency_key: "k" })),
    );
    await commit(on.store, claimJob("a", "t"), claimJob("b", "t"), cancelJob("c"));
    await commit(on.store, heldBy("complete", "a", { token: "t", epoch: 1 }));
    const before = await readModels(on.store, QUESTION);
    const reopened = await on.reopen();
    expectSame(await readModels(reopened, QUESTION), before);
    expectSame(foldLines(await allLines(reopened)), await reopened.jobs({ limit: 100, at: 0 }));
    await commit(reopened, heldBy("release", "b", { token: "t", epoch: 1 }));
    expect(await (await on.reopen()).job("b")).toMatchObject({
      status: "retry_waiting",
      attempt: 1,
    });
  });

  it("is empty when it was", async () => {
    const before = await readModels(on.store, QUESTION);
    expectSame(await readModels(await on.reopen(), QUESTION), before);
  });
});

const BREAKABLE = STORES.filter(({ capabilities }) => capabilities.brokenLines === true);

describe.each(BREAKABLE)("$name with broken lines", (adapter) => {
  const on = openedFor(adapter, [
    "not json",
    acceptedLine("evt_job_accepted_a_000001", "a", "wiki.build"),
    "",
    foreignLine("x", "job.completed", { schema_version: 2 }),
    acceptedLine("evt_job_accepted_b_000002", "b", "wiki.build"),
  ]);

  it("counts and names them, and reads and writes on", async () => {
    await nowAndReopened(on, async (store) => {
      expect(store.counts()).toMatchObject({ head: 2, known: 2, corrupt: 2 });
      expect(store.brokenLines().map(({ lineNumber }) => lineNumber)).toEqual([1, 4]);
      expect(idsOf(await store.jobs({ limit: 10, at: T0 }))).toEqual(["a", "b"]);
    });
    await commit(on.store, cancelJob("a"));
    const positions = (await allLines(on.store, 1)).map(({ position }) => position);
    expect(positions).toEqual([1, 2, 3]);
    expect((await (await on.reopen()).job("a"))?.status).toBe("cancelled");
  });
});
