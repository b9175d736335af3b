import { describe, expect, it } from "vitest";
import type { TypeStatusCount } from "../../src/storage/store.ts";
import { cancelJob, claimJob, commit, expireJob, heldBy, submitJob } from "../support/batch.ts";
import { LEASE_MS, T0 } from "../support/given.ts";
import { STORES } from "./adapters.ts";
import { idsOf, openedFor } from "./suite.ts";

describe.each(STORES)("jobs of $name", (adapter) => {
  const on = openedFor(adapter);
  const fill = async (): Promise<void> => {
    const types = ["rpi.run", "wiki.build"];
    const ids = Array.from({ length: 10 }, (_, i) => `j${i}`);
    await commit(on.store, ...ids.map((id, i) => submitJob(id, { job_type: types[i % 2] ?? "" })));
    await commit(on.store, claimJob("j2", "t"), claimJob("j3", "t"), cancelJob("j4"));
    await commit(on.store, heldBy("complete", "j3", { token: "t", epoch: 1 }));
  };

  it("page in both directions without a gap or an overlap", async () => {
    await fill();
    for (const newestFirst of [false, true]) {
      const seen: string[] = [];
      let afterSeq: number | undefined;
      for (;;) {
        const start = afterSeq === undefined ? {} : { afterSeq };
        const page = await on.store.jobs({ limit: 3, newestFirst, at: T0, ...start });
        seen.push(...idsOf(page));
        afterSeq = page.at(-1)?.seq;
        if (page.length < 3) break;
      }
      const ids = Array.from({ length: 10 }, (_, i) => `j${i}`);
      expect(seen).toEqual(newestFirst ? ids.reverse() : ids);
    }
  });

  it("filter by status and type together, and page through what is left", async () => {
    await fill();
    const filter = { statuses: ["queued", "running"], types: ["rpi.run"], at: T0 } as const;
    expect(idsOf(await on.store.jobs({ ...filter, limit: 10 }))).toEqual(["j0", "j2", "j6", "j8"]);
    const [, second] = await on.store.jobs({ ...filter, limit: 2 });
    const afterSeq = second?.seq ?? 0;
    expect(idsOf(await on.store.jobs({ ...filter, limit: 2, afterSeq }))).toEqual(["j6", "j8"]);
    const newest = { ...filter, limit: 2, newestFirst: true };
    expect(idsOf(await on.store.jobs(newest))).toEqual(["j8", "j6"]);
    expect(idsOf(await on.store.jobs({ ...newest, afterSeq }))).toEqual(["j0"]);
  });

  it("find every status that a job can have, and none that it cannot", async () => {
    await fill();
    const withStatus = async (
      statuses: readonly ("completed" | "cancelled" | "failed" | "degraded")[],
    ) => idsOf(await on.store.jobs({ statuses, limit: 10, at: T0 }));
    expect(await withStatus(["completed"])).toEqual(["j3"]);
    expect(await withStatus(["cancelled", "completed"])).toEqual(["j3", "j4"]);
    expect(await withStatus(["failed"])).toEqual([]);
    expect(await withStatus(["degraded"])).toEqual([]);
  });

  it("are none for an empty list of statuses or types, or a limit of nothing", async () => {
    await fill();
    expect(await on.store.jobs({ statuses: [], limit: 10, at: T0 })).toEqual([]);
    expect(await on.store.jobs({ types: [], limit: 10, at: T0 })).toEqual([]);
    expect(await on.store.jobs({ limit: 0, at: T0 })).toEqual([]);
  });

  it("show and find leases as of the asked instant, swept or not", async () => {
    await commit(on.store, submitJob("a"), submitJob("b"));
    await commit(on.store, claimJob("a", "t"), claimJob("b", "t", 0, 2 * LEASE_MS));
    const running = async (ms: number): Promise<readonly string[]> =>
      idsOf(await on.store.jobs({ statuses: ["running"], limit: 10, at: T0 + ms }));
    const waiting = async (ms: number): Promise<readonly string[]> =>
      idsOf(await on.store.jobs({ statuses: ["retry_waiting"], limit: 10, at: T0 + ms }));
    expect([await running(LEASE_MS - 1), await waiting(LEASE_MS - 1)]).toEqual([["a", "b"], []]);
    expect([await running(LEASE_MS), await waiting(LEASE_MS)]).toEqual([["b"], ["a"]]);
    expect((await on.store.jobs({ limit: 1, at: T0 + LEASE_MS }))[0]?.status).toBe("retry_waiting");
    expect((await on.store.job("a"))?.status).toBe("running");
    await commit(on.store, expireJob("a", LEASE_MS));
    expect([await running(LEASE_MS), await waiting(LEASE_MS)]).toEqual([["b"], ["a"]]);
    expect((await on.store.job("a"))?.status).toBe("retry_waiting");
  });

  it("are found one by one by their exact id", async () => {
    await commit(on.store, submitJob("a"));
    expect((await on.store.job("a"))?.job_id).toBe("a");
    expect([await on.store.job("A"), await on.store.job(" a"), await on.store.job("")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe.each(STORES)("tally of $name", (adapter) => {
  const on = openedFor(adapter);
  const tally = async (ms: number): Promise<readonly TypeStatusCount[]> =>
    [...(await on.store.tally(T0 + ms))].sort((left, right) =>
      `${left.jobType} ${left.status}` < `${right.jobType} ${right.status}` ? -1 : 1,
    );

  it("is empty for an empty ledger", async () => {
    expect(await tally(0)).toEqual([]);
  });

  it("counts by type and status and drops what is down to nothing", async () => {
    await commit(on.store, submitJob("a"), submitJob("b"), submitJob("c", { job_type: "rpi.run" }));
    await commit(on.store, claimJob("c", "t"), cancelJob("a"));
    const expected = [
      { jobType: "rpi.run", status: "running", count: 1 },
      { jobType: "wiki.build", status: "cancelled", count: 1 },
      { jobType: "wiki.build", status: "queued", count: 1 },
    ];
    expect(await tally(0)).toEqual(expected);
    await on.reopen();
    expect(await tally(0)).toEqual(expected);
  });

  it("counts a lapsed lease as waiting, before and after the sweep alike", async () => {
    await commit(on.store, submitJob("a"), submitJob("b"));
    await commit(on.store, claimJob("a", "t"));
    const lapsed = [
      { jobType: "wiki.build", status: "queued", count: 1 },
      { jobType: "wiki.build", status: "retry_waiting", count: 1 },
    ];
    expect(await tally(LEASE_MS)).toEqual(lapsed);
    await commit(on.store, expireJob("a", LEASE_MS));
    expect(await tally(LEASE_MS)).toEqual(lapsed);
  });

  it("keeps apart types whose names are awkward", async () => {
    const types = ["__proto__", "constructor", "a b", "queued a", ""];
    await commit(on.store, ...types.map((type, i) => submitJob(`j${i}`, { job_type: type })));
    await on.reopen();
    expect(new Set((await tally(0)).map(({ jobType }) => jobType))).toEqual(new Set(types));
    expect((await tally(0)).every(({ count }) => count === 1)).toBe(true);
  });
});

describe.each(STORES)("a snapshot of $name", (adapter) => {
  const on = openedFor(adapter);

  it("stays as it was while writes go on, page after page", async () => {
    const ids = Array.from({ length: 20 }, (_, i) => `j${i}`);
    await commit(on.store, ...ids.map((id) => submitJob(id)));
    const snapshot = await on.store.snapshot();
    try {
      const before = await snapshot.jobs({ limit: 5, at: T0 });
      await commit(on.store, ...ids.map((id) => cancelJob(id)), submitJob("late"));
      const rest = await snapshot.jobs({ limit: 100, at: T0, afterSeq: before.at(-1)?.seq ?? 0 });
      expect(idsOf([...before, ...rest])).toEqual(ids);
      expect(new Set([...before, ...rest].map((job) => job.status))).toEqual(new Set(["queued"]));
      expect(snapshot.counts).toMatchObject({ head: 20, known: 20 });
      expect(on.store.counts().head).toBe(41);
      expect((await on.store.job("j0"))?.status).toBe("cancelled");
    } finally {
      await snapshot.close();
    }
  });

  it("holds its counts and its jobs at one position", async () => {
    await commit(on.store, submitJob("a"));
    const snapshot = await on.store.snapshot();
    const next = await on.store.snapshot();
    try {
      const [job] = await snapshot.jobs({ limit: 1, at: T0 });
      expect(snapshot.counts.lastEventId).toBe(job?.last_event_id);
      await commit(on.store, submitJob("b"));
      expect(idsOf(await next.jobs({ limit: 10, at: T0 }))).toEqual(["a"]);
    } finally {
      await snapshot.close();
      await next.close();
    }
  });

  it("answers filters and leases like the store itself", async () => {
    await commit(on.store, submitJob("a"), submitJob("b"));
    await commit(on.store, claimJob("a", "t"));
    const query = { statuses: ["retry_waiting"], limit: 10, at: T0 + LEASE_MS } as const;
    const snapshot = await on.store.snapshot();
    try {
      expect(await snapshot.jobs(query)).toEqual(await on.store.jobs(query));
      expect(idsOf(await snapshot.jobs(query))).toEqual(["a"]);
    } finally {
      await snapshot.close();
    }
  });
});
