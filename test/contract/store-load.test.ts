import { describe, expect, it } from "vitest";
import {
  append,
  cancelJob,
  claimJob,
  commit,
  expireJob,
  heldBy,
  loadFrom,
  submitJob,
} from "../support/batch.ts";
import { claimed, LEASE_MS, released, T0 } from "../support/given.ts";
import { expectSame } from "../support/same.ts";
import { STORES } from "./adapters.ts";
import { asking, idsOf, openedFor } from "./suite.ts";

describe.each(STORES)("load from $name", (adapter) => {
  const on = openedFor(adapter);

  it("finds nothing in an empty ledger", async () => {
    const loaded = await loadFrom(
      on.store,
      asking({
        jobIds: ["a"],
        idempotencyKeys: ["k"],
        claims: [{ types: ["rpi.run"], limit: 5 }],
        lapsedAt: T0,
      }),
    );
    expectSame(
      { ...loaded, jobs: [...loaded.jobs], keys: [...loaded.keys] },
      { head: 0, lastNumber: 0, jobs: [], keys: [], claimable: [[]], lapsed: [] },
    );
  });

  it("gives the asked jobs and only those, as their last events left them", async () => {
    const { changes } = await commit(on.store, submitJob("a"), submitJob("b"), submitJob("c"));
    await commit(on.store, claimJob("b", "t"));
    const { jobs, head } = await loadFrom(on.store, asking({ jobIds: ["a", "b", "nobody", "a"] }));
    expect(head).toBe(4);
    expect([...jobs.keys()].sort()).toEqual(["a", "b"]);
    expectSame(jobs.get("a"), changes[0]?.after);
    expect(jobs.get("b")).toMatchObject({ status: "running", claim_token: "t", attempt: 1 });
  });

  it("gives the first job of an idempotency key, and the job with it", async () => {
    await commit(on.store, submitJob("a", { idempotency_key: "k" }));
    await commit(on.store, submitJob("b", { idempotency_key: "k" }), submitJob("c"));
    await commit(on.store, cancelJob("a"));
    const { keys, jobs } = await loadFrom(on.store, asking({ idempotencyKeys: ["k", "other"] }));
    expect([...keys]).toEqual([["k", "a"]]);
    expect(jobs.get("a")?.status).toBe("cancelled");
    expect(jobs.has("b")).toBe(false);
  });

  it("keeps the first job of a key through reopening", async () => {
    await commit(
      on.store,
      submitJob("b", { idempotency_key: "k" }),
      submitJob("a", { idempotency_key: "k" }),
    );
    const { keys } = await loadFrom(await on.reopen(), asking({ idempotencyKeys: ["k"] }));
    expect([...keys]).toEqual([["k", "b"]]);
  });

  it("compares keys and ids exactly, upper and lower case apart", async () => {
    await commit(on.store, submitJob("Job", { idempotency_key: "Key" }));
    const loaded = await loadFrom(on.store, asking({ jobIds: ["job"], idempotencyKeys: ["key"] }));
    expect([loaded.jobs.size, loaded.keys.size]).toEqual([0, 0]);
  });
});

describe.each(STORES)("claimable jobs of $name", (adapter) => {
  const on = openedFor(adapter);
  const claimable = async (types: readonly string[], limit: number): Promise<readonly string[]> => {
    const loaded = await loadFrom(on.store, asking({ claims: [{ types, limit }] }));
    return idsOf(loaded.claimable[0] ?? []);
  };

  it("come oldest first over all asked types, and end at the limit", async () => {
    const types = ["rpi.run", "dream.run", "wiki.build", "rpi.run", "dream.run"];
    await commit(on.store, ...types.map((type, i) => submitJob(`j${i}`, { job_type: type })));
    expect(await claimable(["dream.run", "rpi.run"], 10)).toEqual(["j0", "j1", "j3", "j4"]);
    expect(await claimable(["dream.run", "rpi.run"], 3)).toEqual(["j0", "j1", "j3"]);
    expect(await claimable(["wiki.build"], 10)).toEqual(["j2"]);
    expect(await claimable(["nothing.else"], 10)).toEqual([]);
    expect(await claimable([], 10)).toEqual([]);
  });

  it("come once each when a type is asked for twice", async () => {
    await commit(on.store, submitJob("a"), submitJob("b"));
    expect(await claimable(["wiki.build", "wiki.build"], 4)).toEqual(["a", "b"]);
  });

  it("answer several requests in the order asked", async () => {
    await commit(on.store, submitJob("a"), submitJob("b", { job_type: "rpi.run" }));
    const { claimable: lists } = await loadFrom(
      on.store,
      asking({
        claims: [
          { types: ["rpi.run"], limit: 1 },
          { types: ["x"], limit: 1 },
          { types: ["wiki.build", "rpi.run"], limit: 2 },
        ],
      }),
    );
    expect(lists.map(idsOf)).toEqual([["b"], [], ["a", "b"]]);
  });

  it("hold no running, ended or spent job", async () => {
    const ids = ["a", "b", "c", "d", "e", "f"];
    await commit(on.store, ...ids.map((id) => submitJob(id)));
    const running = ["a", "b", "c", "d"];
    await commit(on.store, ...running.map((id) => claimJob(id, "t")));
    const holder = { token: "t", epoch: 1 };
    await commit(on.store, heldBy("complete", "b", holder), heldBy("fail", "c", holder));
    await commit(on.store, cancelJob("e"));
    await append(on.store, { ...released(1, 3), job_id: "d" });
    expect(await claimable(["wiki.build"], 10)).toEqual(["f"]);
  });

  it("keep their place in the queue when they come back", async () => {
    await commit(on.store, submitJob("a"), submitJob("b"));
    await commit(on.store, claimJob("a", "t"));
    expect(await claimable(["wiki.build"], 10)).toEqual(["b"]);
    await commit(on.store, expireJob("a", LEASE_MS));
    expect(await claimable(["wiki.build"], 10)).toEqual(["a", "b"]);
    await on.reopen();
    expect(await claimable(["wiki.build"], 10)).toEqual(["a", "b"]);
  });

  it("do not hold a running job whose lease lapsed: the sweep speaks first", async () => {
    await commit(on.store, submitJob("a"));
    await commit(on.store, claimJob("a", "t", 0, 1));
    expect(await claimable(["wiki.build"], 10)).toEqual([]);
  });
});

describe.each(STORES)("lapsed leases of $name", (adapter) => {
  const on = openedFor(adapter);
  const lapsedAt = async (ms: number): Promise<readonly string[]> => {
    const { lapsed } = await loadFrom(on.store, asking({ lapsedAt: T0 + ms }));
    return [...idsOf(lapsed)].sort();
  };

  it("are seen from the instant they end", async () => {
    await commit(on.store, submitJob("a"), submitJob("b"));
    await commit(on.store, claimJob("a", "t", 0, 100), claimJob("b", "t", 0, 200));
    expect(await on.store.nextLeaseExpiry()).toBe(T0 + 100);
    expect(await lapsedAt(99)).toEqual([]);
    expect(await lapsedAt(100)).toEqual(["a"]);
    expect(await lapsedAt(200)).toEqual(["a", "b"]);
  });

  it("move with a heartbeat and are gone with the end of the job", async () => {
    await commit(on.store, submitJob("a"));
    await commit(on.store, claimJob("a", "t", 0, 100));
    await commit(on.store, heldBy("heartbeat", "a", { token: "t", epoch: 1, at: 50 }));
    expect(await on.store.nextLeaseExpiry()).toBe(T0 + 50 + LEASE_MS);
    expect(await lapsedAt(100)).toEqual([]);
    await commit(on.store, heldBy("complete", "a", { token: "t", epoch: 1, at: 60 }));
    expect(await on.store.nextLeaseExpiry()).toBeUndefined();
    expect(await lapsedAt(10 * LEASE_MS)).toEqual([]);
  });

  it("include jobs that wait without attempts, whatever the instant", async () => {
    await commit(on.store, submitJob("a"), submitJob("b"));
    await append(
      on.store,
      { ...claimed(1), job_id: "a" },
      { ...released(1, 3), job_id: "a" },
      { ...claimed(1), job_id: "b" },
      { ...released(1, 2), job_id: "b" },
    );
    expect(await lapsedAt(-LEASE_MS)).toEqual(["a"]);
    await on.reopen();
    expect(await lapsedAt(0)).toEqual(["a"]);
  });

  it("include those whose end cannot be read, and never those without one", async () => {
    await commit(on.store, submitJob("a"), submitJob("b"));
    const { lease_expires_at: _, ...endless } = claimed(1).payload;
    await append(
      on.store,
      { ...claimed(1, 0, { lease_expires_at: "soon" }), job_id: "a" },
      { ...claimed(1), payload: endless, job_id: "b" },
    );
    expect(await lapsedAt(0)).toEqual(["a"]);
    expect(await lapsedAt(10 ** 12)).toEqual(["a"]);
    expect(await on.store.nextLeaseExpiry()).toBeLessThanOrEqual(T0);
  });

  it("are not looked for unless asked", async () => {
    await commit(on.store, submitJob("a"));
    await commit(on.store, claimJob("a", "t", 0, 1));
    expect((await loadFrom(on.store, asking({ jobIds: ["a"] }))).lapsed).toEqual([]);
  });

  it("come in bounded portions, and all of them in the end", async () => {
    const ids = Array.from({ length: 1_500 }, (_, i) => `j${i}`);
    await commit(on.store, ...ids.map((id) => submitJob(id)));
    await commit(on.store, ...ids.map((id) => claimJob(id, "t", 0, 1)));
    let portions = 0;
    for (;;) {
      const { lapsed } = await loadFrom(on.store, asking({ lapsedAt: T0 + 1 }));
      if (lapsed.length === 0) break;
      portions += 1;
      await commit(on.store, ...lapsed.map((job) => expireJob(job.job_id, 1)));
    }
    expect(portions).toBeGreaterThan(1);
    expect(await on.store.tally(T0 + 1)).toEqual([
      { jobType: "wiki.build", status: "retry_waiting", count: 1_500 },
    ]);
  });
});
