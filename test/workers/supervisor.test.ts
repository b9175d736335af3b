import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Executor, JobContext, Outcome } from "../../src/workers/executor.ts";
import { agent, eventually, isAlive, WorkerBench } from "../support/worker-bench.ts";

let bench: WorkerBench;
afterEach(() => bench.close());

/** Runs wiki.build by calling a function. */
function executor(
  run: (context: JobContext, attempt: number) => Promise<Outcome>,
  width: number = 1,
): Executor {
  return { types: { "wiki.build": width }, run: (job, context) => run(context, job.attempt) };
}

const DONE: Outcome = { kind: "completed" };

function aborted(context: JobContext): Promise<void> {
  return new Promise((resolve) => {
    if (context.signal.aborted) resolve();
    context.signal.addEventListener("abort", () => resolve());
  });
}

/** Heartbeats so far apart that none can be what told the worker. */
const NO_HEARTBEAT = { heartbeatMs: 600_000, leaseMs: 1_800_000 };

describe("a cancel", () => {
  it("stops the agent and its grandchildren at once, and nothing is written after it", async () => {
    bench = await WorkerBench.start({
      ...NO_HEARTBEAT,
      jobs: { "rpi.run": { command: agent("family", "deaf"), grace_s: 0.1 } },
    });
    const id = await bench.submit("rpi.run", { goal: "g" });
    const pids = await bench.pids();
    await bench.engine.cancel({ job_id: id, actor: "tester" });
    await eventually(() => bench.supervisor.running() === 0 || undefined);
    expect(pids.filter(isAlive)).toEqual([]);
    const job = await bench.job(id);
    expect(job.status).toBe("cancelled");
    expect(bench.engine.lag().last_event_id).toBe(job.last_event_id);
    expect(readdirSync(join(bench.root, ".agents/daemon/children"))).toEqual([]);
    expect(existsSync(join(bench.root, job.artifacts?.["attempt_1_transcript"] ?? "none"))).toBe(
      true,
    );
  });

  it("lets the next job of the type begin", async () => {
    bench = await WorkerBench.start({
      ...NO_HEARTBEAT,
      executors: [executor(async (context) => (await aborted(context), DONE))],
    });
    const first = await bench.submit("wiki.build");
    const second = await bench.submit("wiki.build");
    await eventually(async () => (await bench.job(first)).status === "running" || undefined);
    expect((await bench.job(second)).status).toBe("queued");
    await bench.engine.cancel({ job_id: first, actor: "tester" });
    await eventually(async () => (await bench.job(second)).status === "running" || undefined);
  });
});

describe("a drain", () => {
  it("stops the agent and hands its job back with the attempt refunded", async () => {
    bench = await WorkerBench.start({ jobs: { "rpi.run": { command: agent("polite") } } });
    const id = await bench.submit("rpi.run", { goal: "g" });
    const pids = await bench.pids();
    await bench.supervisor.drain(5000);
    expect(pids.filter(isAlive)).toEqual([]);
    const job = await bench.job(id);
    expect(job).toMatchObject({ status: "retry_waiting", attempt: 0 });
    expect(job.artifacts?.["attempt_1_failure"]).toContain("handed back");
    expect(await bench.text(job, "attempt_1_transcript")).toBe("");
  });

  it("takes the job from an executor that does not stop", async () => {
    bench = await WorkerBench.start({
      executors: [executor(() => new Promise(() => undefined))],
      drainSlackMs: 50,
    });
    const id = await bench.submit("wiki.build");
    await eventually(async () => (await bench.job(id)).status === "running" || undefined);
    await bench.supervisor.drain(10);
    expect(await bench.job(id)).toMatchObject({ status: "retry_waiting", attempt: 0 });
  });

  it("lets the attempt be begun again under its number, knowing the one before", async () => {
    bench = await WorkerBench.start({ jobs: { "rpi.run": { command: agent("polite") } } });
    const id = await bench.submit("rpi.run", { goal: "g" });
    await bench.pids();
    await bench.stop();
    const { root } = bench;
    bench = await WorkerBench.start({ root, jobs: { "rpi.run": { command: agent("die", "1") } } });
    const job = await bench.ended(id);
    expect(job).toMatchObject({ status: "completed", attempt: 1 });
    const seen = JSON.parse(await bench.text(job, "seen.json"));
    expect(seen.previous).toMatchObject({ attempt: 1 });
    expect(seen.previous.failure).toContain("the daemon was shut down");
  });
});

describe("an executor", () => {
  it("that throws fails its job, and the next job runs", async () => {
    let calls = 0;
    bench = await WorkerBench.start({
      executors: [
        executor(async () => {
          calls += 1;
          if (calls === 1) throw new TypeError("it broke");
          return DONE;
        }),
      ],
    });
    const broken = await bench.run("wiki.build");
    expect(broken.failure).toMatchObject({
      code: "request_rejected",
      message: "the executor failed: it broke",
    });
    expect((await bench.run("wiki.build")).status).toBe("completed");
  });

  it("is kept alive by heartbeats beyond the length of one lease", async () => {
    bench = await WorkerBench.start({
      leaseMs: 300,
      heartbeatMs: 50,
      executors: [
        executor(async () => {
          await new Promise((resolve) => setTimeout(resolve, 1000));
          return DONE;
        }),
      ],
    });
    expect(await bench.run("wiki.build")).toMatchObject({ status: "completed", attempt: 1 });
  });

  it("whose lease lapsed is stopped before its job runs here again", async () => {
    let running = 0;
    let most = 0;
    bench = await WorkerBench.start({
      leaseMs: 200,
      // No heartbeat in time: the lease lapses.
      heartbeatMs: 60_000,
      executors: [
        executor(async (context, attempt) => {
          running += 1;
          most = Math.max(most, running);
          if (attempt === 1) {
            await aborted(context);
            await new Promise((resolve) => setTimeout(resolve, 100));
          }
          running -= 1;
          return DONE;
        }, 2),
      ],
    });
    const job = await bench.run("wiki.build");
    expect(job).toMatchObject({ status: "completed", attempt: 2 });
    expect(most).toBe(1);
  });

  it("runs as many jobs at once as its width, and no more", async () => {
    let running = 0;
    let most = 0;
    bench = await WorkerBench.start({
      executors: [
        executor(async () => {
          running += 1;
          most = Math.max(most, running);
          await new Promise((resolve) => setTimeout(resolve, 50));
          running -= 1;
          return DONE;
        }, 3),
      ],
    });
    const ids = await Promise.all(Array.from({ length: 9 }, () => bench.submit("wiki.build")));
    await Promise.all(ids.map((id) => bench.ended(id)));
    expect(most).toBe(3);
  });
});

describe("what an announcement says", () => {
  it("is on the job while it runs, and stays when it ends", async () => {
    bench = await WorkerBench.start({
      executors: [
        executor(async (context) => {
          await context.announce({ artifacts: { step: "one" } });
          await aborted(context);
          return DONE;
        }),
      ],
    });
    const id = await bench.submit("wiki.build");
    await eventually(async () => (await bench.job(id)).artifacts?.["step"] === "one" || undefined);
    await bench.engine.cancel({ job_id: id, actor: "tester" });
    expect((await bench.ended(id)).artifacts).toEqual({ step: "one" });
  });
});

describe("types without a command", () => {
  it("stay queued, and health says so", async () => {
    bench = await WorkerBench.start({ jobs: { "rpi.run": { command: agent("echo") } } });
    const id = await bench.submit("dream.run", { goal: "g" });
    await bench.run("rpi.run", { goal: "g" });
    expect((await bench.job(id)).status).toBe("queued");
    expect(await bench.engine.withoutWorker()).toEqual({ "dream.run": 1 });
    expect(bench.supervisor.types).toEqual(["rpi.run"]);
  });
});

it("keeps claim tokens out of what lies on disk for the agent", async () => {
  bench = await WorkerBench.start({ jobs: { "rpi.run": { command: agent("polite") } } });
  const id = await bench.submit("rpi.run", { goal: "g" });
  await bench.pids();
  const dir = join(bench.root, ".agents/daemon/attempts", id, "attempt-1");
  expect(readFileSync(join(dir, "job.json"), "utf8")).not.toContain("claim_token");
});
