import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, type RawPeer, rawPeer } from "../support/raw-socket.ts";
import { checkComponent } from "../support/response-schema.ts";
import {
  AUTH,
  openConnections,
  overlay,
  SECRET,
  type WireDaemon,
  wireDaemon,
} from "../support/wire-daemon.ts";

const CLAIM = { types: ["rpi.run"], wait_ms: 60_000 };
let daemon: WireDaemon;
let url: string;
beforeAll(async () => {
  daemon = await wireDaemon({
    http: { requestMsMax: 300, headersMsMax: 200, idleMsMax: 60_000 },
  });
  url = await daemon.listen();
});
afterAll(() => daemon.close());

const head = (path: string, lines: readonly string[] = []): string =>
  `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-AgentOps-Daemon-Token: ${SECRET}\r\n` +
  `${lines.map((line) => `${line}\r\n`).join("")}\r\n`;

/** The JSON body of the last answer in a raw text, held against the error schema. */
function errorIn(received: string): { error: string; code: string } {
  const body = received.slice(received.lastIndexOf("\r\n\r\n") + 4);
  const parsed = JSON.parse(body) as { error: string; code: string };
  checkComponent("ErrorResponse", parsed);
  return parsed;
}

describe("a peer that misbehaves", () => {
  it.each([
    ["stalls in its body", head("/v1/jobs", ["Content-Length: 100"]) + '{"job_type"'],
    ["stalls in its headers", "POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\n"],
    ["says nothing", ""],
  ])("is answered 408 and closed when it %s", async (_what, bytes) => {
    const before = daemon.ledger().length;
    const peer = await rawPeer(url);
    peer.send(bytes);
    const received = await peer.closed();
    expect(received).toMatch(/^HTTP\/1\.1 408 /);
    expect(errorIn(received).code).toBe("request_timeout");
    expect(daemon.ledger()).toHaveLength(before);
  });

  it("is answered 431 when its headers are too large", async () => {
    const peer = await rawPeer(url);
    peer.send(`GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${"x".repeat(40_000)}\r\n\r\n`);
    const received = await peer.closed();
    expect(received).toMatch(/^HTTP\/1\.1 431 /);
    expect(errorIn(received).code).toBe("headers_too_large");
  });

  it.each([
    ["garbage", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    ["an unknown method", "BREW /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"],
    ["two lengths", head("/v1/jobs", ["Content-Length: 2", "Content-Length: 3"])],
    ["length and chunks", head("/v1/jobs", ["Content-Length: 2", "Transfer-Encoding: chunked"])],
  ])("is answered 400 and closed when it sends %s", async (_what, bytes) => {
    const peer = await rawPeer(url);
    peer.send(bytes);
    const received = await peer.closed();
    expect(received).toMatch(/^HTTP\/1\.1 400 /);
    expect(errorIn(received).code).toBe("bad_request");
  });

  it("is answered 400 when it names no host", async () => {
    const peer = await rawPeer(url);
    peer.send("GET /v1/health HTTP/1.1\r\nConnection: close\r\n\r\n");
    expect(await peer.closed()).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("leaves no trace when it goes away in its body", async () => {
    const before = daemon.ledger().length;
    const peer = await rawPeer(url);
    peer.send(`${head("/v1/jobs", ["Content-Length: 100"])}{"job_type":"rpi.run"}`);
    peer.end();
    await peer.closed();
    expect((await daemon.ask("/v1/health")).status).toBe(200);
    expect(daemon.ledger()).toHaveLength(before);
  });

  it("is answered 413 when it streams too much, and the next request still works", async () => {
    const peer = await rawPeer(url);
    peer.send(head("/v1/jobs", ["Transfer-Encoding: chunked"]));
    const chunk = "x".repeat(65_536);
    for (let i = 0; i < 20; i += 1) peer.send(`10000\r\n${chunk}\r\n`);
    peer.send("0\r\n\r\n");
    await peer.until((received) => received.includes("body_too_large"));
    expect(peer.received()).toMatch(/^HTTP\/1\.1 413 /);
    peer.send("GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    expect(await peer.closed()).toContain('"daemon":"agentopsd"');
  });
});

describe("many idle connections", () => {
  it("do no harm to one that asks", async () => {
    const idle = await wireDaemon({ http: { headersMsMax: 20_000, requestMsMax: 20_000 } });
    const peers: RawPeer[] = [];
    try {
      const base = await idle.listen();
      for (let i = 0; i < 500; i += 1) peers.push(await rawPeer(base));
      const answer = await fetch(`${base}/v1/jobs`, {
        method: "POST",
        headers: AUTH,
        body: '{"job_type":"rpi.run"}',
      });
      expect(answer.status).toBe(202);
      await answer.text();
    } finally {
      for (const peer of peers) peer.end();
      await idle.close();
    }
  });

  it("beyond the limit are closed at once", async () => {
    const small = await wireDaemon({ http: { connectionsMax: 2 } });
    const peers: RawPeer[] = [];
    try {
      const base = await small.listen();
      for (let i = 0; i < 2; i += 1) peers.push(await rawPeer(base));
      const third = await rawPeer(base);
      expect(await third.closed()).toBe("");
    } finally {
      for (const peer of peers) peer.end();
      await small.close();
    }
  });
});

describe("a worker that waits for work", () => {
  it("is woken by the submit itself", async () => {
    const claim = daemon.post("/v1/jobs/claim", CLAIM);
    const submitted = await daemon.post("/v1/jobs", { job_type: "rpi.run" });
    const { body } = await claim;
    expect(body.jobs.map((job: { job_id: string }) => job.job_id)).toEqual([submitted.body.job_id]);
  });

  it("takes no job when it has gone away before there was one", async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const watched = await wireDaemon({
      wrap: (engine) =>
        overlay(engine, {
          claim(input) {
            signals.push(input.signal);
            return engine.claim(input);
          },
        }),
    });
    try {
      const peer = await rawPeer(await watched.listen());
      const body = JSON.stringify(CLAIM);
      peer.send(`${head("/v1/jobs/claim", [`Content-Length: ${body.length}`])}${body}`);
      await eventually(() => signals.length === 1);
      peer.end();
      await eventually(() => signals[0]?.aborted === true);
      const { body: job } = await watched.post("/v1/jobs", { job_type: "rpi.run" });
      expect((await watched.ask(`/v1/jobs/${job.job_id}`)).body.status).toBe("queued");
    } finally {
      await watched.close();
    }
  });

  it("hands its jobs back unused when it has gone away while they were claimed", async () => {
    const { promise: claimed, resolve: release } = Promise.withResolvers<void>();
    let asked = 0;
    const slow = await wireDaemon({
      wrap: (engine) =>
        overlay(engine, {
          async claim(input) {
            const jobs = await engine.claim(input);
            asked += 1;
            await claimed;
            return jobs;
          },
        }),
    });
    try {
      await slow.post("/v1/jobs", { job_type: "rpi.run", job_id: "held" });
      const peer = await rawPeer(await slow.listen());
      const body = JSON.stringify(CLAIM);
      peer.send(`${head("/v1/jobs/claim", [`Content-Length: ${body.length}`])}${body}`);
      await eventually(() => asked === 1);
      expect(await slow.engine.job("held")).toMatchObject({ status: "running", attempt: 1 });
      peer.end();
      await eventually(() => openConnections(slow) === 0);
      release();
      await eventually(async () => (await slow.engine.job("held"))?.status === "retry_waiting");
      expect(await slow.engine.job("held")).toMatchObject({ attempt: 0 });
    } finally {
      await slow.close();
    }
  });

  it("is sent away when the daemon closes", async () => {
    const closing = await wireDaemon();
    const base = await closing.listen();
    const waiting = fetch(`${base}/v1/jobs/claim`, {
      method: "POST",
      headers: AUTH,
      body: JSON.stringify({ types: ["rpi.run"], wait_ms: 60_000 }),
    });
    await eventually(() => closing.app.server.listening);
    const stream = await fetch(`${base}/v1/events`, { headers: { accept: "text/event-stream" } });
    await closing.close();
    await expect(stream.text()).resolves.toContain(": open");
    const answer = await waiting;
    expect([200, 503]).toContain(answer.status);
    await answer.text();
  });
});
