/** What reaches a run from outside its nodes: channel writes, variables, version pins. */
import { describe, expect, it } from "vitest";
import { definitionOf, RunWorld, T0 } from "../../../test/support/run-world.ts";
import type { PinVersion, RunInput } from "./input.ts";

const now = T0;

function waiting(): RunWorld {
  const channels = {
    log: { reducer: "append", maxSize: 2 },
    total: { reducer: "counter" },
    topic: { reducer: "replace" },
    own: { reducer: "append", access: "private" },
  };
  const nodes = [{ id: "gate", typeId: "core.approvalGate" }];
  const world = new RunWorld([definitionOf({ nodes, channels })]);
  world.start("w");
  return world;
}

function send(world: RunWorld, input: RunInput): unknown {
  const decision = world.send("run-1", input);
  return decision.ok ? "ok" : decision.error.code;
}

describe("a channel write from outside", () => {
  it.each([
    [{ channel: "log", value: 1 }, "ok"],
    [{ channel: "topic", value: 1 }, "ok"],
    [{ channel: "none", value: 1 }, "validation_error"],
    [{ channel: "total", value: "1" }, "validation_error"],
    [{ channel: "own", value: 1 }, "channel_access_denied"],
    [{ channel: "log", value: 1, sourceEngineId: "e2" }, "ok"],
    [{ channel: "topic", value: 1, sourceEngineId: "e2" }, "channel_cross_engine_write_forbidden"],
  ])("%j is answered with %s", (write, expected) => {
    const world = waiting();
    expect(send(world, { kind: "write-channel", now, ...write })).toBe(expected);
    const { length } = world.log("run-1").filter(({ type }) => type === "channel.written");
    expect(length).toBe(expected === "ok" ? 1 : 0);
  });

  it("records the write, and its fold holds what the channel may", () => {
    const world = waiting();
    for (const value of ["a", "b", "c"]) {
      send(world, { kind: "write-channel", now, channel: "log", value, sourceRunId: "run-9" });
    }
    expect(world.log("run-1").at(-1)?.payload).toEqual({
      channel: "log",
      value: "c",
      reducer: "append",
      writtenAt: "2026-01-01T00:00:00.000Z",
      sourceRunId: "run-9",
    });
    expect(world.state("run-1").channels["log"]?.value).toEqual(["b", "c"]);
  });
});

describe("variables set from outside", () => {
  it("are all set or none", () => {
    const world = waiting();
    const variables = { a: 1, log: 2 };
    expect(send(world, { kind: "set-variables", now, variables })).toBe("validation_error");
    expect(world.state("run-1").variables).toEqual({});
    expect(send(world, { kind: "set-variables", now, variables: { a: 1 } })).toBe("ok");
    expect(world.state("run-1").variables).toEqual({ a: 1 });
  });
});

describe("a version", () => {
  const pin = (min: number, max: number): PinVersion => ({
    kind: "pin-version",
    now,
    nodeId: "gate",
    changeId: "fix",
    min,
    max,
  });

  it("is pinned to the newest by the first who asks, and is read after that", () => {
    const world = waiting();
    expect(send(world, pin(-1, 2))).toBe("ok");
    expect(send(world, pin(1, 3))).toBe("ok");
    expect(world.state("run-1").pins).toEqual({ fix: 2 });
    expect(world.types("run-1").filter((type) => type.startsWith("version"))).toHaveLength(1);
    expect(send(world, pin(3, 4))).toBe("version_out_of_range");
  });
});

describe("a run that is over", () => {
  it("takes nothing any more", () => {
    const world = new RunWorld([definitionOf({ nodes: [{ id: "a" }] })]);
    world.start("w");
    const run = { runId: "run-1", inputs: {}, configurable: {} };
    expect(send(world, { kind: "start", now, run })).toBe("conflict");
    expect(send(world, { kind: "set-variables", now, variables: { a: 1 } })).toBe("stale_outcome");
    expect(send(world, { kind: "tick", now })).toBe("ok");
    expect(world.types("run-1").at(-1)).toBe("run.completed");
  });
});
