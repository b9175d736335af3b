import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../test/support/virtual-clock.ts";
import type { Frame } from "../../http/event-stream.ts";
import type { RunEvent } from "../events/run-event.ts";
import { FrameBuffer, parseBufferMs } from "./batch.ts";
import { frameOf, isUpdate, parseStreamModes, type StreamMode, stateFrame } from "./modes.ts";

function event(type: string, sequence = 3): RunEvent {
  return {
    eventId: `evt-${sequence}`,
    runId: "run-1",
    type,
    payload: { chunk: "a" },
    timestamp: "2026-11-21T12:00:00.000Z",
    sequence,
  };
}

describe("streamMode", () => {
  it.each<[string | undefined, readonly StreamMode[] | undefined]>([
    [undefined, ["updates"]],
    ["updates", ["updates"]],
    ["values", ["values"]],
    ["updates,messages", ["updates", "messages"]],
    [" debug , debug ", ["debug"]],
    ["values,updates", undefined],
    ["everything", undefined],
    ["updates,", undefined],
    ["", undefined],
  ])("%j means %j", (text, modes) => {
    expect(parseStreamModes(text)).toEqual(modes);
  });
});

describe("updates", () => {
  it.each([
    "run.started",
    "run.paused",
    "node.completed",
    "node.suspended",
    "approval.received",
    "interrupt.requested",
    "artifact.created",
  ])("shows %s", (type) => {
    expect(isUpdate(type)).toBe(true);
    expect(frameOf(["updates"], event(type))?.event).toBe(type);
  });

  it.each([
    "node.started",
    "node.retried",
    "variable.changed",
    "version.pinned",
    "lease.acquired",
    "log.appended",
    "runOrchestrator.decided",
    "running",
  ])("leaves %s out, which debug shows", (type) => {
    expect(frameOf(["updates"], event(type))).toBeUndefined();
    expect(frameOf(["debug"], event(type))?.event).toBe(type);
  });
});

describe("frames", () => {
  it("carry the whole event and its sequence as the resume point", () => {
    const one = event("node.completed", 12);
    expect(frameOf(["updates"], one)).toEqual({
      id: "12",
      event: "node.completed",
      data: JSON.stringify(one),
    });
  });

  it("of messages are the chunks of output under their own name", () => {
    const frame = frameOf(["messages"], event("output.chunk"));
    expect(frame?.event).toBe("ai.message.chunk");
    expect(JSON.parse(frame?.data ?? "")).toMatchObject({ payload: { chunk: "a" }, sequence: 3 });
    expect(frameOf(["messages"], event("node.completed"))).toBeUndefined();
  });

  it("are sent once when several modes show the event", () => {
    expect(frameOf(["messages", "debug"], event("output.chunk"))?.event).toBe("output.chunk");
  });

  it("of values are states that name their sequence", () => {
    const frame = stateFrame(7, { runId: "run-1", status: "running" });
    expect(frame).toMatchObject({ id: "7", event: "state.snapshot" });
    expect(JSON.parse(frame.data)).toEqual({ runId: "run-1", status: "running", atSeq: 7 });
  });
});

describe("bufferMs", () => {
  it.each([
    [undefined, 0],
    ["0", 0],
    ["5000", 5000],
    ["5001", undefined],
    ["-1", undefined],
    ["1.5", undefined],
    ["soon", undefined],
    ["", undefined],
  ])("%j means %j", (text, value) => {
    expect(parseBufferMs(text)).toBe(value);
  });
});

describe("a buffer of frames", () => {
  function buffered(): {
    readonly clock: VirtualClock;
    readonly buffer: FrameBuffer;
    readonly sent: Frame[];
  } {
    const clock = new VirtualClock(Date.parse("2026-11-21T12:00:00Z"));
    const sent: Frame[] = [];
    const buffer = new FrameBuffer({ clock, bufferMs: 100, send: (frame) => sent.push(frame) });
    return { clock, buffer, sent };
  }
  const frame = (type: string, sequence: number): Frame => ({
    id: String(sequence),
    event: type,
    data: JSON.stringify(event(type, sequence)),
  });

  it("sends one batch when its time is up, and nothing more", () => {
    const { clock, buffer, sent } = buffered();
    buffer.add(frame("node.completed", 2));
    buffer.add(frame("node.completed", 4));
    clock.advance(99);
    expect(sent).toEqual([]);
    clock.advance(1);
    expect(sent.map(({ id, event: name }) => [id, name])).toEqual([["4", "batch"]]);
    expect(JSON.parse(sent[0]?.data ?? "")).toMatchObject([{ sequence: 2 }, { sequence: 4 }]);
    clock.advance(1000);
    expect(sent).toHaveLength(1);
  });

  it.each(["run.completed", "run.failed", "run.cancelled", "node.suspended"])(
    "does not let anybody wait for %s",
    (type) => {
      const { buffer, sent } = buffered();
      buffer.add(frame("node.completed", 2));
      buffer.add(frame(type, 3));
      expect(JSON.parse(sent[0]?.data ?? "")).toMatchObject([{ sequence: 2 }, { sequence: 3 }]);
    },
  );

  it("sends nothing when nothing is held", () => {
    const { buffer, sent } = buffered();
    buffer.flush();
    expect(sent).toEqual([]);
  });
});
