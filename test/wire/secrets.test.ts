/** A token that somebody puts where it does not belong gets no further than the request. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { SECRET, type WireDaemon, wireDaemon } from "../support/wire-daemon.ts";

let daemon: WireDaemon;
beforeEach(async () => {
  daemon = await wireDaemon();
});
afterEach(() => daemon.close());

const KEPT = "[redacted]";

it("is cut out of every event before it is written, and so out of every read", async () => {
  await daemon.post("/v1/jobs", {
    job_type: "rpi.run",
    job_id: "job-1",
    idempotency_key: `key ${SECRET}`,
    payload: { goal: `use ${SECRET}`, [SECRET]: { deep: [SECRET] } },
  });
  const claimed = await daemon.post("/v1/jobs/claim", { types: ["rpi.run"] });
  const { claim_token, lease_epoch } = claimed.body.jobs[0];
  const failure = { code: "lost", message: `said ${SECRET}`, retryable: true };
  const held = { claim_token, lease_epoch, artifacts: { log: `at ${SECRET}` } };
  await daemon.post("/v1/jobs/job-1/heartbeat", held);
  await daemon.post("/v1/jobs/job-1/release", { ...held, failure, refund_attempt: false });
  const cancelled = await daemon.post("/v1/jobs/job-1/cancel", { reason: `because ${SECRET}` });
  expect(cancelled.body).toMatchObject({ outcome: "cancelled" });

  const ledger = daemon.ledger();
  expect(ledger.map((line) => line.includes(KEPT))).toEqual([true, false, true, true, true]);
  const reads = ["/v1/jobs/job-1", "/v1/jobs", "/v1/status", "/v1/events", "/openclaw/v1/jobs"];
  const texts = await Promise.all(reads.map(async (path) => (await daemon.ask(path)).text));
  for (const text of [...texts, claimed.text, cancelled.text, ledger.join("\n")]) {
    expect(text).not.toContain(SECRET);
  }
  expect((await daemon.ask("/v1/jobs/job-1")).body.payload).toEqual({
    goal: `use ${KEPT}`,
    [KEPT]: { deep: [KEPT] },
  });
});
