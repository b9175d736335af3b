import { describe, expect, test } from "vitest";
import { createClient, KeelsonError } from "../src/client.ts";
import { fakeDaemon, inTurn, type Route } from "./fake-daemon.ts";

const accepted: Route = ({ json, request }) =>
  json(202, { accepted: true, job_id: "job_1", idempotency_key: request.body.idempotency_key });

describe("submit", () => {
  test("a lost answer is asked for again with the same generated key", async () => {
    const daemon = await fakeDaemon({
      "POST /v1/jobs": inTurn(
        ({ drop }) => drop(),
        ({ drop }) => drop(),
        accepted,
      ),
    });
    const answer = await createClient({ url: daemon.url }).submit({ job_type: "rpi.run" });
    const keys = daemon.of("POST /v1/jobs").map((seen) => seen.body.idempotency_key);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^client-[0-9a-f]{32}$/);
    expect(answer.job_id).toBe("job_1");
  });

  test("an answer that breaks off inside its body is a lost answer", async () => {
    const daemon = await fakeDaemon({
      "POST /v1/jobs": inTurn(({ response }) => {
        response.writeHead(202, { "content-length": "500" });
        response.write('{"accepted":');
        setTimeout(() => response.destroy(), 20);
      }, accepted),
    });
    const answer = await createClient({ url: daemon.url }).submit({ job_type: "rpi.run" });
    expect(answer.job_id).toBe("job_1");
    expect(daemon.of("POST /v1/jobs")).toHaveLength(2);
  });

  test("two submits get two keys, and a caller's own key or id is left alone", async () => {
    const daemon = await fakeDaemon({ "POST /v1/jobs": accepted });
    const client = createClient({ url: daemon.url });
    await client.submit({ job_type: "rpi.run" });
    await client.submit({ job_type: "rpi.run" });
    await client.submit({ job_type: "rpi.run", idempotency_key: "mine" });
    await client.submit({ job_type: "rpi.run", job_id: "job-mine" });
    const keys = daemon.seen.map((seen) => seen.body.idempotency_key);
    expect(keys[0]).not.toBe(keys[1]);
    expect(keys.slice(2)).toEqual(["mine", undefined]);
  });

  test("a busy daemon is asked again after the time it names", async () => {
    const daemon = await fakeDaemon({
      "POST /v1/jobs": inTurn(
        ({ json }) => json(503, { error: "busy", code: "overloaded" }, { "retry-after": "1" }),
        accepted,
      ),
    });
    const before = performance.now();
    await createClient({ url: daemon.url }).submit({ job_type: "rpi.run" });
    expect(performance.now() - before).toBeGreaterThanOrEqual(990);
  });

  test("a refusal is not repeated and carries what the daemon said", async () => {
    const daemon = await fakeDaemon({
      "POST /v1/jobs": ({ json }) =>
        json(400, {
          error: 'invalid job type "x"',
          code: "invalid_job_type",
          detail: "one of rpi.run",
          fix: "Use one of the types.",
        }),
    });
    const refused = createClient({ url: daemon.url }).submit({ job_type: "x" });
    await expect(refused).rejects.toMatchObject({
      name: "KeelsonError",
      status: 400,
      code: "invalid_job_type",
      message: 'invalid job type "x"',
      detail: "one of rpi.run",
    });
    expect(daemon.seen).toHaveLength(1);
  });

  test("with no retries left the caller learns that nobody answered", async () => {
    const daemon = await fakeDaemon({ "POST /v1/jobs": ({ drop }) => drop() });
    const client = createClient({ url: daemon.url, retries: 1 });
    const error = await client.submit({ job_type: "rpi.run" }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(KeelsonError);
    expect(error).toMatchObject({ code: "unreachable", status: 0 });
    expect(daemon.seen).toHaveLength(2);
  });

  test("an abort ends the waiting between two tries with the caller's reason", async () => {
    const daemon = await fakeDaemon({
      "POST /v1/jobs": ({ json }) => json(503, { error: "busy" }, { "retry-after": "20" }),
    });
    const reason = new Error("no more time");
    const controller = new AbortController();
    const submit = createClient({ url: daemon.url }).submit(
      { job_type: "rpi.run" },
      { signal: controller.signal },
    );
    setTimeout(() => controller.abort(reason), 50);
    await expect(submit).rejects.toBe(reason);
  });

  test("the mismatch header becomes a field", async () => {
    const daemon = await fakeDaemon({
      "POST /v1/jobs": ({ json }) =>
        json(202, { accepted: true }, { "keelson-idempotency-mismatch": "true" }),
    });
    const answer = await createClient({ url: daemon.url }).submit({ job_type: "rpi.run" });
    expect(answer.mismatch).toBe(true);
  });

  test("every job of a batch gets a key of its own, once", async () => {
    const daemon = await fakeDaemon({
      "POST /v1/jobs:batch": inTurn(
        ({ drop }) => drop(),
        ({ json }) => json(202, { results: [{ accepted: true }, { accepted: false }] }),
      ),
    });
    const client = createClient({ url: daemon.url });
    const results = await client.submitBatch([{ job_type: "rpi.run" }, { job_type: "nope" }]);
    const [first, second] = daemon.seen.map((seen) => seen.body);
    expect(second).toEqual(first);
    expect(first?.jobs[0]?.idempotency_key).not.toBe(first?.jobs[1]?.idempotency_key);
    expect(results.map((each) => each.accepted)).toEqual([true, false]);
  });
});

describe("requests", () => {
  test("the token travels as a bearer, read anew for each request", async () => {
    let turn = 0;
    const daemon = await fakeDaemon({ "GET /v1/health": ({ json }) => json(200, {}) });
    const client = createClient({ url: `${daemon.url}/`, token: async () => `t${(turn += 1)}` });
    await client.health();
    await client.health();
    expect(daemon.seen.map((seen) => seen.headers.authorization)).toEqual([
      "Bearer t1",
      "Bearer t2",
    ]);
  });

  test("a daemon without error codes gets one made from its status", async () => {
    const daemon = await fakeDaemon({
      "GET /v1/ready": ({ response }) => {
        response.writeHead(500, { "content-type": "text/plain" });
        response.end("boom\n");
      },
    });
    const ready = createClient({ url: daemon.url }).ready();
    await expect(ready).rejects.toMatchObject({ code: "http_500", message: "boom", status: 500 });
  });

  test("a claim whose answer was lost is not asked again, a refused one is", async () => {
    const daemon = await fakeDaemon({
      "POST /v1/jobs/claim": inTurn(
        ({ json }) => json(503, { error: "busy", code: "overloaded" }),
        ({ drop }) => drop(),
        ({ json }) => json(200, { jobs: [], lease_ms: 1, heartbeat_ms: 1 }),
      ),
    });
    const claim = createClient({ url: daemon.url }).claim({ types: ["rpi.run"] });
    await expect(claim).rejects.toMatchObject({ code: "unreachable" });
    expect(daemon.seen).toHaveLength(2);
  });

  test("ids and names are escaped in paths", async () => {
    const daemon = await fakeDaemon({});
    const client = createClient({ url: daemon.url });
    await expect(client.getArtifact("a/b", "x y")).rejects.toMatchObject({ status: 404 });
    expect(daemon.seen[0]?.path).toBe("/v1/jobs/a%2Fb/artifacts/x%20y");
  });
});

describe("pages", () => {
  test("jobs are fetched page by page until there is no cursor", async () => {
    const daemon = await fakeDaemon({
      "GET /v1/jobs": inTurn(
        ({ json }) => json(200, { jobs: [{ job_id: "1" }], next_cursor: "c1" }),
        ({ json }) => json(200, { jobs: [], foreign_jobs: [{ job_id: "2" }], next_cursor: "c2" }),
        ({ json }) => json(200, { jobs: [{ job_id: "3" }] }),
      ),
    });
    const ids: string[] = [];
    const query = { status: ["queued", "running"], type: "rpi.run" } as const;
    for await (const job of createClient({ url: daemon.url }).jobs(query)) ids.push(job.job_id);
    expect(ids).toEqual(["1", "2", "3"]);
    const cursors = daemon.seen.map((seen) => seen.query.get("cursor"));
    expect(cursors).toEqual([null, "c1", "c2"]);
    expect(daemon.seen[0]?.query.get("status")).toBe("queued,running");
  });

  test("events are fetched from the last id on and end at the ledger's head", async () => {
    const daemon = await fakeDaemon({
      "GET /v1/events": inTurn(
        ({ json }) =>
          json(200, { events: [{ event_id: "e1" }, { event_id: "e2" }], last_event_id: "e3" }),
        ({ json }) => json(200, { events: [{ event_id: "e3" }], last_event_id: "e3" }),
      ),
    });
    const ids: string[] = [];
    for await (const event of createClient({ url: daemon.url }).events()) ids.push(event.event_id);
    expect(ids).toEqual(["e1", "e2", "e3"]);
    expect(daemon.seen.map((seen) => seen.query.get("since"))).toEqual([null, "e2"]);
  });

  test("a host that ignores the cursor does not keep the client for ever", async () => {
    const daemon = await fakeDaemon({
      "GET /v1/events": ({ json }) => json(200, { events: [{ event_id: "e1" }] }),
    });
    let count = 0;
    for await (const _ of createClient({ url: daemon.url }).events()) count += 1;
    expect(count).toBeLessThanOrEqual(2);
  });
});
