import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import type { ErrorCode } from "../../src/errors/codes.ts";
import { Fault } from "../../src/errors/fault.ts";
import { BrokenInvariant } from "../../src/errors/invariant.ts";
import { ENVELOPES } from "../../src/jobspec/errors.ts";
import { overlay, type WireDaemon, type WireOptions, wireDaemon } from "../support/wire-daemon.ts";

type Row = Readonly<Record<string, unknown>>;

async function daemonWith(options: WireOptions): Promise<WireDaemon> {
  const daemon = await wireDaemon(options);
  onTestFinished(() => daemon.close());
  return daemon;
}

function line(position: number, fields: Row): string {
  const id = String(position).padStart(6, "0");
  return JSON.stringify({
    schema_version: 1,
    event_id: `evt_${id}`,
    request_id: `req-${position}`,
    job_id: "job-1",
    event_type: "job.accepted",
    occurred_at: "2026-01-01T00:00:00Z",
    actor: "elsewhere",
    ...fields,
  });
}

const accepted = (position: number, jobId: string, jobType: string): string =>
  line(position, { job_id: jobId, payload: { job_type: jobType, job_payload: { at: position } } });

describe("a ledger with broken lines", () => {
  const ledger = [
    accepted(1, "good", "rpi.run"),
    "{broken",
    accepted(2, "also", "wiki.build"),
    "{}",
  ];

  it("is shown as it is, degraded, and nothing is touched by reading", async () => {
    const daemon = await daemonWith({ ledger });
    const ready = (await daemon.ask("/v1/ready")).body;
    expect(ready).toMatchObject({
      ready: false,
      ledger_replay_status: "corrupt",
      projection_status: "degraded",
      projection_lag: { event_count: 2, corrupt_record_count: 2, degraded: true },
    });
    expect(ready.degraded_reasons.length).toBeGreaterThan(0);
    const events = (await daemon.ask("/v1/events")).body;
    expect(events.events.map((event: Row) => event["job_id"])).toEqual(["good", "also"]);
    expect(events.corrupt.map((record: Row) => record["line_number"])).toEqual([2, 4]);
    expect(events.last_event_id).toBe("evt_000002");
    const limited = (await daemon.ask("/v1/events?limit=1")).body;
    expect(limited.corrupt).toHaveLength(2);
    const status = (await daemon.ask("/v1/status")).body;
    expect(status.ready).toBe(false);
    expect(status.projections.openclaw.status).toBe("degraded");
    for (const manifest of Object.values<Row>(status.projections.manifests)) {
      expect(manifest["status"]).toBe("degraded");
    }
    expect((await daemon.ask("/openclaw/v1/health")).body).toMatchObject({
      ready: false,
      snapshot_status: "degraded",
    });
    expect(daemon.ledger()).toEqual(ledger);
    expect(existsSync(join(daemon.root, ".agents/daemon/quarantine"))).toBe(false);
  });

  it("closes the trigger before a body is read, and leaves submit open", async () => {
    const daemon = await daemonWith({ ledger });
    for (const body of [{ job_type: "rpi.run" }, "{"]) {
      const answer = await daemon.post("/openclaw/v1/triggers/jobs", body);
      expect(answer.status).toBe(503);
      expect(answer.body).toMatchObject({
        error: "daemon is not ready",
        code: "not_ready",
        projection_lag: { corrupt_record_count: 2, degraded: true },
      });
      expect(answer.body.degraded_reasons.length).toBeGreaterThan(0);
    }
    const denied = await daemon.ask("/openclaw/v1/triggers/jobs", { method: "POST", body: "{" });
    expect(denied.status).toBe(403);
    expect(daemon.ledger()).toEqual(ledger);
    const submitted = await daemon.post("/v1/jobs", { job_type: "rpi.run" });
    expect(submitted.status).toBe(202);
    expect(submitted.body).toMatchObject({ projection_status: "degraded" });
    expect(submitted.body.degraded_reasons.length).toBeGreaterThan(0);
  });
});

describe("a ledger that somebody else has written to", () => {
  const ledger = [
    line(1, { event_type: "factory.started", job_id: "factory" }),
    accepted(2, "known", "rpi.run"),
    accepted(3, "unknown", "factory.admission"),
    line(4, {
      job_id: "unknown",
      event_type: "job.failed",
      payload: { failure: { code: "source_read_failed", message: "no file" } },
    }),
    line(5, { event_type: "schedule.fired", job_id: "schedule" }),
    line(6, { job_id: "headless", event_type: "job.claimed", payload: { lease_epoch: 1 } }),
  ];

  it("keeps foreign events and shows them in a list of their own", async () => {
    const daemon = await daemonWith({ ledger });
    const { body } = await daemon.ask("/v1/events");
    const ids = (rows: readonly Row[]): unknown => rows.map((row) => row["event_id"]);
    expect(ids(body.events)).toEqual(["evt_000002", "evt_000003", "evt_000004", "evt_000006"]);
    expect(ids(body.foreign_events)).toEqual(["evt_000001", "evt_000005"]);
    const page = (await daemon.ask("/v1/events?limit=1")).body;
    expect(ids(page.events)).toEqual(["evt_000002"]);
    expect(ids(page.foreign_events)).toEqual(["evt_000001"]);
    const next = (await daemon.ask("/v1/events?since=evt_000004")).body;
    expect(ids(next.foreign_events)).toEqual(["evt_000005"]);
    expect((await daemon.ask("/v1/ready")).body).toMatchObject({
      ready: true,
      projection_lag: { event_count: 4, corrupt_record_count: 0, foreign_event_count: 2 },
    });
  });

  it("shows jobs of unknown types apart, with the contract's values where it closes them", async () => {
    const daemon = await daemonWith({ ledger });
    const { queue, projections } = (await daemon.ask("/v1/status")).body;
    const ids = (rows: readonly Row[]): unknown => rows.map((row) => row["job_id"]);
    expect(ids(queue.jobs)).toEqual(["known"]);
    expect(ids(queue.foreign_jobs)).toEqual(["unknown", "headless"]);
    expect(queue.foreign_jobs[0]).toMatchObject({
      job_type: "factory.admission",
      status: "failed",
      failure: { code: "request_rejected", message: "source_read_failed: no file" },
    });
    expect(ids(projections.jobs)).toEqual(["known", "unknown", "headless"]);
    expect(projections.jobs[1]).not.toHaveProperty("job_type");
    const list = (await daemon.ask("/v1/jobs")).body;
    expect(ids(list.jobs)).toEqual(["known"]);
    expect(ids(list.foreign_jobs)).toEqual(["unknown", "headless"]);
    const openclaw = (await daemon.ask("/openclaw/v1/jobs")).body;
    expect(openclaw.jobs[1]).toMatchObject({ job_type: "factory.admission" });
    expect((await daemon.ask("/openclaw/v1/health")).body.resource_counts.jobs).toBe(3);
    expect((await daemon.ask("/v1/jobs/unknown")).body.job_type).toBe("factory.admission");
    const cancelled = await daemon.post("/v1/jobs/cancel", { job_id: "known" });
    expect(cancelled.status).toBe(202);
  });

  it("may be cancelled, also where the type is unknown", async () => {
    const daemon = await daemonWith({ ledger });
    const answer = await daemon.app.inject({
      method: "POST",
      url: "/v1/jobs/headless/cancel",
      headers: { "x-agentops-daemon-token": "wire-test-token" },
    });
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toMatchObject({ outcome: "cancelled" });
  });
});

describe("an engine that fails", () => {
  /** A daemon whose every command and query throws. */
  const failing = (thrown: unknown): WireOptions => {
    const fail = (): never => {
      throw thrown;
    };
    const failLater = async (): Promise<never> => fail();
    const all = { submit: failLater, cancel: failLater, claim: failLater, snapshot: fail };
    return {
      wrap: (engine) => overlay(engine, { ...all, jobs: fail } satisfies Partial<Engine>),
    };
  };
  const SUBMIT = { job_type: "rpi.run" };

  it.each<[ErrorCode, number, string | undefined]>([
    ["draining", 503, "2"],
    ["overloaded", 503, "1"],
    ["no_space", 503, "30"],
    ["projection_unavailable", 503, "5"],
    ["ledger_unavailable", 500, undefined],
    ["sync_failed", 500, undefined],
  ])("with %s is answered %i, also by reads", async (code, status, retryAfter) => {
    expect(ENVELOPES[code].status).toBe(status);
    const daemon = await daemonWith(failing(new Fault(code, `because ${code}`)));
    const answers = [
      await daemon.post("/v1/jobs", SUBMIT),
      await daemon.post("/openclaw/v1/triggers/jobs", SUBMIT),
      await daemon.post("/v1/jobs/cancel", { job_id: "x" }),
      await daemon.post("/v1/jobs/claim", { types: ["rpi.run"] }),
      await daemon.ask("/v1/status"),
      await daemon.ask("/v1/jobs"),
      await daemon.ask("/openclaw/v1/runs"),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(status);
      expect(answer.body).toMatchObject({ error: `because ${code}`, code });
      expect(answer.headers["retry-after"]).toBe(retryAfter);
    }
    expect((await daemon.ask("/v1/health")).status).toBe(200);
  });

  it("really drains: no new work, while what is held may end", async () => {
    const daemon = await daemonWith({});
    await daemon.post("/v1/jobs", { ...SUBMIT, job_id: "held" });
    const claimed = await daemon.post("/v1/jobs/claim", { types: ["rpi.run"] });
    const { claim_token, lease_epoch } = claimed.body.jobs[0];
    daemon.engine.drain();
    const refused = await daemon.post("/v1/jobs", SUBMIT);
    expect(refused.status).toBe(503);
    expect(refused.body.code).toBe("draining");
    const done = await daemon.post("/v1/jobs/held/complete", { claim_token, lease_epoch });
    expect(done.status).toBe(200);
  });

  it("says nothing of a bug but that there is one, and raises the alarm", async () => {
    const seen: unknown[] = [];
    const bug = new BrokenInvariant("secret detail");
    const daemon = await daemonWith({ ...failing(bug), onUnexpected: (what) => seen.push(what) });
    const answer = await daemon.post("/v1/jobs", SUBMIT);
    expect(answer.status).toBe(500);
    expect(answer.body).toMatchObject({ error: "internal error", code: "internal" });
    expect(answer.text).not.toContain("secret detail");
    expect(seen).toEqual([bug]);
  });

  it("in the middle of a long answer breaks the connection off", async () => {
    const daemon = await daemonWith({
      wrap: (engine) =>
        overlay(engine, {
          async snapshot() {
            const snapshot = await engine.snapshot();
            let pages = 0;
            return {
              ...snapshot,
              jobs(query) {
                pages += 1;
                if (pages > 3) throw new Fault("projection_unavailable", "lost");
                return snapshot.jobs(query);
              },
            };
          },
        }),
    });
    const jobs = Array.from({ length: 1000 }, () => ({
      job_type: "rpi.run",
      payload: { text: "x".repeat(500) },
    }));
    await daemon.post("/v1/jobs:batch", { jobs });
    const response = await fetch(`${await daemon.listen()}/v1/status`);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  });
});
