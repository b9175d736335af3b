import { describe, expect, it } from "vitest";
import { check } from "../../../test/support/run-schemas.ts";
import {
  definitionOf,
  hostWith,
  RunWorld,
  T0,
  workflowOf,
} from "../../../test/support/run-world.ts";
import { decide } from "./decide.ts";
import { diffRuns } from "./diff.ts";
import { type ForkRequest, forkRun } from "./fork.ts";
import { runSnapshot } from "./snapshot.ts";
import { nodeState, runStatus } from "./state.ts";

const row = (settings: object = {}): Record<string, unknown> =>
  definitionOf({
    nodes: [{ id: "a", typeId: "test.work" }, { id: "b", ...settings }, { id: "c" }],
    edges: ["a -> b", "b -> c"],
  });

function finished(definition = row()): RunWorld {
  const world = new RunWorld([definition], {
    work: () => ({ outcome: { ok: true, outputs: { output: 1 } } }),
  });
  world.start("w", { inputs: { v: 1 } });
  world.settle();
  return world;
}

function fork(world: RunWorld, request: Partial<ForkRequest>, definition = row()): ForkResult {
  const source = { runId: "run-1", log: world.log("run-1") };
  const plan = { workflow: workflowOf(definition), host: hostWith() };
  return forkRun(plan, { source, runId: "fork", now: T0 + 5000, mode: "replay", ...request });
}
type ForkResult = ReturnType<typeof forkRun>;

function eventsOf(result: ForkResult): readonly string[] {
  if (!result.ok) throw new Error(result.error.message);
  return result.value.events.map(({ type, nodeId }) => [type, nodeId].join(" ").trim());
}

describe("a fork", () => {
  it.each([
    [{ mode: "branch" }, "needs fromSeq"],
    [{ mode: "branch", fromSeq: -1 }, "at least 0"],
    [{ mode: "replay", fromSeq: 1.5 }, "integer"],
    [{ mode: "replay", overlay: { configurable: {} } }, "no overlay"],
    [{ mode: "branch", fromSeq: 99 }, "has 8 events"],
  ] as const)("is refused for %j", (request, message) => {
    const result = fork(finished(), request);
    expect(result).toMatchObject({ ok: false, error: { code: "validation_error" } });
    expect(result.ok ? "" : result.error.message).toContain(message);
  });

  it("past the log says where the log ends", () => {
    expect(fork(finished(), { fromSeq: 99 })).toMatchObject({
      error: { details: { sourceRunId: "run-1", fromSeq: 99, boundary: 8 } },
    });
  });

  it("in branch mode starts unfinished work anew, under new options", () => {
    const overlay = { configurable: { recursionLimit: 7 }, tags: ["again"] };
    const result = fork(finished(), { mode: "branch", fromSeq: 2, overlay });
    expect(eventsOf(result)).toEqual(["run.started", "node.started a", "node.started a"]);
    if (!result.ok) return;
    const { state, effects } = result.value;
    expect(effects).toMatchObject([{ kind: "run-node", attempt: 1 }]);
    expect(nodeState(state, "a").attempt).toBe(1);
    expect(state.context).toMatchObject({
      runId: "fork",
      tags: ["again"],
      configurable: { recursionLimit: 7 },
      fork: { sourceRunId: "run-1", fromSeq: 2, mode: "branch" },
    });
  });

  it("in branch mode asks again what was answered after the cut", () => {
    const definition = definitionOf({ nodes: [{ id: "gate", typeId: "core.approvalGate" }] });
    const world = new RunWorld([definition]);
    world.start("w");
    const value = { action: "accept" };
    const target = { nodeId: "gate" };
    const answer = { kind: "resolve", now: T0, target, value, by: "ann", via: "bearer" } as const;
    world.send("run-1", answer);
    const before = world.types("run-1").indexOf("interrupt.resolved gate");
    const asked = fork(world, { mode: "branch", fromSeq: before }, definition);
    expect(asked.ok && runStatus(asked.value.state)).toBe("waiting-approval");
    const answered = fork(world, { mode: "branch", fromSeq: before + 1 }, definition);
    expect(answered.ok && runStatus(answered.value.state)).toBe("completed");
    const replayed = fork(world, { fromSeq: before }, definition);
    expect(replayed.ok && runStatus(replayed.value.state)).toBe("completed");
  });

  it("is nobody's child", () => {
    const plan = { workflow: workflowOf(row()), host: hostWith() };
    const parent = { runId: "p", nodeId: "n" };
    const run = { runId: "run-1", inputs: {}, configurable: {}, parent };
    const started = decide(plan, undefined, { kind: "start", now: T0, run });
    if (!started.ok) throw new Error("not started");
    const source = { runId: "run-1", log: started.value.events };
    const result = forkRun(plan, { source, runId: "f", now: T0, mode: "branch", fromSeq: 1 });
    expect(result.ok && result.value.state.context.parent).toBeUndefined();
  });
});

describe("a replay", () => {
  it("calls nobody and ends as its source did", () => {
    const world = finished();
    const result = fork(world, {});
    expect(eventsOf(result)).toEqual(world.types("run-1"));
    expect(result.ok && result.value.effects).toEqual([]);
    expect(
      result.ok && diffRuns(sourceOf(world), { runId: "fork", log: result.value.events }),
    ).toEqual({ a: "run-1", b: "fork", divergedAtSeq: null, eventDiffs: [], stateDiff: {} });
  });

  it("of other code tells the first difference, and goes on", () => {
    const changed = row({ typeId: "core.identity", inputs: { x: { type: "static", value: 2 } } });
    const result = fork(finished(), {}, changed);
    expect(eventsOf(result)).toEqual([
      "run.started",
      "node.started a",
      "node.completed a",
      "node.started b",
      "node.completed b",
      "node.started c",
      "node.completed c",
      "replay.diverged b",
      "run.completed",
    ]);
    const diverged = result.ok ? result.value.events.at(-2) : undefined;
    expect(diverged?.payload).toEqual({
      sourceRunId: "run-1",
      atSequence: 3,
      originalEventId: "run-1.3",
      replayEventId: "fork.3",
      divergenceKind: "output",
      divergencePoint: "b",
    });
  });

  it("fails what its source cannot tell, rather than doing it", () => {
    const changed = row({ typeId: "test.work" });
    const result = fork(finished(), {}, changed);
    expect(eventsOf(result)).toContain("replay.diverged b");
    expect(result.ok && result.value.effects).toEqual([]);
    expect(result.ok && result.value.state.end?.error?.code).toBe("replay_source_missing");
  });

  it("of a run whose code now stops earlier says what is missing", () => {
    const gate = row({ typeId: "core.approvalGate" });
    const result = fork(finished(), {}, gate);
    const diverged = result.ok
      ? result.value.events.filter(({ type }) => type === "replay.diverged")
      : [];
    expect(diverged).toHaveLength(1);
    expect(result.ok && runStatus(result.value.state)).toBe("waiting-approval");
  });

  it("of a run that waits for a person waits too, and calls nobody once it is answered", () => {
    const definition = definitionOf({
      nodes: [
        { id: "gate", typeId: "core.approvalGate" },
        { id: "work", typeId: "test.work" },
      ],
      edges: ["gate -> work"],
    });
    const world = new RunWorld([definition]);
    world.start("w");
    const result = fork(world, {}, definition);
    if (!result.ok) throw new Error(result.error.message);
    expect(result.value.events.map(({ type }) => type)).not.toContain("replay.diverged");
    const plan = { workflow: workflowOf(definition), host: hostWith() };
    const answered = decide(plan, result.value.state, {
      kind: "resolve",
      now: T0,
      target: { nodeId: "gate" },
      value: { action: "accept" },
      by: "ann",
      via: "bearer",
    });
    expect(answered).toMatchObject({
      ok: true,
      value: { effects: [], state: { end: { error: { code: "replay_source_missing" } } } },
    });
  });
});

function sourceOf(world: RunWorld): { readonly runId: string; readonly log: never } {
  return { runId: "run-1", log: world.log("run-1") as never };
}

describe("a diff", () => {
  it("of a run with itself is empty", () => {
    const world = finished();
    const diff = diffRuns(sourceOf(world), sourceOf(world));
    expect(diff).toMatchObject({ divergedAtSeq: null, eventDiffs: [], stateDiff: {} });
    check("run-diff-response.schema.json", diff);
  });

  it("of two runs begins where they part, and says how their states differ", () => {
    const world = finished();
    const other = new RunWorld([row()]);
    other.start("w", { inputs: { v: 2 } });
    const b = { runId: "run-1", log: other.log("run-1") };
    const diff = diffRuns(sourceOf(world), b);
    expect(diff.divergedAtSeq).toBe(0);
    expect(diff.eventDiffs[0]).toMatchObject({ seq: 0, op: "changed" });
    expect(diff.eventDiffs.at(-1)).toMatchObject({ seq: 7, op: "removed" });
    expect(diff.stateDiff).toMatchObject({
      status: { a: "completed", b: "running" },
      "variables.v": { a: 1, b: 2 },
    });
    check("run-diff-response.schema.json", diff);
    expect(diffRuns(b, sourceOf(world)).eventDiffs.at(-1)).toMatchObject({ op: "added" });
  });

  it("does not count ids, runs, times or how long things took", () => {
    const world = finished();
    const later = new RunWorld([row()], {
      work: () => ({ outcome: { ok: true, outputs: { output: 1 } } }),
    });
    later.now = T0 + 999;
    later.start("w", { inputs: { v: 1 } });
    later.pass(5);
    expect(diffRuns(sourceOf(world), sourceOf(later)).divergedAtSeq).toBeNull();
  });
});

describe("a snapshot", () => {
  it.each([
    ["core.approvalGate", "waiting-approval"],
    ["core.fail", "failed"],
    ["core.noop", "completed"],
  ])("of a run at %s has the contract's shape", (typeId, status) => {
    const world = finished(row({ typeId }));
    const { plan } = world.run("run-1");
    const snapshot = runSnapshot(plan.workflow, world.state("run-1"));
    check("run-snapshot.schema.json", snapshot);
    expect(snapshot).toMatchObject({
      runId: "run-1",
      status,
      variables: { v: 1 },
      inputs: { v: 1 },
    });
    if (status === "waiting-approval") {
      expect(snapshot).toMatchObject({
        currentNodeId: "b",
        interrupt: { kind: "approval", nodeId: "b", interruptId: "b:0" },
      });
    } else {
      expect(snapshot).toMatchObject({ endedAt: snapshot["completedAt"] });
    }
  });

  it("names the children, the parent and the orchestrator", () => {
    const nodes = [
      {
        id: "s",
        typeId: "core.orchestrator.supervisor",
        config: { mockDecisions: [{ kind: "next-worker", nextWorkerIds: ["worker"] }] },
      },
      { id: "d", typeId: "core.dispatch" },
    ];
    const worker = definitionOf({ id: "worker", nodes: [{ id: "n" }] });
    const world = new RunWorld([definitionOf({ nodes, edges: ["s -> d", "d -> s"] }), worker]);
    world.start("w");
    world.settle();
    const view = (runId: string): unknown =>
      runSnapshot(world.run(runId).plan.workflow, world.state(runId));
    expect(view("run-1")).toMatchObject({
      runOrchestrator: { agentId: "core.orchestrator.supervisor" },
      childRuns: [{ runId: "run-2", status: "completed" }],
    });
    expect(view("run-2")).toMatchObject({ parentRunId: "run-1", parentNodeId: "d" });
    check("run-snapshot.schema.json", view("run-1"));
  });
});
