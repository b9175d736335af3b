import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Host, startHost } from "../../src/host/host.ts";
import { METRICS, RUNTIME_METRICS } from "../../src/metrics/catalogue.ts";
import { MetricsPage } from "../support/metrics-page.ts";
import { freshDatabase } from "../support/postgres.ts";
import { eventually } from "../support/raw-socket.ts";

const roots: string[] = [];
function newRoot(): string {
  const root = mkdtempSync(join(tmpdir(), "keelson-metrics-"));
  roots.push(root);
  return root;
}

async function newHost(options: Partial<Parameters<typeof startHost>[0]> = {}): Promise<Daemon> {
  const host = await startHost({ root: newRoot(), address: "127.0.0.1:0", ...options });
  return new Daemon(host);
}

class Daemon {
  readonly host: Host;
  readonly auth: Readonly<Record<string, string>>;

  constructor(host: Host) {
    this.host = host;
    const token = readFileSync(host.tokenFile, "utf8").trim();
    this.auth = { authorization: `Bearer ${token}` };
  }

  page(): Promise<MetricsPage> {
    return MetricsPage.of(this.host.url, this.auth);
  }

  async post(path: string, body: unknown, signal?: AbortSignal): Promise<number> {
    const response = await fetch(`${this.host.url}${path}`, {
      method: "POST",
      headers: { ...this.auth, "content-type": "application/json" },
      body: JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    });
    await response.arrayBuffer();
    return response.status;
  }

  submit(): Promise<number> {
    return this.post("/v1/jobs", { job_type: "rpi.run" });
  }
}

afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

describe("the metrics of a daemon", () => {
  let daemon: Daemon;
  let before: MetricsPage;
  beforeAll(async () => {
    daemon = await newHost();
  });
  afterAll(() => daemon.host.drain());

  const grown = async (name: string, labels: Record<string, string> = {}): Promise<number> =>
    (await daemon.page()).value(name, labels) - before.value(name, labels);

  it("are those of the reference, all of them and no other", async () => {
    const { families } = await daemon.page();
    const reference = readFileSync(
      new URL("../../docs/reference/metrics.md", import.meta.url),
      "utf8",
    );
    const documented = [...reference.matchAll(/^\| `(\w+)` \|/gm)].map(([, name = ""]) => name);
    expect(documented).toEqual([...Object.keys(METRICS), ...Object.keys(RUNTIME_METRICS)]);
    const onLinuxAlone = (name: string): boolean =>
      process.platform !== "linux" && name.startsWith("process_");
    expect(families.toSorted()).toEqual(
      documented.filter((name) => families.includes(name) || !onLinuxAlone(name)).toSorted(),
    );
  });

  it("come in the text format, and are not to be kept", async () => {
    const { headers, status } = await fetch(`${daemon.host.url}/metrics`, { method: "HEAD" });
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(headers.get("cache-control")).toBe("no-store");
  });

  it("count commands, commits, events and syncs", async () => {
    before = await daemon.page();
    const answers = await Promise.all(Array.from({ length: 20 }, () => daemon.submit()));
    expect(new Set(answers)).toEqual(new Set([202]));
    expect(await grown("keelson_appended_events_total", { event: "job.accepted" })).toBe(20);
    expect(await grown("keelson_commit_events_sum")).toBe(20);
    expect(await grown("keelson_commit_commands_sum")).toBe(20);
    const commits = await grown("keelson_commit_duration_seconds_count");
    expect(commits).toBeGreaterThan(0);
    expect(commits).toBeLessThanOrEqual(20);
    expect(await grown("keelson_sync_duration_seconds_count")).toBe(commits);
    expect(await grown("keelson_sync_duration_seconds_sum")).toBeGreaterThan(0);
    expect(await grown("keelson_jobs", { type: "rpi.run", status: "queued" })).toBe(20);
    const labels = { method: "POST", route: "/v1/jobs", status: "202" };
    expect(await grown("keelson_http_requests_total", labels)).toBe(20);
  });

  it("count claims, and leases that lapsed", async () => {
    before = await daemon.page();
    await daemon.submit();
    await daemon.post("/v1/jobs/claim", { types: ["rpi.run"], lease_ms: 1000, worker: "w" });
    expect(await grown("keelson_claims_total", { type: "rpi.run" })).toBe(1);
    await eventually(
      async () => (await grown("keelson_lease_takeovers_total", { type: "rpi.run" })) === 1,
    );
  });

  it("count what was refused, by code", async () => {
    before = await daemon.page();
    expect(await daemon.post("/v1/jobs", { job_type: "no.such" })).toBe(400);
    await fetch(`${daemon.host.url}/v1/jobs`, { method: "POST" });
    await fetch(`${daemon.host.url}/v1/jobs/none`);
    const rejected = "keelson_rejected_requests_total";
    expect(await grown(rejected, { code: "invalid_job_type" })).toBe(1);
    expect(await grown(rejected, { code: "mutation_denied" })).toBe(1);
    expect(await grown(rejected, { code: "job_not_found" })).toBe(1);
  });

  it("give a stranger no say in their labels", async () => {
    const names = (page: MetricsPage): readonly string[] =>
      page.samples
        .filter(({ name }) => name.startsWith("keelson_"))
        .map(({ name, labels }) => JSON.stringify([name, labels]))
        .toSorted();
    await fetch(`${daemon.host.url}/unknown`);
    await fetch(`${daemon.host.url}/unknown`, { method: "PROPFIND" });
    await daemon.post("/v1/jobs", { job_type: "made.up" });
    await fetch(`${daemon.host.url}/v1/jobs/some`);
    const known = names(await daemon.page());
    for (let i = 0; i < 20; i += 1) {
      await fetch(`${daemon.host.url}/unknown-${i}?q=${i}`);
      await fetch(`${daemon.host.url}/unknown-${i}`, { method: "PROPFIND" });
      await fetch(`${daemon.host.url}/v1/jobs/some-${i}`);
      await daemon.post("/v1/jobs", { job_type: `made.up${i}` });
    }
    expect(names(await daemon.page())).toEqual(known);
  });

  it("say how many streams and claims are open", async () => {
    const leave = new AbortController();
    const { signal } = leave;
    const headers = { accept: "text/event-stream" };
    const streams = await Promise.all(
      [1, 2].map(() => fetch(`${daemon.host.url}/v1/events?since=latest`, { headers, signal })),
    );
    const claim = { types: ["wiki.build"], wait_ms: 30_000, worker: "w" };
    const claimed = daemon.post("/v1/jobs/claim", claim, signal).catch(() => "left");
    await eventually(async () => (await daemon.page()).value("keelson_waiting_claims") === 1);
    expect((await daemon.page()).value("keelson_sse_subscribers")).toBe(streams.length);
    leave.abort();
    expect(await claimed).toBe("left");
    await eventually(async () => {
      const page = await daemon.page();
      return (
        page.value("keelson_sse_subscribers") + page.value("keelson_waiting_claims") === 0 &&
        page.value("keelson_http_requests_total", {
          method: "POST",
          route: "/v1/jobs/claim",
          status: "left",
        }) === 1
      );
    });
  });

  it("count a request whose sender left in the middle of it", async () => {
    before = await daemon.page();
    const { hostname, port } = new URL(daemon.host.url);
    const socket = connect(Number(port), hostname);
    const head =
      `POST /v1/jobs HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: 99\r\n` +
      `Authorization: ${daemon.auth["authorization"] ?? ""}\r\n\r\n`;
    await new Promise((written) => socket.write(`${head}{`, written));
    socket.destroy();
    const labels = { method: "POST", route: "/v1/jobs", status: "left" };
    await eventually(async () => (await grown("keelson_http_requests_total", labels)) === 1);
  });
});

describe("the metrics of an exposed daemon", () => {
  it("want a token", async () => {
    const daemon = await newHost({ expose: "keelson.example" });
    expect((await fetch(`${daemon.host.url}/metrics`)).status).toBe(403);
    expect((await daemon.page()).value("keelson_ready")).toBe(1);
    await daemon.host.drain();
  });
});

describe("the metrics of nodes that share a database", () => {
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });

  it("tell of what another node appended, and how late it came", async () => {
    const { url: store, drop } = await freshDatabase();
    stops.push(drop);
    const [one, other] = [await newHost({ store }), await newHost({ store })];
    stops.push(
      () => one.host.drain(),
      () => other.host.drain(),
    );
    for (let i = 0; i < 3; i += 1) expect(await one.submit()).toBe(202);
    await eventually(
      async () => (await other.page()).value("keelson_follower_delay_seconds_count") === 3,
    );
    const [mine, theirs] = [await one.page(), await other.page()];
    const accepted = { event: "job.accepted" };
    expect(mine.value("keelson_appended_events_total", accepted)).toBe(3);
    expect(theirs.value("keelson_appended_events_total", accepted)).toBe(0);
    expect(mine.value("keelson_sync_duration_seconds_count")).toBe(
      mine.value("keelson_commit_duration_seconds_count"),
    );
    for (const page of [mine, theirs]) {
      expect(page.value("keelson_jobs", { type: "rpi.run", status: "queued" })).toBe(3);
      expect(page.value("keelson_follower_lag_events")).toBe(0);
    }
  });
});

it("a root with broken lines is not ready", async () => {
  const root = newRoot();
  const first = await newHost({ root });
  const ledger = first.host.ledgerPath;
  await first.submit();
  await first.host.drain();
  writeFileSync(ledger, `{broken\n${readFileSync(ledger, "utf8")}`);
  const daemon = await newHost({ root });
  const page = await daemon.page();
  expect(page.value("keelson_ready")).toBe(0);
  expect(page.value("keelson_projection_behind", { projection: "daemon-status" })).toBe(1);
  await daemon.host.drain();
});
