import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { holdsAsync } from "../support/property.ts";
import { type WireDaemon, wireDaemon } from "../support/wire-daemon.ts";

let daemon: WireDaemon;
beforeAll(async () => {
  daemon = await wireDaemon();
});
afterAll(() => daemon.close());

/** Half right, half anything: bodies that get past the first check as well. */
const field = fc.oneof(
  fc.constantFrom("rpi.run", "wiki.build", "schedule", "", " ", "a b", "\0", "job-1", "x/y"),
  fc.string({ unit: "binary" }),
  fc.jsonValue(),
);
const submit = fc.record(
  {
    job_type: field,
    job_id: field,
    request_id: field,
    idempotency_key: field,
    payload: fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue()),
    reason: field,
    types: fc.oneof(fc.array(field, { maxLength: 3 }), field),
    jobs: fc.oneof(
      fc.array(fc.record({ job_type: field, job_id: field }), { maxLength: 3 }),
      field,
    ),
    claim_token: field,
    lease_epoch: fc.oneof(fc.integer(), field),
    failure: fc.oneof(fc.record({ code: field }), field),
    artifacts: fc.oneof(fc.dictionary(fc.string(), field), field),
  },
  { requiredKeys: [] },
);
const body = fc.oneof(
  { weight: 4, arbitrary: submit.map((value) => JSON.stringify(value)) },
  fc.json(),
  fc.string(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
);
const path = fc.constantFrom(
  "/v1/jobs",
  "/v1/jobs/cancel",
  "/v1/jobs:batch",
  "/openclaw/v1/triggers/jobs",
  "/v1/jobs/claim",
  "/v1/jobs:complete",
  "/v1/jobs/job-1/cancel",
  "/v1/jobs/job-1/heartbeat",
  "/v1/jobs/job-1/complete",
  "/v1/jobs/job-1/fail",
  "/v1/jobs/job-1/release",
);

describe("whatever is sent", () => {
  it("is answered as documented, and what is not accepted leaves no trace", async () => {
    const property = fc.asyncProperty(path, body, async (to, sent) => {
      const before = daemon.engine.headPosition();
      const answer = await daemon.post(to, sent);
      expect([200, 202, 400, 404, 409]).toContain(answer.status);
      if (answer.status >= 400) expect(daemon.engine.headPosition()).toBe(before);
    });
    await holdsAsync(property, { runs: 400 });
  });

  it("in a query is answered as documented", async () => {
    const text = fc.string({ unit: "binary" });
    const property = fc.asyncProperty(
      fc.constantFrom("/v1/jobs", "/v1/events", "/v1/status"),
      fc.constantFrom("limit", "cursor", "since", "after_id", "status", "type", "order"),
      fc.oneof(text, fc.integer().map(String)),
      async (to, name, value) => {
        const query = new URLSearchParams({ [name]: value }).toString();
        const answer = await daemon.ask(`${to}?${query}`);
        expect([200, 400]).toContain(answer.status);
      },
    );
    await holdsAsync(property, { runs: 200 });
  });
});
