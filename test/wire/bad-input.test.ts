import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answered, AUTH, type WireDaemon, wireDaemon } from "../support/wire-daemon.ts";

let daemon: WireDaemon;
beforeAll(async () => {
  daemon = await wireDaemon();
});
afterAll(() => daemon.close());

/** Asks and makes sure that nothing reached the ledger. */
async function refused(path: string, body: unknown): Promise<Answered> {
  const before = daemon.ledger().length;
  const answer = await daemon.post(path, body);
  expect(daemon.ledger()).toHaveLength(before);
  return answer;
}

const nested = (levels: number): string =>
  `{"job_type":"rpi.run","payload":${'{"a":'.repeat(levels)}1${"}".repeat(levels)}}`;

const BODY_ROUTES = [
  "/v1/jobs",
  "/jobs",
  "/v1/jobs/cancel",
  "/jobs/cancel",
  "/v1/jobs:batch",
  "/openclaw/v1/triggers/jobs",
  "/v1/jobs/claim",
  "/v1/jobs/x/heartbeat",
  "/v1/jobs:complete",
];

describe("a body that cannot be read", () => {
  it.each([
    ["empty", ""],
    ["no JSON", "job_type=rpi.run"],
    ["cut off", '{"job_type":"rpi.run"'],
    ["followed by more", '{"job_type":"rpi.run"} {}'],
    ["an array", "[]"],
    ["null", "null"],
    ["a string", '"rpi.run"'],
    ["a number", "1"],
    ["nested too deeply", nested(100)],
    ["nested beyond any stack", `${"[".repeat(200_000)}`],
    ["invalid UTF-8", Buffer.from([...Buffer.from('{"job_type":"'), 0xff, 0x22, 0x7d])],
    ["a lone continuation byte", Buffer.from([0x80])],
    ["UTF-16", Buffer.from('{"job_type":"rpi.run"}', "utf16le")],
    ["with a number that no double holds", '{"job_type":"rpi.run","payload":{"n":[-1e400]}}'],
    ["with a number of too many digits", `{"job_type":"rpi.run","x":${"9".repeat(400)}}`],
    ["with a raw control character", '{"job_type":"rpi\u0001run"}'],
  ])("is invalid json on every route: %s", async (_what, body) => {
    for (const path of BODY_ROUTES) {
      const answer = await refused(path, body);
      expect(`${path} ${answer.status}`).toBe(`${path} 400`);
      expect(answer.body).toMatchObject({ error: "invalid json", code: "invalid_json" });
      expect(answer.body.detail).toEqual(expect.any(String));
    }
  });

  it("is invalid json with the name of a field that has a wrong type", async () => {
    const wrong = { job_type: 7, job_id: [], request_id: {}, idempotency_key: true, payload: "x" };
    for (const [field, value] of Object.entries(wrong)) {
      const answer = await refused("/v1/jobs", { job_type: "rpi.run", [field]: value });
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({ error: "invalid json", field });
    }
    const answer = await refused("/v1/jobs/cancel", { job_id: 5 });
    expect(answer.body).toMatchObject({ error: "invalid json", field: "job_id" });
  });

  it("never quotes the body, which may hold a secret", async () => {
    const answer = await refused("/v1/jobs", '{"payload": hunter2-very-secret}');
    expect(answer.text).not.toContain("hunter2");
  });

  it("may be nested to 64 levels", async () => {
    expect((await daemon.post("/v1/jobs", nested(62))).status).toBe(202);
    expect((await refused("/v1/jobs", nested(64))).status).toBe(400);
  });

  it("may carry any content type, or none", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "bogus;;;", "a"]) {
      const headers = { "content-type": type };
      const answer = await daemon.post("/v1/jobs", '{"job_type":"rpi.run"}', headers);
      expect(`${type} ${answer.status}`).toBe(`${type} 202`);
    }
  });

  it("keeps a payload's oddest keys as they are", async () => {
    const payload = '{"__proto__":{"x":1},"constructor":{"prototype":1},"":2}';
    const body = `{"job_type":"wiki.build","job_id":"odd-keys","payload":${payload}}`;
    expect((await daemon.post("/v1/jobs", body)).status).toBe(202);
    const job = await daemon.ask("/v1/jobs/odd-keys");
    expect(JSON.stringify(job.body.payload)).toBe(payload);
    expect(({} as { x?: number }).x).toBeUndefined();
  });
});

describe("a body that is too large", () => {
  const LIMIT = 1_048_576;
  const filled = (bytes: number): string => {
    const frame = '{"job_type":"rpi.run","payload":{"a":""}}';
    return frame.replace('""', `"${"x".repeat(bytes - frame.length)}"`);
  };

  it("is 413 one byte over the limit, with both numbers", async () => {
    for (const path of BODY_ROUTES) {
      const answer = await refused(path, filled(LIMIT + 1));
      expect(answer.status).toBe(413);
      expect(answer.body).toMatchObject({
        error: "request body exceeds MaxJobSubmissionBytes",
        code: "body_too_large",
        max_bytes: LIMIT,
        got_bytes: LIMIT + 1,
      });
    }
  });

  it("is accepted at the limit", async () => {
    expect((await daemon.post("/v1/jobs", filled(LIMIT))).status).toBe(202);
  });
});

describe("a submit with an unusable value", () => {
  it.each([undefined, "", "rpi", "RPI.RUN", "rpi.run ", "factory.admission", "__proto__"])(
    "names the job type: %j",
    async (job_type) => {
      for (const path of ["/v1/jobs", "/openclaw/v1/triggers/jobs"]) {
        const answer = await refused(path, { job_type });
        expect(answer.status).toBe(400);
        expect(answer.body).toMatchObject({
          error: `invalid job type "${job_type ?? ""}"`,
          code: "invalid_job_type",
        });
      }
    },
  );

  it.each(["rpi.phase", "dream.stage", "wiki.build"])(
    "is refused by the trigger as not allow-listed: %s",
    async (job_type) => {
      const answer = await refused("/openclaw/v1/triggers/jobs", { job_type });
      expect(answer.status).toBe(400);
      expect(answer.body.error).toBe("job_type is not allowlisted for OpenClaw trigger");
    },
  );

  it.each([
    ["request_id", "a b", 'request_id "a b" must not contain whitespace'],
    ["request_id", "a\tb", String.raw`request_id "a\tb" must not contain whitespace`],
    ["request_id", "   ", "request_id is required"],
    ["request_id", "a\0b", String.raw`request_id "a\u0000b" must not contain control characters`],
    ["job_id", "schedule", 'job_id "schedule" is reserved'],
    ["job_id", " projections ", 'job_id "projections" is reserved'],
    ["job_id", "a\nb", String.raw`job_id "a\nb" must not contain control characters`],
    ["job_id", "a\0b", String.raw`job_id "a\u0000b" must not contain control characters`],
    ["job_id", "x".repeat(10_240), "job_id is longer than 512 bytes"],
    ["job_id", "ü".repeat(257), "job_id is longer than 512 bytes"],
    ["job_id", "a\ud800", "job_id is not well-formed Unicode"],
    [
      "idempotency_key",
      "a\0b",
      String.raw`idempotency_key "a\u0000b" must not contain control characters`,
    ],
  ])("names the field: %s = %j", async (field, value, error) => {
    const answer = await refused("/v1/jobs", { job_type: "rpi.run", [field]: value });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error, field, code: "invalid_field" });
  });

  it("counts an idempotency key in bytes and says how many", async () => {
    const submit = { job_type: "rpi.run" };
    const over = await refused("/v1/jobs", { ...submit, idempotency_key: "ü".repeat(129) });
    expect(over.status).toBe(400);
    expect(over.body).toMatchObject({
      error: "idempotency_key exceeds MaxIdempotencyKeyBytes",
      max_bytes: 256,
      got_bytes: 258,
    });
    const fits = await daemon.post("/v1/jobs", { ...submit, idempotency_key: "ü".repeat(128) });
    expect(fits.status).toBe(202);
  });

  it("checks the key before the type, and the type before the ids", async () => {
    const body = { idempotency_key: "k".repeat(300), job_type: "no", job_id: "schedule" };
    expect((await refused("/v1/jobs", body)).body.code).toBe("key_too_long");
    const shorter = { ...body, idempotency_key: "k" };
    expect((await refused("/v1/jobs", shorter)).body.code).toBe("invalid_job_type");
  });

  it("trims ids, and makes those that are blank", async () => {
    const padded = { job_type: "rpi.run", job_id: "  padded ", request_id: " r1 " };
    const first = await daemon.post("/v1/jobs", padded);
    expect(first.body).toMatchObject({ job_id: "padded", request_id: "r1" });
    expect((await daemon.post("/v1/jobs", padded)).body.job_id).toBe("padded");
    const blank = await daemon.post("/v1/jobs", {
      job_type: "rpi.run",
      job_id: " ",
      request_id: "",
    });
    expect(blank.status).toBe(202);
    expect(blank.body.job_id).toMatch(/^job_rpi_run_/);
    expect(blank.body.request_id).toMatch(/^req_/);
  });

  it.each(["a/b", "../../etc/passwd", "a%2Fb", "a?b#c", "a b", "ü/☃"])(
    "may have the id %j, and the job is found by it in a path",
    async (job_id) => {
      expect((await daemon.post("/v1/jobs", { job_type: "rpi.run", job_id })).status).toBe(202);
      const inPath = encodeURIComponent(job_id);
      expect((await daemon.ask(`/v1/jobs/${inPath}`)).body.job_id).toBe(job_id);
      const cancelled = await daemon.post(`/v1/jobs/${inPath}/cancel`);
      expect(cancelled.body.job).toMatchObject({ job_id, status: "cancelled" });
    },
  );
});

describe("a query with an unusable value", () => {
  it.each([
    ["/v1/events?since=nope", "event cursor not found", "invalid_cursor"],
    ["/v1/events?after_id=nope", "event cursor not found", "invalid_cursor"],
    ["/v1/events?since=nope&limit=x", "event cursor not found", "invalid_cursor"],
    ["/v1/events?limit=-1", "limit must be a non-negative integer", "invalid_field"],
    ["/v1/events?limit=1.5", "limit must be a non-negative integer", "invalid_field"],
    ["/v1/events?limit=many", "limit must be a non-negative integer", "invalid_field"],
    ["/v1/jobs?limit=0", "limit must be an integer from 1 to 1000", "invalid_field"],
    ["/v1/jobs?limit=1001", "limit must be an integer from 1 to 1000", "invalid_field"],
    ["/v1/status?limit=x", "limit must be an integer from 1 to 1000", "invalid_field"],
    ["/v1/jobs?cursor=-4", 'cursor "-4" is not one this daemon gave out', "invalid_cursor"],
    ["/v1/status?cursor=x", 'cursor "x" is not one this daemon gave out', "invalid_cursor"],
    ["/v1/jobs?order=up", 'order must be "asc" or "desc"', "invalid_field"],
  ])("%s", async (path, error, code) => {
    const answer = await daemon.ask(path);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error, code });
  });

  it("names the states there are", async () => {
    const answer = await daemon.ask("/v1/jobs?status=queued,sleeping");
    expect(answer.status).toBe(400);
    expect(answer.body.error).toContain('status "sleeping" is not one of queued, running');
  });

  it("cannot be decoded", async () => {
    expect((await daemon.ask("/v1/jobs/%zz")).status).toBe(400);
    expect((await daemon.ask(`/v1/jobs/${"x".repeat(10_000)}`)).status).toBe(404);
  });
});

describe("cancelling what cannot be cancelled", () => {
  it.each([
    ["/v1/jobs/cancel", {}, 400, "job_id is required"],
    ["/v1/jobs/cancel", { job_id: "" }, 400, "job_id is required"],
    ["/v1/jobs/cancel", { job_id: "none" }, 404, "daemon queue: job not found"],
    ["/jobs/cancel", { job_id: "none" }, 404, "daemon queue: job not found"],
    ["/v1/jobs/none/cancel", undefined, 404, "daemon queue: job not found"],
    ["/v1/jobs/none/cancel", { job_id: "other" }, 400, "job_id does not match path"],
    [
      "/v1/jobs/cancel",
      { job_id: "none", request_id: "a b" },
      400,
      'request_id "a b" must not contain whitespace',
    ],
  ])("%s %j is %i", async (path, body, status, error) => {
    const answer = await refused(path, body);
    expect(answer.status).toBe(status);
    expect(answer.body.error).toBe(error);
  });

  it("never takes a bad body for an empty one", async () => {
    await daemon.post("/v1/jobs", { job_type: "rpi.run", job_id: "kept" });
    expect((await refused("/v1/jobs/kept/cancel", "{")).status).toBe(400);
    const headers = { ...AUTH, "content-length": "0" };
    const empty = await daemon.ask("/v1/jobs/kept/cancel", { method: "POST", headers });
    expect(empty.body.outcome).toBe("cancelled");
  });
});
