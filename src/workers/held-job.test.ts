import { expect, it } from "vitest";
import { Fault } from "../errors/fault.ts";
import { rejection } from "../errors/rejection.ts";
import type { JobState } from "../kernel/job/state.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { err, ok } from "../lib/result.ts";
import type { Executor, JobContext, Outcome } from "./executor.ts";
import { HeldJob, type HoldEngine } from "./held-job.ts";

const JOB: JobState = {
  seq: 1,
  job_id: "job-1",
  job_type: "rpi.run",
  request_id: "req-1",
  request_ids: ["req-1"],
  status: "running",
  attempt: 1,
  max_attempts: 3,
  claim_token: "token",
  lease_epoch: 1,
  last_event_id: "evt",
  created_at: "2026-01-01T00:00:00.000Z",
  updated_at: "2026-01-01T00:00:00.000Z",
};

/** Notes what it is asked and answers as told. */
class FakeEngine implements HoldEngine {
  readonly asked: { readonly verb: string; readonly artifacts: unknown }[] = [];
  answers: (() => ReturnType<HoldEngine["complete"]>)[] = [];

  heartbeat: HoldEngine["heartbeat"] = (input) => this.#answer("heartbeat", input.artifacts);
  complete: HoldEngine["complete"] = (input) => this.#answer("complete", input.artifacts);
  fail: HoldEngine["fail"] = (input) => this.#answer("fail", input.artifacts);
  release: HoldEngine["release"] = (input) => this.#answer("release", input.artifacts);

  async #answer(verb: string, artifacts: unknown): ReturnType<HoldEngine["complete"]> {
    this.asked.push({ verb, artifacts });
    const answer = this.answers.shift();
    return answer === undefined ? ok(JOB) : answer();
  }
}

function hold(
  engine: HoldEngine,
  run: (context: JobContext) => Promise<Outcome>,
  over: { readonly job?: JobState; readonly clock?: Clock } = {},
): HeldJob {
  const executor: Executor = { types: { "rpi.run": 1 }, run: (_job, context) => run(context) };
  return new HeldJob({
    engine,
    executor,
    job: JOB,
    heartbeatMs: 60_000,
    actor: "tester",
    clock: systemClock,
    log: () => undefined,
    ...over,
  });
}

const full = async (): Promise<never> => {
  throw new Fault("no_space", "the disk is full");
};

it("tries an outcome again until the disk takes it", async () => {
  const engine = new FakeEngine();
  engine.answers = [full, full];
  let isWritten: boolean | undefined;
  await hold(engine, async () => ({
    kind: "completed",
    settled: async (written) => void (isWritten = written),
  })).done;
  expect(engine.asked.map(({ verb }) => verb)).toEqual(["complete", "complete", "complete"]);
  expect(isWritten).toBe(true);
});

it("gives up when the lease goes while it tries", async () => {
  const engine = new FakeEngine();
  const held = hold(engine, async () => ({ kind: "completed" }));
  engine.answers = Array.from({ length: 50 }, () => async () => {
    held.stop({ why: "lost" });
    return full();
  });
  await held.done;
  expect(engine.asked).toHaveLength(1);
});

it("carries an announcement that could not be written to the outcome", async () => {
  const engine = new FakeEngine();
  engine.answers = [full];
  await hold(engine, async (context) => {
    await context.announce({ artifacts: { session_id: "s" } });
    return { kind: "completed", artifacts: { done: "yes" } };
  }).done;
  expect(engine.asked).toEqual([
    { verb: "heartbeat", artifacts: { session_id: "s" } },
    { verb: "complete", artifacts: { session_id: "s", done: "yes" } },
  ]);
});

it("stops its run and writes nothing more when a heartbeat is refused", async () => {
  const engine = new FakeEngine();
  engine.answers = [async () => err(rejection("claim_mismatch", "stale"))];
  let why: string | undefined;
  await hold(engine, async (context) => {
    await context.announce({});
    why = context.stop()?.why;
    expect(context.signal.aborted).toBe(true);
    return { kind: "completed" };
  }).done;
  expect(why).toBe("lost");
  expect(engine.asked.map(({ verb }) => verb)).toEqual(["heartbeat"]);
});

it("stops its run when no heartbeat gets through until its lease has lapsed", async () => {
  const engine = new FakeEngine();
  const ends = Date.parse("2026-01-01T00:01:00.000Z");
  let now = ends - 1;
  const clock = { ...systemClock, now: () => now };
  const why: (string | undefined)[] = [];
  engine.answers = [full, full];
  const run = async (context: JobContext): Promise<Outcome> => {
    await context.announce({});
    why.push(context.stop()?.why);
    now = ends;
    await context.announce({});
    why.push(context.stop()?.why);
    return { kind: "completed" };
  };
  const job = { ...JOB, lease_expires_at: "2026-01-01T00:01:00.000Z" };
  await hold(engine, run, { job, clock }).done;
  expect(why).toEqual([undefined, "lost"]);
  expect(engine.asked.map(({ verb }) => verb)).toEqual(["heartbeat", "heartbeat"]);
});

it("does not begin when it is stopped first, and hands the job back unused", async () => {
  const engine = new FakeEngine();
  let ran = false;
  const held = hold(engine, async () => {
    ran = true;
    return { kind: "completed" };
  });
  held.stop({ why: "drain" });
  await held.done;
  expect(ran).toBe(false);
  expect(engine.asked.map(({ verb }) => verb)).toEqual(["release"]);
});
