import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Fault } from "../../src/errors/fault.ts";
import {
  NO_OPERATIONS,
  SECRET,
  type WireDaemon,
  wireDaemon,
} from "../../test/support/wire-daemon.ts";
import { type Client, createClient, type Job, type WorkerOptions } from "../src/client.ts";
import { until } from "./fake-daemon.ts";

let daemon: WireDaemon;
let client: Client;

beforeAll(async () => {
  daemon = await wireDaemon();
  client = createClient({ url: await daemon.listen(), token: SECRET });
});
afterAll(() => daemon.close());

async function submitted(job_type: string, count: number): Promise<string[]> {
  const requests = Array.from({ length: count }, (_, i) => ({ job_type, payload: { i } }));
  const results = await client.submitBatch(requests);
  return results.map((result) => (result.accepted ? result.job_id : result.error));
}

function work(options: Omit<WorkerOptions, "signal">): { ends: { id: string; how: string }[] } {
  const ends: { id: string; how: string }[] = [];
  const worker = client.worker({
    ...options,
    onOutcome: (job, how) => ends.push({ id: job.job_id, how }),
  });
  onTestFinished(() => worker.stop());
  return { ends };
}

describe("the client and a real daemon", () => {
  test("a job goes from submit to its artifacts", async () => {
    const { job_id } = await client.submit({ job_type: "rpi.run", payload: { goal: "x" } });
    const { ends } = work({
      types: ["rpi.run"],
      handler: async (job, held) => {
        await held.artifact("report", `about ${JSON.stringify(job.payload)}`);
        await held.heartbeat({ step: "two" });
        held.log("a line");
        return { artifacts: { branch: "main" } };
      },
    });
    await until(() => ends.length === 1);
    const job = await client.job(job_id);
    expect(job).toMatchObject({ status: "completed", attempt: 1 });
    expect(job.artifacts).toMatchObject({ step: "two", branch: "main" });
    const report = await client.getArtifact(job_id, "report");
    expect(new TextDecoder().decode(report)).toBe('about {"goal":"x"}');
    expect(new TextDecoder().decode(await client.getArtifact(job_id, "log"))).toBe("a line\n");
  });

  test("three hundred jobs through one worker are each completed exactly once", async () => {
    const ids = await submitted("dream.run", 300);
    const handled: string[] = [];
    const { ends } = work({
      types: ["dream.run"],
      concurrency: 64,
      handler: (job) => void handled.push(job.job_id),
    });
    await until(() => ends.length === 300);
    expect(handled.toSorted()).toEqual(ids.toSorted());
    const page: Job[] = [];
    for await (const job of client.jobs({ type: "dream.run", limit: 7 })) page.push(job);
    expect(page.map((job) => job.status)).toEqual(Array(300).fill("completed"));
  });

  test("a cancel aborts the handler long before its next heartbeat", async () => {
    const [id = ""] = await submitted("wiki.forge", 1);
    let started = false;
    const { ends } = work({
      types: ["wiki.forge"],
      handler: (_job, { signal }) => {
        started = true;
        return new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      },
    });
    await until(() => started);
    const answer = await client.cancel({ job_id: id, reason: "enough" });
    expect(answer).toMatchObject({ cancelled: true, outcome: "cancelled" });
    await until(() => ends.length === 1);
    expect(ends).toEqual([{ id, how: "lost" }]);
    expect((await client.job(id)).status).toBe("cancelled");
  });

  test("a stale holder is refused and writes nothing", async () => {
    const [id = ""] = await submitted("wiki.build", 1);
    const { jobs } = await client.claim({ types: ["wiki.build"], lease_ms: 60_000 });
    const [job] = jobs;
    const stale = { job_id: id, claim_token: "not-the-token", lease_epoch: job?.lease_epoch ?? 0 };
    await expect(client.heartbeat(stale)).rejects.toMatchObject({ code: "claim_mismatch" });
    await expect(client.complete(stale)).rejects.toMatchObject({ status: 409 });
    const hold = { ...stale, claim_token: job?.claim_token ?? "" };
    await client.complete(hold);
    // Its first answer might have been lost: the same holder gets the same yes.
    expect((await client.complete(hold)).status).toBe("completed");
    expect(await client.completeBatch([stale])).toMatchObject([
      { ok: false, code: "job_terminal" },
    ]);
  });

  test("a tail from the start has every event once, and goes on with what happens", async () => {
    const before: string[] = [];
    for await (const event of client.events()) before.push(event.event_id);
    const seen: string[] = [];
    for await (const event of client.tail()) {
      seen.push(event.event_id);
      if (seen.length === before.length) void client.submit({ job_type: "rpi.phase" });
      if (event.job_id.includes("rpi_phase")) break;
    }
    expect(seen.slice(0, before.length)).toEqual(before);
    expect(seen).toHaveLength(before.length + 1);
  });

  test("reads, OpenClaw and operating routes answer in their types", async () => {
    expect(await client.health()).toMatchObject({ status: "ok" });
    expect((await client.status({ limit: 1 })).queue.jobs).toHaveLength(1);
    expect((await client.openclaw.snapshot()).resources.jobs.length).toBeGreaterThan(300);
    expect((await client.openclaw.health()).ready).toBe(true);
    expect((await client.openclaw.wiki()).length).toBeGreaterThan(0);
    expect((await client.openclaw.runs()).length).toBeGreaterThan(0);
    expect((await client.openclaw.jobs()).length).toBeGreaterThan(0);
    const triggered = await client.openclaw.trigger({ job_type: "openclaw.snapshot" });
    expect(triggered).toMatchObject({ accepted: true, job_type: "openclaw.snapshot" });
  });

  test("an operation tells how far it is, and then what came of it", async () => {
    const busy = await wireDaemon({
      operate: {
        ...NO_OPERATIONS,
        rebuild: async (onProgress) => {
          onProgress?.(1, 4);
          return { events: 3, jobs: 2, ms: 1 };
        },
        verify: async () => {
          throw new Fault("projection_unavailable", "the projections are gone");
        },
      },
    });
    onTestFinished(() => busy.close());
    const operator = createClient({ url: await busy.listen(), token: SECRET });
    const seen: (readonly [number, number])[] = [];
    const report = await operator.rebuild({
      onProgress: (done, total) => seen.push([done, total]),
    });
    expect([seen, report]).toEqual([[[1, 4]], { events: 3, jobs: 2, ms: 1 }]);
    await expect(operator.verify()).rejects.toMatchObject({ code: "projection_unavailable" });
    expect(await operator.repair()).toEqual({ moved: [] });
  });

  test("a client without a token reads and may not write", async () => {
    const reader = createClient({ url: client.url });
    expect((await reader.ready()).ready).toBe(true);
    const submit = reader.submit({ job_type: "rpi.run" });
    await expect(submit).rejects.toMatchObject({ status: 403 });
  });
});
