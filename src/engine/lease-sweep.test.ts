/** Leases under a wall clock that somebody sets, back and forth, while workers hold jobs. */
import { beforeEach, describe, expect, it } from "vitest";
import { type EngineBench, engineBench } from "../../test/support/engine-bench.ts";
import { settle } from "../../test/support/virtual-clock.ts";
import type { ClaimInput, HoldInput } from "./engine.ts";

const HOUR = 3_600_000;
const LEASE = 60_000;
const SWEEP = 1_000;
const ACTOR = "tester";

let bench: EngineBench;
beforeEach(async () => {
  bench = await engineBench();
});

async function submit(id: string): Promise<void> {
  await bench.engine.submit({ job_type: "rpi.run", job_id: id, actor: ACTOR });
}

async function claim(over: Partial<ClaimInput> = {}): Promise<readonly HoldInput[]> {
  const input = { types: ["rpi.run"], max: 1, waitMs: 0, actor: ACTOR, ...over };
  const jobs = await bench.engine.claim(input);
  return jobs.map(({ job_id, claim_token = "", lease_epoch }) => ({
    job_id,
    claim_token,
    lease_epoch,
    actor: ACTOR,
  }));
}

/** Lets machine time pass, second by second, with everything that falls due in it. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= SWEEP) {
    bench.clock.advance(Math.min(left, SWEEP));
    await settle(4);
  }
}

async function codeOf(act: ReturnType<EngineBench["engine"]["complete"]>): Promise<string> {
  const answer = await act;
  return answer.ok ? "ok" : answer.error.code;
}

async function statusOf(id: string): Promise<string | undefined> {
  return (await bench.engine.job(id))?.status;
}

function typesIn(lines: readonly string[]): readonly string[] {
  return lines.map((line) => (JSON.parse(line) as { event_type: string }).event_type);
}

describe("a lease", () => {
  it("that is renewed runs on, and one that is not ends once, by itself", async () => {
    await submit("a");
    const [held] = await claim();
    if (held === undefined) throw new Error("nothing claimed");
    await pass(LEASE - SWEEP);
    expect(await codeOf(bench.engine.heartbeat(held))).toBe("ok");
    await pass(LEASE - SWEEP);
    expect(await statusOf("a")).toBe("running");
    await pass(2 * SWEEP);
    expect(await statusOf("a")).toBe("retry_waiting");
    await pass(10 * SWEEP);
    expect(typesIn(bench.lines())).toEqual([
      "job.accepted",
      "job.claimed",
      "job.heartbeat",
      "job.lease_expired",
    ]);
  });

  it("uses up the attempts and then fails the job, with nobody asking", async () => {
    await submit("a");
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      expect(await claim()).toHaveLength(1);
      await pass(LEASE + SWEEP);
    }
    expect(await statusOf("a")).toBe("failed");
    expect(await claim()).toEqual([]);
    expect(bench.facts().ended.size).toBe(1);
  });
});

describe("a wall clock that is set forward by an hour", () => {
  it("ends running leases within a second, once, and the next holder is the only one", async () => {
    await submit("a");
    const [first] = await claim();
    if (first === undefined) throw new Error("nothing claimed");
    bench.clock.jump(HOUR);
    await pass(SWEEP);
    expect(typesIn(bench.lines()).at(-1)).toBe("job.lease_expired");
    const [second] = await claim();
    expect(second?.lease_epoch).toBe(2);
    const before = bench.lines().length;
    for (const act of ["heartbeat", "complete"] as const) {
      expect(await codeOf(bench.engine[act](first))).toBe("claim_mismatch");
    }
    expect(bench.lines()).toHaveLength(before);
    expect(await codeOf(bench.engine.complete(second ?? first))).toBe("ok");
    bench.facts();
  });

  it("refuses the holder even before the lapse was written down", async () => {
    await submit("a");
    const [held] = await claim();
    if (held === undefined) throw new Error("nothing claimed");
    bench.clock.jump(HOUR);
    expect(await codeOf(bench.engine.complete(held))).toBe("lease_expired");
    expect(await statusOf("a")).toBe("retry_waiting");
    expect(bench.lines()).toHaveLength(2);
    await pass(SWEEP);
    expect(await claim()).toMatchObject([{ job_id: "a", lease_epoch: 2 }]);
    bench.facts();
  });

  it("neither shortens nor ends the wait of a worker for work", async () => {
    let answer: readonly HoldInput[] | undefined;
    void claim({ waitMs: 30_000 }).then((jobs) => (answer = jobs));
    await settle();
    bench.clock.jump(HOUR);
    await pass(29_000);
    expect(answer).toBeUndefined();
    await submit("a");
    await settle();
    expect(answer).toMatchObject([{ job_id: "a" }]);
  });
});

describe("a wall clock that is set back by an hour", () => {
  it("leaves the holder its lease, to renew and to complete under", async () => {
    await submit("a");
    const [held] = await claim();
    if (held === undefined) throw new Error("nothing claimed");
    bench.clock.jump(-HOUR);
    await pass(2 * LEASE);
    expect(await claim()).toEqual([]);
    expect(await codeOf(bench.engine.heartbeat(held))).toBe("ok");
    // From here on the lease is counted by the clock as it is now.
    await pass(LEASE + SWEEP);
    expect(await statusOf("a")).toBe("retry_waiting");
    expect(await codeOf(bench.engine.complete(held))).toBe("claim_mismatch");
    bench.facts();
  });

  it("still ends the wait of a worker for work in time", async () => {
    let answer: readonly HoldInput[] | undefined;
    void claim({ waitMs: 5_000 }).then((jobs) => (answer = jobs));
    await settle();
    bench.clock.jump(-HOUR);
    await pass(5_000);
    expect(answer).toEqual([]);
  });

  it("gives nobody an id or a token that was given before", async () => {
    const ids = new Set<string>();
    for (let round = 0; round < 6; round += 1) {
      const inputs = Array.from({ length: 200 }, () => ({ job_type: "rpi.run", actor: ACTOR }));
      for (const answer of await bench.engine.submitMany(inputs)) {
        if (answer.ok) ids.add(answer.value.job.job_id);
      }
      bench.clock.jump(-HOUR);
    }
    expect(ids.size).toBe(1_200);
    const held = await claim({ max: 256 });
    expect(new Set(held.map((job) => job.claim_token)).size).toBe(256);
    bench.facts();
  });
});

describe("a wall clock that swings back and forth", () => {
  it("never gives a job two holders, nor loses what was acknowledged", async () => {
    for (let i = 1; i <= 10; i += 1) await submit(`job-${i}`);
    const completed = new Set<string>();
    let held: readonly HoldInput[] = [];
    for (let swing = 0; swing < 30; swing += 1) {
      bench.clock.jump(swing % 2 === 0 ? HOUR : -HOUR);
      await pass((swing % 3) * SWEEP);
      held = [...held, ...(await claim({ max: 3 }))];
      for (const [index, job] of held.entries()) {
        const act = (index + swing) % 4 === 0 ? "complete" : "heartbeat";
        const code = await codeOf(bench.engine[act](job));
        if (code === "ok" && act === "complete") completed.add(job.job_id);
      }
    }
    // Every law of a ledger, one holder an epoch among them, holds over all that was written.
    const { accepted, ended } = bench.facts();
    expect(accepted.size).toBe(10);
    expect(completed.size).toBeGreaterThan(0);
    for (const id of completed) {
      expect(ended.has(id)).toBe(true);
      expect(await statusOf(id)).toBe("completed");
    }
    expect(bench.fatal).toEqual([]);
  });
});
