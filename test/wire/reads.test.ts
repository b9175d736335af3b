import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkComponent } from "../support/response-schema.ts";
import { type WireDaemon, wireDaemon } from "../support/wire-daemon.ts";

type Row = Readonly<Record<string, unknown>>;

let daemon: WireDaemon;
beforeEach(async () => {
  daemon = await wireDaemon();
});
afterEach(() => daemon.close());

const TYPES = [
  "rpi.run",
  "rpi.phase",
  "dream.run",
  "dream.stage",
  "wiki.build",
  "wiki.forge",
  "openclaw.snapshot",
];

/** One job of each type, in all states: running, completed, failed, cancelled, queued. */
async function populate(): Promise<void> {
  for (const type of TYPES) {
    await daemon.post("/v1/jobs", { job_type: type, job_id: `job-${type}`, payload: { type } });
  }
  const claim = async (type: string): Promise<Row> =>
    (await daemon.post("/v1/jobs/claim", { types: [type] })).body.jobs[0];
  const fence = ({ claim_token, lease_epoch }: Row): Row => ({ claim_token, lease_epoch });
  await claim("rpi.run");
  await daemon.post("/v1/jobs/job-dream.run/complete", {
    ...fence(await claim("dream.run")),
    artifacts: { zeta: "out/z.md", alpha: "https://example.test/a" },
  });
  await daemon.post("/v1/jobs/job-wiki.forge/fail", {
    ...fence(await claim("wiki.forge")),
    failure: { code: "lost", message: "gone" },
  });
  await daemon.post("/v1/jobs/cancel", { job_id: "job-rpi.phase", reason: "stop" });
}

describe("an empty daemon", () => {
  it("sends [] for every required list", async () => {
    const { body } = await daemon.ask("/v1/status");
    expect(body.queue.jobs).toEqual([]);
    expect(body.projections.jobs).toEqual([]);
    expect(body.projections.rpi.runs).toEqual([]);
    expect(body.projections.dream.runs).toEqual([]);
    expect(body.projections.wiki.jobs).toEqual([]);
    expect(body.projections.openclaw.resources).toEqual({ runs: [], jobs: [], wiki: [] });
    expect(body.projections.openclaw.snapshot_id).toBe("snap_empty");
    expect((await daemon.ask("/v1/events")).body).toEqual({ events: [] });
    expect((await daemon.ask("/openclaw/v1/runs")).body).toEqual({ runs: [] });
    expect((await daemon.ask("/openclaw/v1/jobs")).body).toEqual({ jobs: [] });
    expect((await daemon.ask("/openclaw/v1/wiki")).body).toEqual({ wiki: [] });
  });

  it("is ready", async () => {
    expect((await daemon.ask("/v1/ready")).body).toEqual({
      ready: true,
      ledger_replay_status: "complete",
      projection_status: "current",
      projection_lag: { event_count: 0, corrupt_record_count: 0, degraded: false },
      queued_without_worker: {},
      job_counts: {},
    });
  });

  it("is healthy as agentopsd, at the time its clock says", async () => {
    const fixed = await wireDaemon({ now: () => Date.UTC(2026, 3, 30) });
    try {
      expect((await fixed.ask("/health")).body).toEqual({
        status: "ok",
        daemon: "agentopsd",
        read_only: true,
        now: "2026-04-30T00:00:00.000Z",
      });
    } finally {
      await fixed.close();
    }
  });
});

describe("the status of a daemon with jobs of every type", () => {
  beforeEach(populate);

  const idsOf = (rows: readonly Row[]): readonly unknown[] => rows.map((row) => row["job_id"]);
  const ofTypes = (...prefixes: string[]): string[] =>
    TYPES.filter((type) => prefixes.some((each) => type.startsWith(each))).map((t) => `job-${t}`);

  it("puts each job into the buckets of its type, in the order of acceptance", async () => {
    const { queue, projections } = (await daemon.ask("/v1/status")).body;
    expect(idsOf(queue.jobs)).toEqual(ofTypes(""));
    expect(idsOf(projections.jobs)).toEqual(ofTypes(""));
    expect(idsOf(projections.rpi.runs)).toEqual(ofTypes("rpi"));
    expect(idsOf(projections.dream.runs)).toEqual(ofTypes("dream"));
    expect(idsOf(projections.wiki.jobs)).toEqual(ofTypes("wiki"));
    expect(idsOf(projections.openclaw.resources.runs)).toEqual(ofTypes("rpi", "dream"));
    expect(idsOf(projections.openclaw.resources.jobs)).toEqual(ofTypes(""));
    expect(idsOf(projections.openclaw.resources.wiki)).toEqual(ofTypes("wiki"));
  });

  it("shows a held job with its claim, and an ended one with its result", async () => {
    const { queue, projections } = (await daemon.ask("/v1/status")).body;
    const row = (id: string): Row => queue.jobs.find((job: Row) => job["job_id"] === id);
    expect(row("job-rpi.run")).toMatchObject({ status: "running", attempt: 1, lease_epoch: 1 });
    expect(row("job-rpi.run")["claim_token"]).toMatch(/^[0-9a-f]{32}$/);
    expect(row("job-dream.stage")).toMatchObject({ status: "queued", attempt: 0 });
    for (const absent of ["lease_epoch", "claim_token", "retry_exhausted", "seq"]) {
      expect(row("job-dream.stage")).not.toHaveProperty(absent);
    }
    const results = Object.fromEntries(
      projections.jobs.map((job: Row) => [job["job_id"], job["result_status"]]),
    );
    expect(results).toMatchObject({
      "job-dream.run": "succeeded",
      "job-wiki.forge": "failed",
      "job-rpi.phase": "cancelled",
    });
    expect(queue.jobs[0]).not.toHaveProperty("result_status");
  });

  it("says the same in the queue, the projections, OpenClaw and the job list", async () => {
    const status = (await daemon.ask("/v1/status")).body;
    const states = (rows: readonly Row[]): Row =>
      Object.fromEntries(
        rows.map(({ job_id, status: state, failure, artifacts, last_event_id }) => [
          job_id,
          { state, failure, artifacts, last_event_id },
        ]),
      );
    const expected = states(status.queue.jobs);
    expect(states(status.projections.jobs)).toEqual(expected);
    expect(states(status.projections.openclaw.resources.jobs)).toEqual(expected);
    expect(states((await daemon.ask("/v1/jobs")).body.jobs)).toEqual(expected);
    expect(states((await daemon.ask("/openclaw/v1/jobs")).body.jobs)).toEqual(expected);
  });

  it("has all six manifests at the ledger's last event", async () => {
    const { projections, projection_lag: lag } = (await daemon.ask("/v1/status")).body;
    expect(Object.keys(projections.manifests)).toHaveLength(6);
    for (const manifest of Object.values<Row>(projections.manifests)) {
      expect(manifest).toMatchObject({ status: "current", last_event_id: lag.last_event_id });
      expect(manifest["source_ledger"]).toBe(".agents/daemon/ledger.jsonl");
    }
  });

  it("names queued jobs that nobody takes, and not those that somebody asked for", async () => {
    const { queued_without_worker: waiting } = (await daemon.ask("/v1/ready")).body;
    expect(waiting).toEqual({ "dream.stage": 1, "wiki.build": 1, "openclaw.snapshot": 1 });
  });

  it("counts jobs as the list shows them", async () => {
    const { job_counts: counts } = (await daemon.ask("/v1/ready")).body;
    const { body } = await daemon.ask("/v1/jobs?limit=1000");
    const listed: Record<string, Record<string, number>> = {};
    for (const job of [...body.jobs, ...(body.foreign_jobs ?? [])]) {
      const ofType = (listed[job.job_type] ??= {});
      ofType[job.status] = (ofType[job.status] ?? 0) + 1;
    }
    expect(counts).toEqual(listed);
    expect(Object.keys(counts).length).toBeGreaterThan(3);
  });

  it("comes in pages whose lists all hold the same jobs", async () => {
    const seen: unknown[] = [];
    let cursor = "";
    for (;;) {
      const { body } = await daemon.ask(`/v1/status?limit=3${cursor}`);
      const page = idsOf(body.queue.jobs);
      expect(idsOf(body.projections.jobs)).toEqual(page);
      const { resources } = body.projections.openclaw;
      expect(idsOf(resources.jobs)).toEqual(page);
      for (const list of [resources.runs, resources.wiki, body.projections.rpi.runs]) {
        for (const id of idsOf(list)) expect(page).toContain(id);
      }
      seen.push(...page);
      if (body.next_cursor === undefined) break;
      cursor = `&cursor=${body.next_cursor}`;
    }
    expect(seen).toEqual(ofTypes(""));
  });
});

describe("the list of jobs", () => {
  beforeEach(populate);
  const ids = async (query: string): Promise<readonly unknown[]> =>
    (await daemon.ask(`/v1/jobs${query}`)).body.jobs.map((job: Row) => job["job_id"]);

  it("is filtered by state and type, repeated or with commas", async () => {
    expect(await ids("?status=cancelled")).toEqual(["job-rpi.phase"]);
    expect(await ids("?status=completed,failed")).toEqual(["job-dream.run", "job-wiki.forge"]);
    expect(await ids("?type=rpi.run&type=wiki.build")).toEqual(["job-rpi.run", "job-wiki.build"]);
    expect(await ids("?status=queued&type=rpi.run")).toEqual([]);
    expect(await ids("?type=no.such.type")).toEqual([]);
  });

  it("is walked in both directions without a gap", async () => {
    for (const order of ["asc", "desc"]) {
      const seen: unknown[] = [];
      let cursor = "";
      for (;;) {
        const { body } = await daemon.ask(`/v1/jobs?order=${order}&limit=2${cursor}`);
        seen.push(...body.jobs.map((job: Row) => job["job_id"]));
        if (body.next_cursor === undefined) break;
        cursor = `&cursor=${body.next_cursor}`;
      }
      const all = TYPES.map((type) => `job-${type}`);
      expect(seen).toEqual(order === "asc" ? all : all.reverse());
    }
  });

  it("gives one job by its id", async () => {
    expect((await daemon.ask("/v1/jobs/job-rpi.run")).body).toMatchObject({ status: "running" });
    expect((await daemon.ask("/v1/jobs/none")).status).toBe(404);
  });
});

describe("the events", () => {
  beforeEach(populate);
  const page = async (query: string): Promise<readonly string[]> =>
    (await daemon.ask(`/v1/events${query}`)).body.events.map((event: Row) => event["event_id"]);

  it("are the ledger's lines, in order", async () => {
    const { body } = await daemon.ask("/v1/events");
    expect(body.events).toEqual(daemon.ledger().map((line) => JSON.parse(line)));
    expect(body.last_event_id).toBe(body.events.at(-1).event_id);
    expect(body).not.toHaveProperty("corrupt");
    expect(body).not.toHaveProperty("foreign_events");
  });

  it("are paged by limit and since, and last_event_id stays the ledger's", async () => {
    const all = await page("");
    expect(await page("?limit=2")).toEqual(all.slice(0, 2));
    expect(await page(`?limit=2&since=${all[1]}`)).toEqual(all.slice(2, 4));
    expect(await page(`?after_id=${all[3]}`)).toEqual(all.slice(4));
    expect(await page(`?since=${all[5]}&after_id=${all[1]}`)).toEqual(all.slice(6));
    expect(await page(`?since=${all.at(-1)}`)).toEqual([]);
    expect(await page("?limit=0")).toEqual([]);
    expect(await page("?limit=%2B3")).toEqual(all.slice(0, 3));
    expect(await page("?limit=5000")).toEqual(all);
    expect((await daemon.ask("/v1/events?limit=1")).body.last_event_id).toBe(all.at(-1));
  });

  it("are those of one job alone, when one is named", async () => {
    const { body } = await daemon.ask("/v1/events");
    const jobs = [...new Set(body.events.map((event: Row) => event["job_id"]))] as string[];
    expect(jobs.length).toBeGreaterThan(2);
    for (const job of jobs) {
      const mine = body.events.filter((event: Row) => event["job_id"] === job);
      const own = mine.map((event: Row) => event["event_id"]);
      expect(await page(`?job=${job}`)).toEqual(own);
      expect(await page(`?job=${job}&limit=1`)).toEqual(own.slice(0, 1));
      expect(await page(`?job=${job}&since=${own[0]}`)).toEqual(own.slice(1));
    }
    expect(await page("?job=nobody")).toEqual([]);
  });

  it("are the newest when their number is given, which no cursor may go with", async () => {
    const all = await page("");
    expect(await page("?last=2")).toEqual(all.slice(-2));
    expect(await page("?last=0")).toEqual([]);
    expect(await page("?last=5000")).toEqual(all);
    expect(await page("?last=3&limit=1")).toEqual(all.slice(-3).slice(0, 1));
    for (const bad of [`last=1&since=${all[0]}`, "last=-1", "last=x"]) {
      expect(await daemon.ask(`/v1/events?${bad}`)).toMatchObject({
        status: 400,
        body: { field: "last" },
      });
    }
  });
});

describe("OpenClaw", () => {
  beforeEach(populate);

  it("tells where each resource comes from", async () => {
    const { body } = await daemon.ask("/openclaw/v1/runs");
    const run = body.runs.find((each: Row) => each["job_id"] === "job-dream.run");
    expect(run).toMatchObject({
      resource_id: "job-dream.run",
      resource_kind: "run",
      run_id: "job-dream.run",
      status: "completed",
      result_status: "succeeded",
    });
    expect(run.provenance).toEqual([
      { rel: "source-event", kind: "daemon-ledger-event", event_id: run.last_event_id },
      { rel: "source-job", kind: "daemon-job", job_id: "job-dream.run" },
      {
        rel: "source-run",
        kind: "daemon-run",
        run_id: "job-dream.run",
        job_id: "job-dream.run",
      },
      { rel: "artifact", kind: "artifact", artifact: "alpha", uri: "https://example.test/a" },
      { rel: "artifact", kind: "artifact", artifact: "zeta", path: "out/z.md" },
    ]);
    const { body: wiki } = await daemon.ask("/openclaw/v1/wiki");
    expect(wiki.wiki[1]).toMatchObject({
      resource_id: "wiki-job-wiki.forge",
      resource_kind: "wiki",
      failure: { code: "lost", message: "gone" },
    });
    expect(wiki.wiki[1]).not.toHaveProperty("run_id");
  });

  it("counts what it lists, and its snapshot is named for the last event", async () => {
    const { body: health } = await daemon.ask("/openclaw/v1/health");
    const { body: snapshot } = await daemon.ask("/openclaw/v1/snapshot/latest");
    const { runs, jobs, wiki } = snapshot.resources;
    expect(health.resource_counts).toEqual({
      runs: runs.length,
      jobs: jobs.length,
      wiki: wiki.length,
    });
    expect(health.resource_counts).toEqual({ runs: 4, jobs: 7, wiki: 2 });
    expect(snapshot.snapshot_id).toBe(`snap_${snapshot.source.last_event_id}`);
    expect(health).toMatchObject({ status: "ok", ready: true, snapshot_status: "current" });
  });

  it("takes a safe job through its trigger, and recovers it by key", async () => {
    const body = { job_type: "dream.run", job_id: "by-trigger", idempotency_key: "k" };
    const first = await daemon.post("/openclaw/v1/triggers/jobs", body);
    expect(first.status).toBe(202);
    expect(first.body).toMatchObject({
      accepted: true,
      job_id: "by-trigger",
      job_type: "dream.run",
      status: "queued",
      snapshot_status: "current",
      idempotency_key: "k",
    });
    const again = await daemon.post("/openclaw/v1/triggers/jobs", { ...body, payload: { x: 1 } });
    expect(again.body.job_id).toBe("by-trigger");
    expect(again.headers["keelson-idempotency-mismatch"]).toBe("true");
  });
});

describe("a status of many jobs", () => {
  it("is written in pieces, valid as a whole, and lets others through meanwhile", async () => {
    const JOBS = 2_000;
    for (let i = 0; i < JOBS; i += 500) {
      const jobs = Array.from({ length: 500 }, (_, at) => ({
        job_type: TYPES[at % TYPES.length],
        job_id: `many-${i + at}`,
        payload: { text: "x".repeat(200) },
      }));
      expect((await daemon.post("/v1/jobs:batch", { jobs })).status).toBe(202);
    }
    const base = await daemon.listen();
    // The headers come with the first piece; the rest waits until it is read.
    const response = await fetch(`${base}/v1/status`);
    const health = await fetch(`${base}/v1/health`);
    expect(health.status).toBe(200);
    await health.text();
    // Committed while the status is on its way: it must not show in any of its lists.
    await daemon.post("/v1/jobs", { job_type: "rpi.run", job_id: "late" });
    const text = await response.text();
    expect(response.headers.get("transfer-encoding")).toBe("chunked");
    expect(text.endsWith("}\n")).toBe(true);
    const body = JSON.parse(text);
    checkComponent("StatusResponse", body);
    expect(body.queue.jobs).toHaveLength(JOBS);
    expect(body.projections.jobs).toHaveLength(JOBS);
    expect(body.projections.openclaw.resources.jobs).toHaveLength(JOBS);
    expect(body.projection_lag.event_count).toBe(JOBS);
  });
});
