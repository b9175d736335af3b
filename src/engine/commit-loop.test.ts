/** The commit path as a whole, on a disk whose syncs can be counted, held back and refused. */
import { describe, expect, it } from "vitest";
import { engineBench, HeldSyncs } from "../../test/support/engine-bench.ts";
import { settle } from "../../test/support/virtual-clock.ts";
import { isFault } from "../errors/fault.ts";
import type { HoldInput, SubmitInput } from "./engine.ts";
import type { JobEngine } from "./job-engine.ts";

const ACTOR = "tester";

function named(id: string, over: Partial<SubmitInput> = {}): SubmitInput {
  return { job_type: "rpi.run", job_id: id, actor: ACTOR, ...over };
}

function ids(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `job-${i + 1}`);
}

async function claimOne(engine: JobEngine, type: string = "rpi.run"): Promise<HoldInput> {
  const [job] = await engine.claim({ types: [type], max: 1, waitMs: 0, actor: ACTOR });
  if (job?.claim_token === undefined) throw new Error("there was nothing to claim");
  const { job_id, claim_token, lease_epoch } = job;
  return { job_id, claim_token, lease_epoch, actor: ACTOR };
}

async function codeOf(act: Promise<unknown>): Promise<string> {
  const thrown: unknown = await act.then(
    () => undefined,
    (error: unknown) => error,
  );
  return isFault(thrown) ? thrown.code : String(thrown);
}

describe("a group of commits", () => {
  it("costs one sync for all who ask at once", async () => {
    const { engine, disk, lines } = await engineBench();
    const before = disk.counts.syncs;
    await Promise.all(ids(200).map((id) => engine.submit(named(id))));
    expect(disk.counts.syncs - before).toBe(1);
    expect(lines()).toHaveLength(200);
  });

  it("takes in one next round all who came while the disk was busy", async () => {
    const syncs = new HeldSyncs();
    const { engine, disk, lines } = await engineBench({ wrapDisk: syncs.wrap });
    const before = disk.counts.syncs;
    syncs.hold();
    const first = engine.submit(named("first"));
    await settle();
    const rest = Promise.all(ids(100).map((id) => engine.submit(named(id))));
    await settle();
    expect(syncs.waiting).toBe(1);
    syncs.release();
    await Promise.all([first, rest]);
    expect(disk.counts.syncs - before).toBe(2);
    expect(lines()).toHaveLength(101);
  });

  it("is cut into batches that memory can hold, and loses nobody", async () => {
    const { engine, disk, lines } = await engineBench();
    const before = disk.counts.syncs;
    const payload = { text: "x".repeat(1_000_000) };
    const answers = await Promise.all(ids(20).map((id) => engine.submit(named(id, { payload }))));
    expect(answers.every((answer) => answer.ok && answer.value.created)).toBe(true);
    expect(disk.counts.syncs - before).toBeGreaterThan(1);
    expect(disk.counts.syncs - before).toBeLessThan(6);
    expect(lines()).toHaveLength(20);
  });

  it("decides each command after those before it", async () => {
    const { engine, facts } = await engineBench();
    const twice = await Promise.all([
      engine.submit(named("a", { idempotency_key: "k" })),
      engine.submit(named("a")),
      engine.submit({ job_type: "rpi.run", idempotency_key: "k", actor: ACTOR }),
    ]);
    expect(twice.map((answer) => answer.ok && answer.value.created)).toEqual([true, false, false]);
    await Promise.all([engine.submit(named("b")), engine.submit(named("c"))]);
    const claims = await Promise.all(
      Array.from({ length: 5 }, () =>
        engine.claim({ types: ["rpi.run"], max: 1, waitMs: 0, actor: ACTOR }),
      ),
    );
    expect(claims.flat().map((job) => job.job_id)).toEqual(["a", "b", "c"]);
    const cancels = await Promise.all([
      engine.cancel({ job_id: "a", actor: ACTOR }),
      engine.cancel({ job_id: "a", actor: ACTOR }),
    ]);
    expect(cancels.map((answer) => answer.ok && answer.value.changed)).toEqual([true, false]);
    expect(facts().eventIds).toHaveLength(7);
  });

  it("writes nothing for a rejection, and needs no sync for it", async () => {
    const { engine, disk, lines } = await engineBench();
    await engine.submit(named("a"));
    const held = await claimOne(engine);
    const before = { ...disk.counts };
    const stale = { ...held, lease_epoch: 7 };
    const answers = [
      await engine.heartbeat(stale),
      await engine.complete(stale),
      await engine.fail({ ...stale, failure: { code: "lost" } }),
      await engine.release({ ...stale, refundAttempt: true }),
      await engine.cancel({ job_id: "nobody", actor: ACTOR }),
    ];
    expect(answers.map((answer) => !answer.ok && answer.error.code)).toEqual([
      "claim_mismatch",
      "claim_mismatch",
      "claim_mismatch",
      "claim_mismatch",
      "job_not_found",
    ]);
    expect(disk.counts).toEqual(before);
    expect(lines()).toHaveLength(2);
  });
});

describe("before its bytes are synced", () => {
  const acts: readonly (readonly [
    string,
    (engine: JobEngine, held: HoldInput) => Promise<unknown>,
  ])[] = [
    ["submit", (engine) => engine.submit(named("new"))],
    ["batch of submits", (engine) => engine.submitMany([named("new"), named("newer")])],
    ["claim", (engine) => claimOne(engine, "dream.run")],
    ["heartbeat", (engine, held) => engine.heartbeat(held)],
    ["completion", (engine, held) => engine.complete(held)],
    ["batch of completions", (engine, held) => engine.completeMany([held])],
    ["failure", (engine, held) => engine.fail({ ...held, failure: { code: "lost" } })],
    ["handing back", (engine, held) => engine.release({ ...held, refundAttempt: false })],
    ["cancel", (engine) => engine.cancel({ job_id: "held", actor: ACTOR })],
    ["note", (engine) => engine.note("projection.rebuilt", { reason: "asked" })],
  ];

  it.each(acts)("no %s is answered, shown or tailed", async (_name, act) => {
    const syncs = new HeldSyncs();
    const { engine, lines } = await engineBench({ wrapDisk: syncs.wrap });
    await engine.submit(named("held"));
    const held = await claimOne(engine);
    await engine.submit(named("waiting", { job_type: "dream.run" }));
    const before = { jobs: await engine.jobs({ limit: 10 }), head: engine.headPosition() };
    const tail = engine.tail(before.head);
    const seen: string[] = [];
    void tail.next(10, new AbortController().signal).then(() => seen.push("tailed"));
    syncs.hold();
    const answer = act(engine, held).then(() => seen.push("answered"));
    await settle(50);
    expect(syncs.waiting).toBe(1);
    expect(seen).toEqual([]);
    expect(engine.headPosition()).toBe(before.head);
    expect(await engine.jobs({ limit: 10 })).toEqual(before.jobs);
    expect(await engine.events({ afterPosition: before.head, limit: 10 })).toEqual([]);
    syncs.release();
    await answer;
    await settle();
    expect([...seen].sort()).toEqual(["answered", "tailed"]);
    expect(lines().length).toBeGreaterThan(before.head);
  });
});

describe("a disk that refuses a sync", () => {
  it("answers nobody, waiting or new, and stops the engine once", async () => {
    const syncs = new HeldSyncs();
    const { engine, disk, fatal } = await engineBench({ wrapDisk: syncs.wrap });
    await engine.submit(named("before"));
    syncs.hold();
    disk.failSyncs();
    const first = codeOf(engine.submit(named("first")));
    await settle();
    const second = codeOf(engine.submit(named("second")));
    await settle();
    syncs.release();
    expect([await first, await second]).toEqual(["sync_failed", "sync_failed"]);
    const { writes, syncs: count } = disk.counts;
    expect(await codeOf(engine.submit(named("third")))).toBe("sync_failed");
    expect(await codeOf(claimOne(engine))).toBe("sync_failed");
    expect(disk.counts).toMatchObject({ writes, syncs: count });
    expect(fatal.map(({ code }) => code)).toEqual(["sync_failed"]);
    expect((await engine.jobs({ limit: 10 })).map((job) => job.job_id)).toEqual(["before"]);
  });
});

describe("a disk that is full", () => {
  it("refuses each writer with no_space and says so in health, until there is room", async () => {
    const { engine, disk, fatal, facts } = await engineBench();
    await engine.submit(named("a"));
    disk.limit(100);
    const refused = ids(10).map((id) => codeOf(engine.submit(named(id))));
    expect(new Set(await Promise.all(refused))).toEqual(new Set(["no_space"]));
    expect(engine.health().reasons.join()).toContain("appends are refused");
    expect((await engine.jobs({ limit: 20 })).map((job) => job.job_id)).toEqual(["a"]);
    disk.limit(undefined);
    await Promise.all(ids(10).map((id) => engine.submit(named(id))));
    expect(engine.health().reasons).toEqual([]);
    expect(fatal).toEqual([]);
    expect(facts().accepted.size).toBe(11);
  });

  it("lets whoever only reads or is rejected through", async () => {
    const { engine, disk } = await engineBench();
    await engine.submit(named("a"));
    disk.limit(0);
    const again = await engine.submit(named("a"));
    expect(again).toMatchObject({ ok: true, value: { created: false } });
    expect(await engine.job("a")).toMatchObject({ status: "queued" });
  });
});

describe("too much waiting work", () => {
  it("is told to come back, and everything that waited is done", async () => {
    const syncs = new HeldSyncs();
    const { engine, lines } = await engineBench({ wrapDisk: syncs.wrap });
    syncs.hold();
    const first = engine.submit(named("first"));
    await settle();
    const many = Array.from({ length: 20_001 }, (_, i) =>
      engine.submit(named(`many-${i}`)).then(
        () => "done",
        (error: unknown) => (isFault(error) ? error.code : String(error)),
      ),
    );
    syncs.release();
    await first;
    const results = await Promise.all(many);
    expect(results.filter((result) => result === "overloaded")).toHaveLength(1);
    expect(results.filter((result) => result === "done")).toHaveLength(20_000);
    expect(lines()).toHaveLength(20_001);
  });
});

describe("exclusive work", () => {
  it("runs between two commits, never beside one", async () => {
    const syncs = new HeldSyncs();
    const { engine, lines } = await engineBench({ wrapDisk: syncs.wrap });
    const written: number[] = [];
    syncs.hold();
    const before = engine.submit(named("a"));
    await settle();
    const { promise: done, resolve: finish } = Promise.withResolvers<void>();
    const exclusive = engine.exclusive(async () => {
      // The commit before it is durable and told of.
      written.push(syncs.waiting, engine.headPosition());
      await done;
      written.push(lines().length);
    });
    await settle();
    expect(written).toEqual([]);
    syncs.release();
    await before;
    const after = engine.submit(named("b"));
    await settle(50);
    expect(written).toEqual([0, 1]);
    finish();
    await Promise.all([exclusive, after]);
    expect(written).toEqual([0, 1, 1]);
    expect(lines()).toHaveLength(2);
  });
});
