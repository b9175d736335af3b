import { describe, expect, it } from "vitest";
import {
  type ChannelState,
  type ChannelWrite,
  mayAccess,
  reduce,
  sizeProblem,
  unreadableVersions,
  writeProblem,
} from "./channel.ts";

function written(
  reducer: string,
  values: readonly unknown[],
  bounds: Partial<ChannelWrite> = {},
): unknown {
  let channel: ChannelState | undefined;
  values.forEach((value, at) => {
    channel = reduce(channel, { reducer, value, at, schemaVersion: 1, ...bounds });
  });
  return channel?.value;
}

const vote = (userId: string, choice: number): object => ({ userId, choice });
const message = (messageId: string, text: string): object => ({ messageId, text });

describe("a reducer", () => {
  it.each([
    ["replace", [1, 2], 2],
    ["append", [1, 1], [1, 1]],
    ["merge", [{ a: 1, b: 1 }, { b: 2 }], { a: 1, b: 2 }],
    ["merge", [1, { b: 2 }], { b: 2 }],
    ["counter", [2, 3], 5],
    ["votes", [vote("a", 1), vote("b", 1), vote("a", 2)], [vote("b", 1), vote("a", 2)]],
    ["feedback", ["x", "y"], ["x", "y"]],
    ["message", [message("1", "a"), message("1", "b")], [message("1", "a")]],
    ["message", ["plain", "plain"], ["plain", "plain"]],
    ["vendor.acme.last", [1, 2], 2],
  ])("%s makes of %j %j", (reducer, values, expected) => {
    expect(written(reducer, values)).toEqual(expected);
  });

  it("drops what is too old before what is too much, and only where entries age", () => {
    expect(written("append", ["a", "b", "c"], { ttlMs: 1 })).toEqual(["b", "c"]);
    expect(written("append", ["a", "b", "c"], { maxSize: 2 })).toEqual(["b", "c"]);
    expect(written("message", ["a", "b", "c"], { ttlMs: 1 })).toEqual(["a", "b", "c"]);
  });

  it("begins with the declared default", () => {
    expect(written("append", ["b"], { initial: ["a"] })).toEqual(["a", "b"]);
    expect(written("counter", [1], { initial: 41 })).toBe(42);
  });
});

describe("a write", () => {
  it("is refused where its value or its reducer does not fit", () => {
    const counted = reduce(undefined, { reducer: "counter", value: 1, at: 0, schemaVersion: 1 });
    expect(writeProblem("counter", undefined, "1")).toContain("numbers");
    expect(writeProblem("merge", undefined, [1])).toContain("objects");
    expect(writeProblem("append", counted, 1)).toContain("counter");
    expect(writeProblem("counter", counted, 1)).toBeUndefined();
  });

  it("is refused over the size where nothing is dropped", () => {
    const state = (reducer: string, value: unknown): ChannelState => ({
      reducer,
      value,
      versions: [1],
    });
    expect(sizeProblem(state("merge", { a: 1, b: 2 }), 1)).toContain("2");
    expect(sizeProblem(state("replace", "long"), 1)).toBeUndefined();
    expect(sizeProblem(state("append", [1, 2]), 1)).toBeUndefined();
  });

  it("of an older schema is readable only where the channel says so", () => {
    const channel = { reducer: "append", value: [], versions: [1, 2, 4] };
    const declared = { reducer: "append", schemaVersion: 3, compatibleWith: [2] };
    expect(unreadableVersions(declared, channel)).toEqual([1]);
  });
});

describe("access", () => {
  const who = { nodeId: "writer", typeId: "core.channelWrite" };
  const declared = (access: object | "public" | "private") => ({ reducer: "append", access });

  it.each([
    ["public", true, true],
    ["private", true, false],
    [{ writers: ["writer"] }, true, false],
    [{ writers: ["core.*"] }, true, false],
    [{ writers: ["*"] }, true, false],
    [{ writers: ["other", "core.noop"] }, false, false],
    [{ readers: [] }, true, true],
  ] as const)("%j lets a node write: %s, an outsider: %s", (access, node, outsider) => {
    expect(mayAccess(declared(access), "writers", who)).toBe(node);
    expect(mayAccess(declared(access), "writers", undefined)).toBe(outsider);
  });
});
