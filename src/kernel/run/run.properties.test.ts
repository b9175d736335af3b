/** What holds for every workflow, drawn at random. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holds } from "../../../test/support/property.ts";
import {
  type Control,
  controls,
  drive,
  workflows,
  worldOf,
} from "../../../test/support/run-arbitraries.ts";
import { definitionOf, hostWith, RunWorld, workflowOf } from "../../../test/support/run-world.ts";
import { expectSame } from "../../../test/support/same.ts";
import { decide } from "./decide.ts";
import { diffRuns } from "./diff.ts";
import { entryData, entryEvent } from "./document.ts";
import { isTerminalType, type LoggedEvent } from "./events.ts";
import { fold, foldAll } from "./fold.ts";
import { forkRun } from "./fork.ts";
import { nodeTypeOf } from "./nodes/catalogue.ts";
import type { RunState } from "./state.ts";

const RUNS = { runs: 150 };
const deathSteps = fc.array(fc.nat({ max: 20 }));

/** A log as the storage gives it back. */
function stored(log: readonly LoggedEvent[]): readonly LoggedEvent[] {
  return log.map((event) => {
    const data = JSON.parse(JSON.stringify(entryData(event))) as Record<string, unknown>;
    return entryEvent({ type: event.type, time: "2026-01-01T00:00:00Z", data });
  });
}

describe("any workflow", () => {
  it("ends, with one terminal event, which is the last", () => {
    holds(
      fc.property(workflows, controls, (definition, operations) => {
        const world = worldOf(definition);
        drive(world, operations);
        for (const runId of world.runs.keys()) {
          const log = world.log(runId);
          expect(log.filter(({ type }) => isTerminalType(type))).toEqual([log.at(-1)]);
        }
      }),
      RUNS,
    );
  });

  it("folds from its stored log, at once or one by one, to the state that was decided", () => {
    holds(
      fc.property(workflows, controls, (definition, operations) => {
        const world = worldOf(definition);
        drive(world, operations);
        const log = stored(world.log("run-1"));
        let state: RunState | undefined;
        for (const [index, event] of log.entries()) {
          state = fold(state, event);
          expect(state?.version).toBe(index + 1);
        }
        expectSame(state, JSON.parse(JSON.stringify(world.state("run-1"))));
        expectSame(foldAll(log), state);
      }),
      RUNS,
    );
  });

  it("folds from any events in any order without throwing", () => {
    const world = new RunWorld([definitionOf({ nodes: [{ id: "a" }] })]);
    world.start("w");
    const [started] = world.log("run-1");
    const event = fc.record({
      type: fc.constantFrom(
        "node.started",
        "node.completed",
        "node.resumed",
        "node.suspended",
        "interrupt.requested",
        "interrupt.resolved",
        "approval.received",
        "channel.written",
        "node.dispatched",
        "run.paused",
        "run.resumed",
        "run.started",
        "constructor",
        "runOrchestrator.decided",
        "keelson.child.requested",
      ),
      at: fc.nat(),
      payload: fc.dictionary(
        fc.constantFrom("nodeId", "interruptId", "ref", "channel", "value", "reducer", "name"),
        fc.jsonValue(),
      ),
      nodeId: fc.constantFrom("a", "__proto__", "constructor"),
      facts: fc.record({ interruptId: fc.constantFrom("a:0", "__proto__") }),
    });
    holds(
      fc.property(fc.array(event), (events) => {
        const log = started === undefined ? events : [started, ...events];
        expect(foldAll(log)?.version).toBe(log.length);
      }),
      { runs: 300 },
    );
  });

  it("ends as it would have without deaths, wherever its process dies", () => {
    holds(
      fc.property(workflows, controls, deathSteps, (definition, operations, deaths) => {
        const quiet = worldOf(definition);
        drive(quiet, operations);
        const troubled = worldOf(definition);
        drive(troubled, operations, (step) => {
          if (deaths.includes(step)) troubled.restart();
        });
        const events = (world: RunWorld): unknown =>
          world
            .log("run-1")
            .filter(({ type }) => type !== "run.resumed")
            .map(({ type, nodeId, payload }) => ({ type, nodeId, payload }));
        expect(events(troubled)).toEqual(events(quiet));
      }),
      RUNS,
    );
  });
});

describe("a fork of any run", () => {
  const cases = fc.tuple(workflows, controls, fc.nat({ max: 1000 }));

  function finished(definition: Record<string, unknown>, operations: readonly Control[]): RunWorld {
    const world = worldOf(definition);
    drive(world, operations);
    return world;
  }

  function plainly(log: readonly LoggedEvent[]): unknown {
    return log.map(({ type, nodeId, payload, causedBy, at }) => {
      const text = JSON.stringify(payload).replaceAll(/"(?:fork|run-1)(?=[":])/g, '"<run>');
      return { type, nodeId, causedBy, at, payload: JSON.parse(text) as unknown };
    });
  }

  it("in replay mode has the same events, from whichever sequence", () => {
    holds(
      fc.property(cases, ([definition, operations, drawn]) => {
        const world = finished(definition, operations);
        const log = stored(world.log("run-1"));
        const fork = forkRun(world.plan("w"), {
          source: { runId: "run-1", log },
          runId: "fork",
          now: world.now,
          mode: "replay",
          fromSeq: drawn % (log.length + 1),
        });
        if (!fork.ok) throw new Error(fork.error.message);
        expect(plainly(fork.value.events)).toEqual(plainly(log));
        expect(fork.value.effects).toEqual([]);
      }),
      RUNS,
    );
  });

  it("in branch mode begins with the same events and ends by itself", () => {
    holds(
      fc.property(cases, ([definition, operations, drawn]) => {
        const world = finished(definition, operations);
        const log = stored(world.log("run-1"));
        const fromSeq = drawn % (log.length + 1);
        const source = { runId: "run-1", log };
        const now = world.now;
        const fork = forkRun(world.plan("w"), {
          source,
          runId: "fork",
          now,
          mode: "branch",
          fromSeq,
        });
        if (!fork.ok) throw new Error(fork.error.message);
        const copied = fork.value.events.slice(0, fromSeq);
        expect(plainly(copied)).toEqual(plainly(log.slice(0, fromSeq)));
        world.adopt("fork", "w", fork.value);
        drive(world);
        const events = world.log("fork");
        expect(events.filter(({ type }) => isTerminalType(type))).toEqual([events.at(-1)]);
        expect(diffRuns(source, source)).toMatchObject({ divergedAtSeq: null, stateDiff: {} });
      }),
      RUNS,
    );
  });
});

describe("a workflow of 5,000 pure nodes", () => {
  it("starts and ends in one decision", () => {
    const nodes = Array.from({ length: 5000 }, (_, index) => ({ id: `n${index}` }));
    const edges = nodes.slice(1).map(({ id }, index) => `n${index} -> ${id}`);
    const workflow = workflowOf(definitionOf({ nodes, edges }));
    const host = { ...hostWith({ maxNodeExecutions: 10_000 }), typeOf: nodeTypeOf };
    const decision = decide({ workflow, host }, undefined, {
      kind: "start",
      now: 0,
      run: { runId: "r", inputs: {}, configurable: {} },
    });
    expect(decision.ok && decision.value.events).toHaveLength(10_002);
    expect(decision.ok && decision.value.state.end?.status).toBe("completed");
  });
});
