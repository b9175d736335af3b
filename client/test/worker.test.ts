import { describe, expect, onTestFinished, test } from "vitest";
import {
  createClient,
  type Handler,
  HandlerFailure,
  type Worker,
  type WorkerOptions,
} from "../src/client.ts";
import { until } from "./fake-daemon.ts";
import { type FakeWork, fakeWork } from "./fake-work.ts";

function start(
  work: FakeWork,
  options: Partial<WorkerOptions> & Pick<WorkerOptions, "handler">,
): Worker {
  const worker = createClient({ url: work.url, retries: 2 }).worker({
    types: ["rpi.run"],
    drainMs: 200,
    ...options,
  });
  onTestFinished(() => worker.stop().catch(() => undefined));
  return worker;
}

/** A handler that ends only when its signal fires, by throwing. */
const untilAborted: (...taken: Parameters<Handler>) => Promise<undefined> = (_job, { signal }) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `j${i}`);

describe("claiming", () => {
  test("a worker never has more jobs than hands, and never asks for more", async () => {
    const work = await fakeWork(names(20));
    let now = 0;
    let most = 0;
    start(work, {
      concurrency: 3,
      handler: async () => {
        now += 1;
        most = Math.max(most, now);
        await new Promise((resolve) => setTimeout(resolve, 5));
        now -= 1;
      },
    });
    await until(() => work.completed.length === 20);
    expect(most).toBe(3);
    expect(Math.max(...work.asked)).toBe(3);
    expect(work.completed.toSorted()).toEqual(names(20).toSorted());
  });

  test("while every hand is busy no claim is under way", async () => {
    const work = await fakeWork(["a", "b", "c"]);
    const worker = start(work, { concurrency: 2, handler: untilAborted });
    await until(() => worker.active === 2);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(work.asked).toEqual([2]);
  });

  test("a worker without the capability is refused for good", async () => {
    const work = await fakeWork([]);
    const worker = createClient({ url: `${work.url}/nowhere` }).worker({
      types: ["rpi.run"],
      handler: () => undefined,
    });
    await expect(worker.done).rejects.toMatchObject({ status: 404 });
  });
});

describe("outcomes", () => {
  test("jobs that end together are completed together", async () => {
    const work = await fakeWork(names(10));
    start(work, { concurrency: 10, handler: (job) => ({ artifacts: { of: job.job_id } }) });
    await until(() => work.completed.length === 10);
    expect(work.batches).toEqual([names(10)]);
    const [request] = work.of("POST /v1/jobs:complete");
    expect(request?.body.jobs[3]).toEqual({
      job_id: "j3",
      claim_token: "token-j3",
      lease_epoch: 1,
      artifacts: { of: "j3" },
    });
  });

  test("a thrown error fails the job with its message", async () => {
    const work = await fakeWork(["a"]);
    start(work, {
      handler: () => {
        throw new Error("no such branch");
      },
    });
    await until(() => work.bodies("a", "fail").length === 1);
    expect(work.bodies("a", "fail")[0]).toMatchObject({
      claim_token: "token-a",
      failure: { code: "request_rejected", message: "no such branch", retryable: false },
    });
  });

  test("a failure that may be retried hands the job back and uses the attempt up", async () => {
    const work = await fakeWork(["a"]);
    start(work, {
      handler: () => {
        throw new HandlerFailure("provider_unreachable", "503 from the model", { retryable: true });
      },
    });
    await until(() => work.bodies("a", "release").length === 1);
    expect(work.bodies("a", "release")[0]).toMatchObject({
      refund_attempt: false,
      failure: { code: "provider_unreachable", message: "503 from the model" },
    });
  });

  test("artifacts and the log travel with the outcome", async () => {
    const work = await fakeWork(["a"]);
    start(work, {
      handler: async (_job, context) => {
        await context.artifact("report", "four");
        context.log("one");
        context.log("two");
      },
    });
    await until(() => work.completed.length === 1);
    const [put] = work.of("PUT /v1/jobs/a/artifacts/log");
    expect(put?.text).toBe("one\ntwo\n");
    expect(put?.headers).toMatchObject({
      "keelson-claim-token": "token-a",
      "keelson-lease-epoch": "1",
    });
    const refs = work.of("POST /v1/jobs:complete")[0]?.body.jobs[0]?.artifact_refs;
    expect(refs).toMatchObject({ report: { size: 4 }, log: { size: 8 } });
  });

  test("a failure that is refused on its second try because the first one counted is a failure", async () => {
    const work = await fakeWork(["a"]);
    const outcomes: string[] = [];
    work.fail = ({ json }) => json(409, { error: "job is already failed", code: "job_terminal" });
    start(work, {
      handler: () => Promise.reject(new Error("no")),
      onOutcome: (_job, outcome) => outcomes.push(outcome),
    });
    await until(() => outcomes.length === 1);
    expect(outcomes).toEqual(["failed"]);
  });
});

describe("leases", () => {
  test("heartbeats go out at a third of the lease and keep a long job", async () => {
    const work = await fakeWork(["a"], 1_500);
    let finish = (): void => undefined;
    const outcomes: string[] = [];
    start(work, {
      handler: () => new Promise<void>((resolve) => (finish = resolve)),
      onOutcome: (_job, outcome) => outcomes.push(outcome),
    });
    // Four beats are more than one whole lease.
    await until(() => work.bodies("a", "heartbeat").length >= 4);
    finish();
    await until(() => outcomes.length === 1);
    expect(outcomes).toEqual(["completed"]);
    expect(work.bodies("a", "heartbeat")[0]).toMatchObject({
      claim_token: "token-a",
      lease_ms: 1_500,
    });
  });

  test("a cancel reaches the handler at once, and nothing more is written", async () => {
    const work = await fakeWork(["a"]);
    const outcomes: string[] = [];
    let reason: unknown;
    const worker = start(work, {
      handler: async (job, context) => {
        await untilAborted(job, context).catch(() => undefined);
        reason = context.signal.reason;
      },
      onOutcome: (_job, outcome) => outcomes.push(outcome),
    });
    await until(() => worker.active === 1 && work.tails === 1);
    work.tell("job.cancelled", "other");
    work.tell("job.cancelled", "a", { reason: "operator stop" });
    await until(() => outcomes.length === 1);
    expect(reason).toMatchObject({ message: "the job was cancelled: operator stop" });
    expect(outcomes).toEqual(["lost"]);
    expect(work.bodies("a", "heartbeat")).toEqual([]);
    expect(work.completed).toEqual([]);
    expect(work.bodies("a", "fail")).toEqual([]);
  });

  test("an expiry of an earlier epoch is not about this holder", async () => {
    const work = await fakeWork(["a"]);
    const reasons: unknown[] = [];
    const worker = start(work, {
      handler: (_job, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => resolve(void reasons.push(signal.reason)));
        }),
    });
    await until(() => worker.active === 1 && work.tails === 1);
    work.tell("job.lease_expired", "a", { lease_epoch: 0 });
    work.tell("job.cancelled", "a", { reason: "stop" });
    await until(() => reasons.length === 1);
    expect(reasons).toMatchObject([{ message: "the job was cancelled: stop" }]);
    expect(work.bodies("a", "fail")).toEqual([]);
  });

  test("a refused heartbeat aborts the handler and nothing more is written", async () => {
    const work = await fakeWork(["a"], 150);
    work.heartbeat = ({ json }) => json(409, { error: "stale", code: "claim_mismatch" });
    const outcomes: string[] = [];
    start(work, { handler: untilAborted, onOutcome: (_job, outcome) => outcomes.push(outcome) });
    await until(() => outcomes.length === 1);
    expect(outcomes).toEqual(["lost"]);
    expect(work.bodies("a", "fail")).toEqual([]);
    expect(work.bodies("a", "release")).toEqual([]);
  });

  test("when no heartbeat gets through for a whole lease the job is given up", async () => {
    const work = await fakeWork(["a"], 200);
    work.heartbeat = ({ drop }) => drop();
    const outcomes: string[] = [];
    start(work, { handler: untilAborted, onOutcome: (_job, outcome) => outcomes.push(outcome) });
    await until(() => outcomes.length === 1);
    expect(outcomes).toEqual(["lost"]);
    expect(work.bodies("a", "fail")).toEqual([]);
  });
});

describe("stopping", () => {
  test("an unfinished job is handed back with its attempt, a finished one is completed", async () => {
    const work = await fakeWork(["heeds", "ends"]);
    const controller = new AbortController();
    const worker = start(work, {
      concurrency: 2,
      signal: controller.signal,
      handler: async (job, context) => {
        const aborted = untilAborted(job, context);
        if (job.job_id === "heeds") await aborted;
        else await aborted.catch(() => undefined);
      },
    });
    await until(() => worker.active === 2);
    controller.abort();
    await worker.done;
    expect(work.bodies("heeds", "release")[0]).toMatchObject({ refund_attempt: true });
    expect(work.completed).toEqual(["ends"]);
    expect(worker.active).toBe(0);
  });

  test("a handler that does not end is not waited for longer than the drain", async () => {
    const work = await fakeWork(["deaf"]);
    const worker = start(work, { handler: () => new Promise<void>(() => undefined), drainMs: 30 });
    await until(() => worker.active === 1);
    await worker.stop();
    expect(work.bodies("deaf", "release")[0]).toMatchObject({ refund_attempt: true });
  });

  test("an idle worker stops although its claim is waiting", async () => {
    const work = await fakeWork([]);
    const worker = start(work, { handler: () => undefined });
    await until(() => work.asked.length === 1);
    await worker.stop();
    await until(() => work.tails === 0);
  });
});
