import { describe, expect, it } from "vitest";
import { MetricsPage } from "../../test/support/metrics-page.ts";
import type { Health } from "../engine/engine.ts";
import { Fault } from "../errors/fault.ts";
import type { LedgerEvent } from "../kernel/job/events.ts";
import type { JobState } from "../kernel/job/state.ts";
import { METRICS, RUNTIME_METRICS } from "./catalogue.ts";
import { type MetricSources, Metrics } from "./metrics.ts";
import { Tally } from "./tally.ts";

const NOW = Date.UTC(2026, 0, 1);
const now = (): number => NOW;
const SOUND: Health = {
  lag: { event_count: 0, corrupt_record_count: 0, degraded: false, foreign_event_count: 0 },
  reasons: [],
  projections: { "rpi-registry": "current", "wiki-jobs": "stale" },
};

function sources(changed: Partial<MetricSources> = {}): MetricSources {
  return {
    refresh: async () => undefined,
    counts: async () => ({}),
    health: () => SOUND,
    isDraining: () => false,
    headPosition: () => 0,
    toldPosition: () => 0,
    subscribers: () => 0,
    waitingClaims: () => 0,
    ...changed,
  };
}

function metrics(): Metrics {
  return new Metrics({ version: "1.2.3" });
}

async function pageOf(of: Metrics, from: Partial<MetricSources> = {}): Promise<MetricsPage> {
  return new MetricsPage(await of.page(sources(from)));
}

function event(eventType: string, occurredAt = NOW): LedgerEvent {
  return {
    schema_version: 1,
    event_id: "evt_1",
    request_id: "req_1",
    job_id: "job_1",
    event_type: eventType,
    occurred_at: new Date(occurredAt).toISOString(),
    actor: "test",
  };
}

describe("the catalogue", () => {
  it("puts units last, and counts in totals", () => {
    for (const [name, { kind }] of Object.entries(METRICS)) {
      expect(name).toMatch(/^keelson_[a-z_]+[a-z]$/);
      expect([name, name.endsWith("_total")]).toEqual([name, kind === "counter"]);
      expect(name).not.toMatch(/_(?:ms|millis|milliseconds)$/);
    }
  });
});

describe("the page", () => {
  it("has every metric of the catalogue from the start, and no other of ours", async () => {
    const { families } = await pageOf(metrics());
    const ours = families.filter((name) => name.startsWith("keelson_"));
    expect(ours.toSorted()).toEqual(Object.keys(METRICS).toSorted());
    const theirs = families.filter((name) => !name.startsWith("keelson_"));
    // Some are told of on Linux alone; none is told of that the reference does not name.
    expect(theirs.filter((name) => !Object.hasOwn(RUNTIME_METRICS, name))).toEqual([]);
    expect(theirs.length).toBeGreaterThan(20);
  });

  it("counts jobs of unknown types together, and knows zero from nothing", async () => {
    const page = await pageOf(metrics(), {
      counts: async () => ({
        "rpi.run": { queued: 2 },
        strange: { queued: 3 },
        'evil"} 1\n': { queued: 4, failed: 1 },
      }),
    });
    expect(page.value("keelson_jobs", { type: "rpi.run", status: "queued" })).toBe(2);
    expect(page.value("keelson_jobs", { type: "other", status: "queued" })).toBe(7);
    expect(page.value("keelson_jobs", { type: "other", status: "failed" })).toBe(1);
    const none = { type: "dream.run", status: "running" };
    expect(page.samples).toContainEqual({ name: "keelson_jobs", labels: none, value: 0 });
    expect(page.labelValues("keelson_jobs", "type")).toHaveLength(8);
  });

  it("leaves out what a store that is away does not tell, and comes nevertheless", async () => {
    const known = metrics();
    await pageOf(known, { counts: async () => ({ "rpi.run": { queued: 2 } }) });
    const away = async (): Promise<never> => {
      throw new Fault("ledger_unavailable", "away");
    };
    for (const from of [{ refresh: away }, { counts: away }]) {
      const page = await pageOf(known, from);
      expect(page.labelValues("keelson_jobs", "type")).toEqual([]);
      expect(page.value("keelson_ready")).toBe(0);
    }
    expect((await pageOf(known)).value("keelson_ready")).toBe(1);
    expect((await pageOf(known, { isDraining: () => true })).value("keelson_ready")).toBe(0);
  });

  it("does not hide a mistake of our own as an outage", async () => {
    const refresh = (): Promise<never> => Promise.reject(new TypeError("a bug"));
    await expect(pageOf(metrics(), { refresh })).rejects.toThrow("a bug");
  });

  it("tells how things stand at this moment", async () => {
    const page = await pageOf(metrics(), {
      health: () => ({ ...SOUND, lag: { ...SOUND.lag, degraded: true } }),
      headPosition: () => 10,
      toldPosition: () => 7,
      subscribers: () => 2,
      waitingClaims: () => 1,
    });
    expect(page.value("keelson_ready")).toBe(0);
    expect(page.value("keelson_projection_behind", { projection: "rpi-registry" })).toBe(0);
    expect(page.value("keelson_projection_behind", { projection: "wiki-jobs" })).toBe(1);
    expect(page.value("keelson_ledger_position")).toBe(10);
    expect(page.value("keelson_follower_lag_events")).toBe(3);
    expect(page.value("keelson_sse_subscribers")).toBe(2);
    expect(page.value("keelson_waiting_claims")).toBe(1);
    expect(page.value("keelson_build_info", { version: "1.2.3" })).toBe(1);
  });
});

describe("what an engine tells", () => {
  const commit = (types: readonly string[], jobType = "wiki.forge") => ({
    commands: 3,
    events: types.map((type, index) => ({ position: index + 1, event: event(type) })),
    changes: [{ after: { job_id: "job_1", job_type: jobType } as JobState }],
    commitMs: 20,
    saveMs: 4,
  });

  it("is counted by event, claim and takeover", async () => {
    const counted = metrics();
    const observer = counted.observer({ savingIsSync: false, now });
    observer.committed(commit(["job.accepted", "job.lease_expired", "job.claimed", "job.claimed"]));
    observer.committed(commit(["job.claimed", "job.made_up"], "strange"));
    const page = await pageOf(counted);
    const events = (name: string) => page.value("keelson_appended_events_total", { event: name });
    expect([events("job.accepted"), events("job.claimed"), events("other")]).toEqual([1, 3, 1]);
    expect(page.value("keelson_claims_total", { type: "wiki.forge" })).toBe(2);
    expect(page.value("keelson_claims_total", { type: "other" })).toBe(1);
    expect(page.value("keelson_lease_takeovers_total", { type: "wiki.forge" })).toBe(1);
    expect(page.value("keelson_commit_commands_sum")).toBe(6);
    expect(page.value("keelson_commit_events_sum")).toBe(6);
    expect(page.value("keelson_commit_duration_seconds_sum")).toBeCloseTo(0.04);
    expect(page.value("keelson_sync_duration_seconds_count")).toBe(0);
  });

  it("holds the sync too where the store saves and syncs in one", async () => {
    const counted = metrics();
    counted.observer({ savingIsSync: true, now }).committed(commit(["job.accepted"]));
    counted.synced(6);
    const page = await pageOf(counted);
    expect(page.value("keelson_sync_duration_seconds_sum")).toBeCloseTo(0.01);
    expect(page.value("keelson_sync_duration_seconds_bucket", { le: "0.005" })).toBe(1);
  });

  it("holds failures by code, and how old the events of others were", async () => {
    const counted = metrics();
    const observer = counted.observer({ savingIsSync: false, now });
    observer.failed("no_space");
    observer.followed([event("job.accepted", NOW - 30), event("job.accepted", NOW + 5_000)]);
    observer.followed([{ ...event("job.accepted"), occurred_at: "once" }]);
    const page = await pageOf(counted);
    expect(page.value("keelson_commit_failures_total", { code: "no_space" })).toBe(1);
    expect(page.value("keelson_follower_delay_seconds_count")).toBe(2);
    expect(page.value("keelson_follower_delay_seconds_sum")).toBeCloseTo(0.03);
  });
});

it("a tally gives each count once", () => {
  const tally = new Tally();
  tally.add(["a", "b"]);
  tally.add(["a", "b"], 2);
  tally.add(["a", ""]);
  const drained: unknown[] = [];
  tally.drain((words, count) => drained.push([words, count]));
  tally.drain((words, count) => drained.push([words, count]));
  expect(drained).toEqual([
    [["a", "b"], 3],
    [["a", ""], 1],
  ]);
});
