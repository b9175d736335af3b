import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, type RawPeer, rawPeer, unchanging } from "../support/raw-socket.ts";
import { overlay, type WireDaemon, wireDaemon } from "../support/wire-daemon.ts";

const FOREIGN = {
  schema_version: 1,
  event_id: "evt_factory_started_f_000001",
  request_id: "r",
  job_id: "f",
  event_type: "factory.started",
  occurred_at: "2026-01-01T00:00:00Z",
  actor: "elsewhere",
};

interface Frame {
  readonly id?: string;
  readonly event?: string;
  readonly data?: string;
}

/** The frames in a raw chunked answer; comments are left out. */
function framesOf(received: string): readonly Frame[] {
  const body = received
    .slice(received.indexOf("\r\n\r\n") + 4)
    .replaceAll(/\r\n[0-9a-f]+\r\n/g, "");
  return body
    .split("\n\n")
    .map((block) => block.split("\n").flatMap((line) => /^(id|event|data): (.*)$/.exec(line) ?? []))
    .filter((parts) => parts.length > 0)
    .map((parts) => {
      const frame: Record<string, string> = {};
      for (let i = 0; i < parts.length; i += 3) frame[parts[i + 1] ?? ""] = parts[i + 2] ?? "";
      return frame;
    });
}

async function openStream(
  base: string,
  query = "",
  headers: readonly string[] = [],
): Promise<RawPeer> {
  const peer = await rawPeer(base);
  const lines = ["Host: 127.0.0.1", "Accept: text/event-stream", ...headers].join("\r\n");
  peer.send(`GET /v1/events${query} HTTP/1.1\r\n${lines}\r\n\r\n`);
  return peer;
}

const idsOf = (peer: RawPeer): readonly (string | undefined)[] =>
  framesOf(peer.received()).map((frame) => frame.id);

describe("the live tail of events", () => {
  let daemon: WireDaemon;
  let base: string;
  const ids: string[] = [];
  beforeAll(async () => {
    daemon = await wireDaemon({
      ledger: [`${JSON.stringify(FOREIGN)}`],
      http: { streamCommentMs: 20 },
    });
    base = await daemon.listen();
    for (let i = 0; i < 3; i += 1) {
      const { body } = await daemon.post("/v1/jobs", { job_type: "rpi.run", job_id: `job ü ${i}` });
      ids.push(body.last_event_id);
    }
  });
  afterAll(() => daemon.close());

  it("shows everything from the beginning, foreign lines as foreign", async () => {
    const peer = await openStream(base);
    const received = await peer.until((text) => framesOf(text).length === 4);
    expect(received).toMatch(/^HTTP\/1\.1 200 /);
    expect(received.toLowerCase()).toContain("content-type: text/event-stream\r\n");
    const [first, second] = framesOf(received);
    expect(first).toMatchObject({ id: FOREIGN.event_id, event: "foreign" });
    expect(JSON.parse(first?.data ?? "")).toEqual(FOREIGN);
    expect(second).toMatchObject({ id: ids[0], event: "job.accepted" });
    expect(JSON.parse(second?.data ?? "")).toMatchObject({ event_id: ids[0], job_id: "job ü 0" });
    peer.end();
  });

  it("shows each event as it is committed", async () => {
    const peer = await openStream(base, "?since=latest");
    await peer.until((text) => text.includes(": open"));
    const { body } = await daemon.post("/v1/jobs", { job_type: "wiki.build" });
    await peer.until((text) => framesOf(text).length === 1);
    expect(idsOf(peer)).toEqual([body.last_event_id]);
    await daemon.post("/v1/jobs/cancel", { job_id: body.job_id });
    await peer.until((text) => framesOf(text).length === 2);
    expect(framesOf(peer.received())[1]?.event).toBe("job.cancelled");
    peer.end();
  });

  it("goes on after Last-Event-ID, which wins over the query", async () => {
    const last = Buffer.from(`Last-Event-ID: ${ids[1]}`).toString("latin1");
    const peer = await rawPeer(base);
    peer.send(
      Buffer.from(
        "GET /v1/events?since=latest HTTP/1.1\r\nHost: 127.0.0.1\r\n" +
          `Accept: text/event-stream\r\n${last}\r\n\r\n`,
        "latin1",
      ),
    );
    await peer.until((text) => framesOf(text).length >= 1);
    expect(idsOf(peer)[0]).toBe(ids[2]);
    peer.end();
  });

  it("goes on after since, else after after_id", async () => {
    const cursor = encodeURIComponent(ids[1] ?? "");
    for (const query of [`?since=${cursor}`, `?after_id=${cursor}`]) {
      const peer = await openStream(base, query);
      await peer.until((text) => framesOf(text).length >= 1);
      expect(idsOf(peer)[0]).toBe(ids[2]);
      peer.end();
    }
  });

  it("keeps only the types that are asked for", async () => {
    const peer = await openStream(base, "?types=foreign,job.cancelled");
    await peer.until((text) => framesOf(text).length >= 2);
    const kinds = new Set(framesOf(peer.received()).map((frame) => frame.event));
    expect(kinds).toEqual(new Set(["foreign", "job.cancelled"]));
    peer.end();
  });

  it("keeps only the events of the job that is asked for", async () => {
    const all = (await daemon.ask("/v1/events")).body.events;
    const { job_id: job } = all.at(-1);
    const own = all.filter((event: { job_id: string }) => event.job_id === job);
    const peer = await openStream(base, `?job=${job}`);
    await peer.until((text) => framesOf(text).length >= own.length);
    const seen = framesOf(peer.received()).map((frame) => JSON.parse(frame.data ?? "").job_id);
    expect(new Set(seen)).toEqual(new Set([job]));
    peer.end();
  });

  it("starts with the newest events when their number is given", async () => {
    const { last_event_id: newest } = (await daemon.ask("/v1/events?limit=0")).body;
    const peer = await openStream(base, "?last=1");
    await peer.until((text) => framesOf(text).length > 0);
    expect(idsOf(peer)[0]).toBe(newest);
    peer.end();
  });

  it("sends comments while nothing happens", async () => {
    const peer = await openStream(base, "?since=latest");
    const received = await peer.until((text) => text.split(": keep-alive").length > 2);
    expect(framesOf(received)).toEqual([]);
    peer.end();
  });

  it("refuses a cursor it does not know", async () => {
    const headers = { accept: "text/event-stream", "last-event-id": "evt_nope" };
    const answer = await daemon.ask("/v1/events", { headers });
    expect(answer.status).toBe(400);
    expect(answer.body.error).toBe("event cursor not found");
  });
});

describe("a reader that does not read", () => {
  it("costs one page of memory and misses nothing", async () => {
    // More than the kernel's own buffers on both sides hold.
    const EVENTS = 500;
    const PAYLOAD = "x".repeat(32_768);
    let pulled = 0;
    const daemon = await wireDaemon({
      wrap: (engine) =>
        overlay(engine, {
          tail(after) {
            const tail = engine.tail(after);
            return {
              async next(limit, signal) {
                const page = await tail.next(limit, signal);
                pulled += page.length;
                return page;
              },
            };
          },
        }),
    });
    try {
      const peer = await openStream(await daemon.listen());
      await peer.until((text) => text.includes(": open"));
      peer.socket.pause();
      for (let i = 0; i < EVENTS; i += 25) {
        const jobs = Array.from({ length: 25 }, () => ({
          job_type: "rpi.run",
          payload: { text: PAYLOAD },
        }));
        await daemon.post("/v1/jobs:batch", { jobs });
      }
      await unchanging(() => pulled);
      expect(pulled).toBeLessThan(EVENTS);
      expect(daemon.engine.headPosition()).toBe(EVENTS);
      peer.socket.resume();
      const lastId = daemon.engine.lag().last_event_id ?? "";
      await peer.until((text) => text.slice(-PAYLOAD.length * 2).includes(`id: ${lastId}\n`));
      expect(pulled).toBe(EVENTS);
      expect(new Set(idsOf(peer)).size).toBe(EVENTS);
      peer.end();
      await peer.closed();
    } finally {
      await daemon.close();
    }
  });

  it("is forgotten when it leaves", async () => {
    let aborted = 0;
    const daemon = await wireDaemon({
      wrap: (engine) =>
        overlay(engine, {
          tail(after) {
            const tail = engine.tail(after);
            return {
              next(limit, signal) {
                signal.addEventListener("abort", () => (aborted += 1));
                return tail.next(limit, signal);
              },
            };
          },
        }),
    });
    try {
      const peer = await openStream(await daemon.listen());
      await peer.until((text) => text.includes(": open"));
      peer.end();
      await eventually(() => aborted === 1);
    } finally {
      await daemon.close();
    }
  });
});
