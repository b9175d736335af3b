import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Fault } from "../../src/errors/fault.ts";
import { AUTH, NO_OPERATIONS, type WireDaemon, wireDaemon } from "../support/wire-daemon.ts";

let daemon: WireDaemon;
beforeEach(async () => {
  daemon = await wireDaemon();
});
afterEach(() => daemon.close());

interface Held {
  readonly job_id: string;
  readonly claim_token: string;
  readonly lease_epoch: number;
}

async function submit(jobId: string, jobType = "rpi.run"): Promise<void> {
  await daemon.post("/v1/jobs", { job_type: jobType, job_id: jobId });
}

async function claimed(max = 1): Promise<readonly Held[]> {
  return (await daemon.post("/v1/jobs/claim", { types: ["rpi.run"], max })).body.jobs;
}

/** Submits one job and takes it. */
async function held(jobId = "held"): Promise<Held> {
  await submit(jobId);
  const [job] = await claimed();
  return job as Held;
}

const fenceOf = ({ claim_token, lease_epoch }: Held): Omit<Held, "job_id"> => ({
  claim_token,
  lease_epoch,
});

describe("claiming", () => {
  it("hands out the oldest jobs of the types, at most max, with lease and heartbeat", async () => {
    for (const id of ["a", "b", "c"]) await submit(id);
    await submit("other", "dream.run");
    const body = { types: ["rpi.run"], max: 2, lease_ms: 8_000, worker: "w.1" };
    const answer = await daemon.post("/v1/jobs/claim", body);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ lease_ms: 8_000, heartbeat_ms: 2_000 });
    expect(answer.body.jobs.map((job: Held) => job.job_id)).toEqual(["a", "b"]);
    const [event] = daemon.ledger().slice(-1);
    expect(JSON.parse(event ?? "")).toMatchObject({ actor: "ao-http:legacy:w_1" });
  });

  it("answers an empty list when there is no work", async () => {
    const answer = await daemon.post("/v1/jobs/claim", { types: ["rpi.run"], wait_ms: 5 });
    expect(answer.body).toEqual({ jobs: [], lease_ms: 60_000, heartbeat_ms: 15_000 });
  });

  it.each([
    [{}, "invalid_json", "types"],
    [{ types: "rpi.run" }, "invalid_json", "types"],
    [{ types: [] }, "invalid_field", "types"],
    [{ types: ["nope"] }, "invalid_job_type", "job_type"],
    [{ types: ["rpi.run"], max: 0 }, "invalid_field", "max"],
    [{ types: ["rpi.run"], max: 257 }, "invalid_field", "max"],
    [{ types: ["rpi.run"], max: 1.5 }, "invalid_json", "max"],
    [{ types: ["rpi.run"], wait_ms: 60_001 }, "invalid_field", "wait_ms"],
    [{ types: ["rpi.run"], lease_ms: 10 }, "invalid_field", "lease_ms"],
  ])("refuses %j", async (body, code, field) => {
    const answer = await daemon.post("/v1/jobs/claim", body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code, field });
  });
});

describe("a holder", () => {
  it("extends its lease and adds artifacts", async () => {
    const job = await held();
    const answer = await daemon.post("/v1/jobs/held/heartbeat", {
      ...fenceOf(job),
      lease_ms: 120_000,
      artifacts: { log: "out/log.txt" },
    });
    expect(answer.status).toBe(200);
    expect(answer.body.job).toMatchObject({ status: "running", artifacts: { log: "out/log.txt" } });
  });

  it("completes, and is told the same again when its answer was lost", async () => {
    const job = await held();
    for (const _time of [1, 2]) {
      const answer = await daemon.post("/v1/jobs/held/complete", fenceOf(job));
      expect(answer.status).toBe(200);
      expect(answer.body.job.status).toBe("completed");
    }
    expect(daemon.ledger().filter((line) => line.includes("job.completed"))).toHaveLength(1);
  });

  it("fails with one of the contract's codes", async () => {
    const job = await held();
    const failure = { code: "lost", message: "no answer", retryable: true };
    const bad = await daemon.post("/v1/jobs/held/fail", {
      ...fenceOf(job),
      failure: { code: "my_own" },
    });
    expect(bad.status).toBe(400);
    expect(bad.body.field).toBe("failure.code");
    const answer = await daemon.post("/v1/jobs/held/fail", { ...fenceOf(job), failure });
    expect(answer.body.job).toMatchObject({ status: "failed", failure });
  });

  it("hands back with its attempt, or uses it up", async () => {
    const first = await daemon.post("/v1/jobs/held/release", fenceOf(await held()));
    expect(first.body.job).toMatchObject({ status: "retry_waiting", attempt: 0 });
    for (const attempt of [1, 2, 3]) {
      const [job] = await claimed();
      const answer = await daemon.post("/v1/jobs/held/release", {
        ...fenceOf(job as Held),
        refund_attempt: false,
        failure: { code: "lost", message: `try ${attempt}` },
      });
      expect(answer.status).toBe(200);
    }
    expect((await daemon.ask("/v1/jobs/held")).body).toMatchObject({
      status: "failed",
      failure: { code: "retry_exhausted" },
    });
  });

  it("may complete many in one request, each judged on its own", async () => {
    for (const id of ["a", "b", "c"]) await submit(id);
    const jobs = await claimed(3);
    const [a, b] = jobs;
    const answer = await daemon.post("/v1/jobs:complete", {
      jobs: [
        { job_id: "a", ...fenceOf(a as Held) },
        { job_id: "b", ...fenceOf(b as Held), lease_epoch: 9 },
        { job_id: "none", ...fenceOf(b as Held) },
      ],
    });
    expect(answer.status).toBe(200);
    expect(answer.body.results).toMatchObject([
      { job_id: "a", ok: true, status: "completed" },
      { job_id: "b", ok: false, code: "claim_mismatch" },
      { job_id: "none", ok: false, code: "job_not_found" },
    ]);
  });
});

describe("somebody who does not hold the job", () => {
  const ACTS = ["heartbeat", "complete", "fail", "release"] as const;

  async function act(name: string, jobId: string, fence: object): Promise<[number, string]> {
    const failure = { code: "lost" };
    const body = name === "fail" ? { ...fence, failure } : fence;
    const { status, body: answer } = await daemon.post(`/v1/jobs/${jobId}/${name}`, body);
    return [status, answer.code];
  }

  it.each(ACTS)("is refused and writes nothing: %s", async (name) => {
    const job = await held();
    const before = daemon.ledger().length;
    const wrongToken = { ...fenceOf(job), claim_token: "other" };
    expect(await act(name, "held", wrongToken)).toEqual([409, "claim_mismatch"]);
    const wrongEpoch = { ...fenceOf(job), lease_epoch: 2 };
    expect(await act(name, "held", wrongEpoch)).toEqual([409, "claim_mismatch"]);
    expect(await act(name, "none", fenceOf(job))).toEqual([404, "job_not_found"]);
    expect(daemon.ledger()).toHaveLength(before);
    await daemon.post("/v1/jobs/cancel", { job_id: "held" });
    expect(await act(name, "held", fenceOf(job))).toEqual([409, "job_terminal"]);
  });

  it.each([
    ["no fence", {}, "claim_token"],
    ["an epoch that is text", { claim_token: "x", lease_epoch: "1" }, "lease_epoch"],
    [
      "a broken reference",
      {
        claim_token: "x",
        lease_epoch: 1,
        artifact_refs: { log: { path: "p" } },
      },
      "artifact_refs.log.sha256",
    ],
    ["artifacts that are no map", { claim_token: "x", lease_epoch: 1, artifacts: [] }, "artifacts"],
  ])("is refused with %s", async (_what, body, field) => {
    await held();
    const answer = await daemon.post("/v1/jobs/held/complete", body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: "invalid json", field });
  });
});

describe("artifacts", () => {
  const BYTES = Buffer.from([0, 1, 2, 0xff, 0xfe, 10]);
  const put = async (job: Held, body: Buffer, name = "log"): ReturnType<WireDaemon["ask"]> =>
    daemon.ask(`/v1/jobs/${job.job_id}/artifacts/${name}`, {
      method: "PUT",
      body,
      headers: {
        ...AUTH,
        "content-type": "application/octet-stream",
        "keelson-claim-token": job.claim_token,
        "keelson-lease-epoch": String(job.lease_epoch),
      },
    });

  it("are stored for the holder, join the job when named, and come back byte for byte", async () => {
    const job = await held();
    const stored = await put(job, BYTES);
    expect(stored.status).toBe(200);
    const sha256 = createHash("sha256").update(BYTES).digest("hex");
    expect(stored.body).toMatchObject({ sha256, size: BYTES.length });
    const path = "/v1/jobs/held/artifacts/log";
    expect((await daemon.ask(path, { headers: AUTH })).body.code).toBe("artifact_not_found");
    await daemon.post("/v1/jobs/held/complete", {
      ...fenceOf(job),
      artifact_refs: { log: stored.body },
    });
    const got = await daemon.app.inject({ method: "GET", url: path, headers: AUTH });
    expect(got.statusCode).toBe(200);
    expect(got.rawPayload.equals(BYTES)).toBe(true);
    expect(got.headers["content-type"]).toBe("application/octet-stream");
    expect(got.headers["etag"]).toBe(`"${sha256}"`);
    expect((await daemon.ask(path)).status).toBe(403);
    const { artifacts, artifact_refs: refs } = (await daemon.ask("/v1/jobs/held")).body;
    expect(refs.log).toEqual(stored.body);
    expect(artifacts.log).toBe(stored.body.path);
  });

  it("are refused from anybody else", async () => {
    const job = await held();
    expect((await put({ ...job, claim_token: "x" }, BYTES)).body.code).toBe("claim_mismatch");
    expect((await put({ ...job, lease_epoch: 7 }, BYTES)).body.code).toBe("claim_mismatch");
    expect((await put({ ...job, job_id: "none" }, BYTES)).status).toBe(404);
    await daemon.post("/v1/jobs/cancel", { job_id: "held" });
    expect((await put(job, BYTES)).body.code).toBe("job_terminal");
  });

  it("have a largest size, whether it is announced or found out", async () => {
    const small = await wireDaemon({ http: { artifactBytesMax: 10, bodyBytesMax: 5 } });
    try {
      const base = await small.listen();
      await fetch(`${base}/v1/jobs`, { method: "POST", headers: AUTH, body: "{}" });
      await small.engine.submit({ job_type: "rpi.run", job_id: "j", actor: "test" });
      const [job] = await small.engine.claim({
        types: ["rpi.run"],
        max: 1,
        waitMs: 0,
        actor: "test",
      });
      const send = async (body: string | ReadableStream): Promise<number> => {
        const response = await fetch(`${base}/v1/jobs/j/artifacts/log`, {
          method: "PUT",
          body,
          duplex: "half",
          headers: {
            ...AUTH,
            "keelson-claim-token": job?.claim_token ?? "",
            "keelson-lease-epoch": "1",
          },
        });
        await response.text();
        return response.status;
      };
      const streamed = (bytes: number): ReadableStream => new Blob(["x".repeat(bytes)]).stream();
      expect(await send("x".repeat(11))).toBe(413);
      expect(await send(streamed(11))).toBe(413);
      expect(await send("x".repeat(10))).toBe(200);
      expect(await send(streamed(10))).toBe(200);
      expect(await send("x".repeat(5))).toBe(200);
    } finally {
      await small.close();
    }
  });
});

describe("a batch of submits", () => {
  it("is judged one by one and is one commit", async () => {
    await submit("first");
    const before = daemon.ledger().length;
    const answer = await daemon.post("/v1/jobs:batch", {
      jobs: [
        { job_type: "rpi.run", job_id: "one" },
        { job_type: "nope" },
        { job_type: "wiki.build", job_id: "one" },
        { job_type: "rpi.run", job_id: 7 },
        { job_type: "rpi.run", job_id: "first" },
        { job_type: "rpi.run", idempotency_key: "k".repeat(257) },
      ],
    });
    expect(answer.status).toBe(202);
    expect(answer.body.results).toMatchObject([
      { accepted: true, job_id: "one" },
      { accepted: false, code: "invalid_job_type", error: 'invalid job type "nope"' },
      { accepted: true, job_id: "one" },
      { accepted: false, code: "invalid_json", field: "job_id" },
      { accepted: true, job_id: "first" },
      { accepted: false, code: "key_too_long", max_bytes: 256, got_bytes: 257 },
    ]);
    expect(answer.headers["keelson-idempotency-mismatch"]).toBe("true");
    expect(daemon.ledger()).toHaveLength(before + 1);
  });

  it.each([
    [{}, "invalid_json"],
    [{ jobs: {} }, "invalid_json"],
    [{ jobs: [] }, "invalid_field"],
    [{ jobs: ["x"] }, "invalid_json"],
    [{ jobs: Array.from({ length: 1001 }, () => ({ job_type: "rpi.run" })) }, "invalid_field"],
  ])("is refused as a whole when it is no batch", async (body, code) => {
    const answer = await daemon.post("/v1/jobs:batch", body);
    expect(answer.status).toBe(400);
    expect(answer.body.code).toBe(code);
    expect(daemon.ledger()).toEqual([]);
  });

  it("keeps two hundred anonymous submits at once apart", async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => daemon.post("/v1/jobs", { job_type: "rpi.run" })),
    );
    expect(new Set(answers.map((answer) => answer.body.job_id)).size).toBe(200);
    expect((await daemon.ask("/v1/jobs?limit=1000")).body.jobs).toHaveLength(200);
  });
});

describe("operating", () => {
  it.each([
    ["/v1/rebuild", { events: 0, jobs: 0, ms: 0 }],
    ["/v1/verify", { ok: true, events: 0, jobs: 0, differences: [], corrupt: [] }],
    ["/v1/repair", { moved: [] }],
  ])("%s answers what the host reports, with or without a body", async (path, report) => {
    expect((await daemon.post(path)).body).toEqual(report);
    expect((await daemon.post(path, {})).body).toEqual(report);
  });

  it("tells in lines how far it is, and ends with the report or the problem", async () => {
    const lines = { accept: "application/x-ndjson" };
    const parsed = (text: string): unknown[] =>
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown);
    const working = await wireDaemon({
      operate: {
        ...NO_OPERATIONS,
        rebuild: async (onProgress) => {
          onProgress?.(1, 4);
          onProgress?.(2, 4);
          return { events: 3, jobs: 2, ms: 1 };
        },
        verify: async (onProgress) => {
          onProgress?.(1, 2);
          throw new Fault("projection_unavailable", "lost");
        },
      },
    });
    try {
      // The second report of progress comes too soon after the first to be worth a line.
      expect(parsed((await working.post("/v1/rebuild", {}, lines)).text)).toEqual([
        { progress: { done: 1, total: 4 } },
        { result: { events: 3, jobs: 2, ms: 1 } },
      ]);
      expect(parsed((await working.post("/v1/verify", {}, lines)).text)).toEqual([
        { progress: { done: 1, total: 2 } },
        { problem: expect.objectContaining({ code: "projection_unavailable", error: "lost" }) },
      ]);
    } finally {
      await working.close();
    }
  });
});
