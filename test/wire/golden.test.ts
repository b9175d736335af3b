import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type WireDaemon, wireDaemon } from "../support/wire-daemon.ts";

describe("the contract's golden pair", () => {
  let daemon: WireDaemon;
  beforeEach(async () => {
    daemon = await wireDaemon();
  });
  afterEach(() => daemon.close());

  const GOLDEN = {
    request_id: "req-golden-submit",
    job_id: "job-golden-rpi",
    job_type: "rpi.run",
    idempotency_key: "idem-golden-rpi",
    payload: { goal: "ship daemon conformance" },
  };
  const EVENT_ID = "evt_job_accepted_job-golden-rpi_000001";

  it("answers the first submit of an empty ledger with exactly these fields", async () => {
    const answer = await daemon.post("/v1/jobs", GOLDEN);
    expect(answer.status).toBe(202);
    expect(answer.body).toEqual({
      accepted: true,
      request_id: "req-golden-submit",
      job_id: "job-golden-rpi",
      status: "queued",
      last_event_id: EVENT_ID,
      projection_status: "current",
      projection_lag: {
        last_event_id: EVENT_ID,
        event_count: 1,
        corrupt_record_count: 0,
        degraded: false,
      },
      idempotency_key: "idem-golden-rpi",
    });
  });

  it("says application/json without a charset and ends the body with a newline", async () => {
    const answer = await daemon.post("/v1/jobs", GOLDEN);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.text.endsWith("}\n")).toBe(true);
  });

  it("has the event in the ledger when it answers", async () => {
    await daemon.post("/v1/jobs", GOLDEN);
    const [line = "{}"] = daemon.ledger();
    expect(JSON.parse(line)).toMatchObject({
      event_id: EVENT_ID,
      event_type: "job.accepted",
      actor: "ao-http:legacy",
    });
  });

  it("answers a repetition with the first job and appends nothing", async () => {
    const first = await daemon.post("/v1/jobs", GOLDEN);
    const again = await daemon.post("/v1/jobs", GOLDEN);
    expect(again.body).toEqual(first.body);
    expect(again.headers["keelson-idempotency-mismatch"]).toBeUndefined();
    expect(daemon.ledger()).toHaveLength(1);
  });

  it("says so when a repetition differs from the first job", async () => {
    await daemon.post("/v1/jobs", GOLDEN);
    const other = await daemon.post("/v1/jobs", { ...GOLDEN, job_id: "job-other" });
    expect(other.status).toBe(202);
    expect(other.body.job_id).toBe("job-golden-rpi");
    expect(other.headers["keelson-idempotency-mismatch"]).toBe("true");
  });
});
