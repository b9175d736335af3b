/** What holds for every workflow, drawn at random. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holds } from "../../../test/support/property.ts";
import { drive, workflows, worldOf } from "../../../test/support/run-arbitraries.ts";
import { definitionOf, hostWith, RunWorld, workflowOf } from "../../../test/support/run-world.ts";
import { expectSame } from "../../../test/support/same.ts";
import { decide } from "./decide.ts";
import { entryData, entryEvent } from "./document.ts";
import { isTerminalType, type LoggedEvent } from "./events.ts";
import { fold, foldAll } from "./fold.ts";
import { nodeTypeOf } from "./nodes/catalogue.ts";
import type { RunState } from "./state.ts";

const RUNS = { runs: 150 };

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
      fc.property(workflows, (definition) => {
        const world = worldOf(definition);
        drive(world);
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
      fc.property(workflows, (definition) => {
        const world = worldOf(definition);
        drive(world);
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
      fc.property(workflows, fc.array(fc.nat({ max: 20 })), (definition, deaths) => {
        const quiet = worldOf(definition);
        drive(quiet);
        const troubled = worldOf(definition);
        drive(troubled, (step) => {
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
