import { describe, expect, it } from "vitest";
import { STRANGE_IDS } from "../support/arbitraries.ts";
import {
  append,
  cancelJob,
  claimJob,
  commit,
  heldBy,
  loadFrom,
  submitJob,
} from "../support/batch.ts";
import { accepted, LEASE_MS, T0 } from "../support/given.ts";
import { expectSame } from "../support/same.ts";
import { STORES } from "./adapters.ts";
import {
  allLines,
  asking,
  foldLines,
  idsOf,
  nowAndReopened,
  openedFor,
  readModels,
} from "./suite.ts";

const QUESTION = { instants: [0, LEASE_MS], types: ["wiki.build"], keys: [...STRANGE_IDS] };
const MEBIBYTE = 1024 * 1024;

describe.each(STORES)("$name under a load", (adapter) => {
  const on = openedFor(adapter);

  it("takes a thousand jobs, and a thousand changes of them, in one batch each", async () => {
    const ids = Array.from({ length: 1_000 }, (_, i) => `j${i}`);
    await commit(on.store, ...ids.map((id) => submitJob(id, { idempotency_key: `k-${id}` })));
    await commit(on.store, ...ids.map((id) => claimJob(id, "t")));
    const holder = { token: "t", epoch: 1 };
    await commit(on.store, ...ids.map((id) => heldBy("complete", id, holder)));
    expect(on.store.counts()).toMatchObject({ head: 3_000, known: 3_000 });
    const keys = ids.map((id) => `k-${id}`);
    const loaded = await loadFrom(on.store, asking({ jobIds: ids, idempotencyKeys: keys }));
    expect([loaded.jobs.size, loaded.keys.size]).toEqual([1_000, 1_000]);
    expect(await on.store.tally(T0)).toEqual([
      { jobType: "wiki.build", status: "completed", count: 1_000 },
    ]);
    const before = await readModels(on.store, QUESTION);
    expectSame(await readModels(await on.reopen(), QUESTION), before);
  });

  it("takes one job through everything within one batch", async () => {
    const { events } = await commit(
      on.store,
      submitJob("a"),
      claimJob("a", "t"),
      heldBy("heartbeat", "a", { token: "t", epoch: 1 }),
      heldBy("release", "a", { token: "t", epoch: 1 }),
      claimJob("a", "t2"),
      heldBy("complete", "a", { token: "t2", epoch: 2 }),
    );
    expect(events).toHaveLength(6);
    expect(await on.store.job("a")).toMatchObject({ seq: 1, status: "completed", attempt: 2 });
    expect(await on.store.tally(T0)).toEqual([
      { jobType: "wiki.build", status: "completed", count: 1 },
    ]);
  });

  it("claims its way through ten thousand jobs", async () => {
    const ids = Array.from({ length: 10_000 }, (_, i) => `j${i}`);
    await commit(on.store, ...ids.map((id) => submitJob(id)));
    for (let taken = 0; taken < 2_000; taken += 50) {
      const request = asking({ claims: [{ types: ["wiki.build"], limit: 50 }] });
      const [jobs] = (await loadFrom(on.store, request)).claimable;
      expect(idsOf(jobs ?? [])).toEqual(ids.slice(taken, taken + 50));
      await commit(on.store, ...(jobs ?? []).map((job) => claimJob(job.job_id, "t")));
    }
  });
});

describe.each(STORES)("$name with large payloads", (adapter) => {
  const on = openedFor(adapter);

  it("keeps a mebibyte as it is, between small lines and over pages", async () => {
    const text = 'ü🚢\n"\\ '.repeat(MEBIBYTE / 16);
    const payload = { text, nested: JSON.parse('{"__proto__": [1, null, {"a": -1.5e300}]}') };
    await commit(on.store, submitJob("small"), submitJob("large", { payload }), submitJob("after"));
    await nowAndReopened(on, async (store) => {
      expectSame((await store.job("large"))?.payload, payload);
      const sizes = (await allLines(store, 1)).map(({ json }) => Buffer.byteLength(json));
      expect(sizes[1]).toBeGreaterThan(MEBIBYTE / 2);
      expectSame(foldLines(await allLines(store)), await store.jobs({ limit: 10, at: 0 }));
    });
  });

  it("takes several of them in one batch", async () => {
    const payload = { text: "x".repeat(MEBIBYTE) };
    const ids = ["a", "b", "c", "d"];
    await commit(on.store, ...ids.map((id) => submitJob(id, { payload })));
    const lines = await allLines(await on.reopen(), 3);
    expect(idsOf(foldLines(lines))).toEqual(ids);
  });
});

describe.each(STORES)("$name with strange names", (adapter) => {
  const on = openedFor(adapter);

  it("keeps every one of them apart as a job id and as a key", async () => {
    const jobs = STRANGE_IDS.map((id) => submitJob(id, { idempotency_key: id }));
    await commit(on.store, ...jobs);
    await nowAndReopened(on, async (store) => {
      const loaded = await loadFrom(
        store,
        asking({ jobIds: STRANGE_IDS, idempotencyKeys: STRANGE_IDS }),
      );
      expect(loaded.jobs.size).toBe(STRANGE_IDS.length);
      expect([...loaded.keys]).toEqual(STRANGE_IDS.map((id) => [id, id]));
      for (const [index, id] of STRANGE_IDS.entries()) {
        expect(loaded.jobs.get(id)?.seq).toBe(index + 1);
        expect(await store.job(id)).toMatchObject({ job_id: id, idempotency_key: id });
      }
      expect(idsOf(await store.jobs({ limit: 100, at: T0 }))).toEqual(STRANGE_IDS);
    });
  });

  it("finds the events of every one of them by id", async () => {
    const { events } = await commit(on.store, ...STRANGE_IDS.map((id) => submitJob(id)));
    await nowAndReopened(on, async (store) => {
      for (const { event, position } of events) {
        expect(await store.positionOf(event.event_id)).toBe(position);
      }
    });
  });

  it("works on them like on any other", async () => {
    await commit(on.store, ...STRANGE_IDS.map((id) => submitJob(id)));
    await commit(on.store, ...STRANGE_IDS.map((id) => claimJob(id, id)));
    const done = STRANGE_IDS.map((id) => heldBy("complete", id, { token: id, epoch: 1 }));
    await commit(on.store, ...done);
    const before = await readModels(on.store, QUESTION);
    expectSame(await readModels(await on.reopen(), QUESTION), before);
    expect(await on.store.tally(T0)).toHaveLength(1);
  });

  it("takes them as job types and finds those again", async () => {
    await commit(on.store, ...STRANGE_IDS.map((type, i) => submitJob(`j${i}`, { job_type: type })));
    await nowAndReopened(on, async (store) => {
      const claims = STRANGE_IDS.map((type) => ({ types: [type], limit: 2 }));
      const { claimable } = await loadFrom(store, asking({ claims }));
      expect(claimable.map((jobs) => idsOf(jobs))).toEqual(STRANGE_IDS.map((_, i) => [`j${i}`]));
      expect(await store.tally(T0)).toHaveLength(STRANGE_IDS.length);
      for (const [i, type] of STRANGE_IDS.entries()) {
        expect(idsOf(await store.jobs({ types: [type], limit: 9, at: T0 }))).toEqual([`j${i}`]);
      }
    });
  });

  it("keeps halves of characters apart, which text encodings fold into one", async () => {
    const ids = ["half \ud800", "half \ud801", "half \udc00", "half \ufffd"];
    const named = (id: string): object => ({ idempotency_key: id, job_type: id });
    await commit(on.store, ...ids.map((id) => submitJob(id, named(id))));
    await nowAndReopened(on, async (store) => {
      const loaded = await loadFrom(store, asking({ jobIds: ids, idempotencyKeys: ids }));
      expect([...loaded.keys]).toEqual(ids.map((id) => [id, id]));
      expect(ids.map((id) => loaded.jobs.get(id)?.seq)).toEqual([1, 2, 3, 4]);
      const claims = ids.map((type) => ({ types: [type], limit: 9 }));
      const { claimable } = await loadFrom(store, asking({ claims }));
      expect(claimable.map(idsOf)).toEqual(ids.map((id) => [id]));
      expect(idsOf(await store.jobs({ types: [ids[1] ?? ""], limit: 9, at: T0 }))).toEqual([
        ids[1],
      ]);
    });
  });

  it("keeps names of artifacts that are names of properties", async () => {
    const artifacts = JSON.parse('{"__proto__": "p", "constructor": "c", "": "e"}');
    await commit(on.store, submitJob("a"), claimJob("a", "t"));
    const beat = { ...heldBy("heartbeat", "a", { token: "t", epoch: 1 }), artifacts };
    await commit(on.store, beat);
    await nowAndReopened(on, async (store) => {
      expectSame((await store.job("a"))?.artifacts, artifacts);
    });
    await append(on.store, { ...accepted(), job_id: "b" });
    await commit(on.store, cancelJob("b"));
    expect(on.store.counts().head).toBe(5);
  });
});
