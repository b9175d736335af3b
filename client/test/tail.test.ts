import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { createClient } from "../src/client.ts";
import { readFrames } from "../src/frames.ts";
import { fakeDaemon, inTurn, type Route } from "./fake-daemon.ts";

function frame(id: string): string {
  return `id: ${id}\nevent: job.accepted\ndata: {"event_id":"${id}","event_type":"job.accepted"}\n\n`;
}

function stream(write: (response: ServerResponse) => void): Route {
  return ({ response }) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    write(response);
  };
}

async function take(count: number, events: AsyncIterable<{ event_id: string }>): Promise<string[]> {
  const ids: string[] = [];
  for await (const event of events) {
    ids.push(event.event_id);
    if (ids.length === count) break;
  }
  return ids;
}

test("a tail goes on after the last whole frame of a broken connection", async () => {
  const daemon = await fakeDaemon({
    "GET /v1/events": inTurn(
      stream((out) => {
        // The third frame is cut before its blank line: it does not count.
        out.write(frame("e1") + frame("e2") + frame("e3").slice(0, -1));
        setTimeout(() => out.destroy(), 30);
      }),
      ({ drop }) => drop(),
      ({ json }) => json(503, { error: "starting" }),
      stream((out) => out.write(`: hello\n\n${frame("e3")}`)),
    ),
  });
  const breaks: unknown[] = [];
  const tail = createClient({ url: daemon.url }).tail({ onBreak: (error) => breaks.push(error) });
  expect(await take(3, tail)).toEqual(["e1", "e2", "e3"]);
  const resumed = daemon.seen.map((seen) => seen.headers["last-event-id"]);
  expect(resumed).toEqual([undefined, "e2", "e2", "e2"]);
  expect(breaks).toHaveLength(3);
});

test("a host that repeats the event it was asked to start after does not make us repeat it", async () => {
  const daemon = await fakeDaemon({
    "GET /v1/events": inTurn(
      stream((out) => out.end(frame("e1"))),
      stream((out) => out.write(frame("e1") + frame("e2"))),
    ),
  });
  expect(await take(2, createClient({ url: daemon.url }).tail())).toEqual(["e1", "e2"]);
});

test("latest means the head at the time of the call, also when the first connection fails", async () => {
  const daemon = await fakeDaemon({
    "GET /v1/events": inTurn(
      ({ json }) => json(200, { events: [], last_event_id: "e7" }),
      ({ drop }) => drop(),
      stream((out) => out.write(frame("e8"))),
    ),
  });
  const tail = createClient({ url: daemon.url }).tail({ after: "latest", types: ["job.accepted"] });
  expect(await take(1, tail)).toEqual(["e8"]);
  expect(daemon.seen.map((seen) => seen.query.get("since"))).toEqual([null, "e7", "e7"]);
  expect(daemon.seen[2]?.query.get("types")).toBe("job.accepted");
});

test("a silent connection is taken for dead", async () => {
  const daemon = await fakeDaemon({
    "GET /v1/events": inTurn(
      stream((out) => out.write(frame("e1"))),
      stream((out) => out.write(frame("e2"))),
    ),
  });
  const tail = createClient({ url: daemon.url }).tail({ silenceMs: 50 });
  expect(await take(2, tail)).toEqual(["e1", "e2"]);
});

test("an unknown start is the caller's mistake and is thrown", async () => {
  const daemon = await fakeDaemon({
    "GET /v1/events": ({ json }) =>
      json(400, { error: "event cursor not found", code: "invalid_cursor" }),
  });
  const tail = createClient({ url: daemon.url }).tail({ after: "nope" });
  await expect(take(1, tail)).rejects.toMatchObject({ code: "invalid_cursor" });
  expect(daemon.seen).toHaveLength(1);
});

test("a daemon without a live stream is said to have none", async () => {
  const daemon = await fakeDaemon({ "GET /v1/events": ({ json }) => json(200, { events: [] }) });
  const tail = createClient({ url: daemon.url }).tail();
  await expect(take(1, tail)).rejects.toMatchObject({ code: "unexpected_answer" });
});

test("an abort ends the iteration without an error", async () => {
  const daemon = await fakeDaemon({ "GET /v1/events": stream((out) => out.write(frame("e1"))) });
  const controller = new AbortController();
  const ids: string[] = [];
  for await (const event of createClient({ url: daemon.url }).tail({ signal: controller.signal })) {
    ids.push(event.event_id);
    setTimeout(() => controller.abort(), 10);
  }
  expect(ids).toEqual(["e1"]);
});

test("frames survive any cutting into chunks, also inside a character", async () => {
  const text = ": hi\r\n\r\nid: 1\r\nevent: x\r\ndata: é\ndata: b\n\ndata:c\n\nevent: no-data\n\n";
  const bytes = new TextEncoder().encode(text);
  const chunks = [...bytes].map((byte) => Uint8Array.of(byte));
  const frames = [];
  const source = ReadableStream.from<Uint8Array>(chunks);
  for await (const each of readFrames(source, () => undefined)) frames.push(each);
  expect(frames).toEqual([
    { id: "1", event: "x", data: "é\nb" },
    { id: undefined, event: "message", data: "c" },
  ]);
});
