/** Interrupts beyond what the contract's fixtures show: who may answer, with what, and when. */
import { describe, expect, it } from "vitest";
import { definitionOf, RunWorld, T0 } from "../../../test/support/run-world.ts";
import type { ResolveInterrupt } from "./input.ts";
import { nodeState, openInterrupts, runStatus } from "./state.ts";

function gated(config: object, extra: object = {}): RunWorld {
  const gate = { id: "gate", typeId: "core.approvalGate", config, ...extra };
  const world = new RunWorld([definitionOf({ nodes: [gate] })]);
  world.start("w");
  return world;
}

function resolve(world: RunWorld, value: unknown, more: Partial<ResolveInterrupt> = {}): string {
  const decision = world.send("run-1", {
    kind: "resolve",
    now: world.now,
    target: { nodeId: "gate" },
    value,
    by: "ann",
    via: "bearer",
    ...more,
  });
  return decision.ok ? runStatus(world.state("run-1")) : decision.error.code;
}

describe("an approval", () => {
  it.each([
    [{ action: "accept" }, "completed"],
    [{ decision: "accept" }, "completed"],
    [{ action: "edit", editedArtifactData: 2 }, "completed"],
    [{ action: "reject" }, "failed"],
    [{ action: "ask", question: "why?" }, "waiting-approval"],
    [{ action: "refine" }, "failed"],
    [{ action: "launch" }, "validation_error"],
    [{ action: "constructor" }, "validation_error"],
    ["accept", "validation_error"],
    [null, "validation_error"],
  ])("answered with %j leaves the run %s", (value, expected) => {
    const world = gated({ actions: ["accept", "reject", "refine", "edit-accept", "ask"] });
    expect(resolve(world, value)).toBe(expected);
  });

  it("hands on the artifact, or what an approver made of it", () => {
    const artifact = { inputs: { artifact: { type: "static", value: 1 } } };
    const accepted = gated({}, artifact);
    resolve(accepted, { action: "accept" });
    const outputs = { approved: true, decidedBy: "ann", action: "accept" };
    expect(accepted.state("run-1").end?.outputs).toMatchObject({ ...outputs, output: 1 });
    const edited = gated({ actions: ["edit"] }, artifact);
    resolve(edited, { action: "edit-accept", editedArtifactData: 2 });
    expect(edited.state("run-1").end?.outputs).toMatchObject({ output: 2 });
  });

  it("writes who decided, whatever the body says", () => {
    const world = gated({});
    resolve(world, { action: "accept", decidedBy: "mallory" });
    const received = world.log("run-1").find(({ type }) => type === "approval.received");
    expect(received?.payload).toMatchObject({ decidedBy: "ann", action: "accept" });
    expect(world.types("run-1").slice(-5)).toEqual([
      "interrupt.resolved gate",
      "approval.received gate",
      "node.resumed gate",
      "node.completed gate",
      "run.completed",
    ]);
  });

  it("is for the listed approvers alone, who cannot vote under another's name", () => {
    const world = gated({ approversList: ["ann", "bob"], requiredApprovals: 2 });
    expect(resolve(world, { action: "accept" }, { by: "eve" })).toBe("forbidden");
    expect(resolve(world, { action: "accept", voter: "bob" })).toBe("waiting-approval");
    expect(resolve(world, { action: "accept", voter: "eve" })).toBe("waiting-approval");
    expect(resolve(world, { action: "accept" }, { by: "bob" })).toBe("completed");
  });

  it("counts the latest vote of each voter", () => {
    const world = gated({ requiredApprovals: 2, rejectionPolicy: "majority" });
    const vote = (voter: string, action: string): string => resolve(world, { action, voter });
    expect(vote("a", "reject")).toBe("waiting-approval");
    expect(vote("a", "accept")).toBe("waiting-approval");
    expect(vote("b", "reject")).toBe("waiting-approval");
    expect(vote("c", "accept")).toBe("completed");
  });

  it("is vetoed by one, unless a majority is asked for", () => {
    expect(resolve(gated({ requiredApprovals: 3 }), { action: "reject" })).toBe("failed");
  });

  it("is overridden only where it says so", () => {
    const override = { reason: "on call" };
    const closed = gated({ requiredApprovals: 2 });
    expect(resolve(closed, { action: "accept" }, { override })).toBe("waiting-approval");
    const open = gated({ requiredApprovals: 2, overrideBypassesQuorum: true });
    expect(resolve(open, { action: "accept" }, { override })).toBe("completed");
    expect(open.log("run-1").find(({ type }) => type === "approval.overridden")?.payload).toEqual({
      gateId: "gate",
      principal: "ann",
      reason: "on call",
    });
  });

  it("that nobody decides in time is rejected, and cannot be answered from that instant", () => {
    const world = gated({ timeoutMs: 1000 });
    expect(resolve(world, { action: "accept" }, { now: T0 + 1000 })).toBe("interrupt_expired");
    world.pass(1000);
    expect(world.types("run-1").slice(-5)).toEqual([
      "interrupt.resolved gate",
      "approval.received gate",
      "node.resumed gate",
      "node.failed gate",
      "run.failed",
    ]);
    const received = world.log("run-1").find(({ type }) => type === "approval.received");
    expect(received?.payload["action"]).toBe("timeout");
    expect(resolve(world, { action: "accept" })).toBe("interrupt_expired");
  });

  it("that is rejected goes the way that its edge names", () => {
    const gate = { id: "gate", typeId: "core.approvalGate" };
    const nodes = [gate, { id: "yes" }, { id: "no" }];
    const world = new RunWorld([
      definitionOf({ nodes, edges: ["gate -> yes", "gate:reject -> no"] }),
    ]);
    world.start("w");
    expect(resolve(world, { action: "reject" })).toBe("completed");
    expect(nodeState(world.state("run-1"), "yes").status).toBe("skipped");
    expect(nodeState(world.state("run-1"), "no").status).toBe("completed");
  });

  it("that two answer at once is answered by one", () => {
    const world = gated({});
    expect(resolve(world, { action: "accept" })).toBe("completed");
    expect(resolve(world, { action: "reject" }, { by: "bob" })).toBe("interrupt_already_resolved");
  });
});

describe("core.interrupt", () => {
  const raise = (config: object): RunWorld => {
    const node = { id: "gate", typeId: "core.interrupt", config };
    const world = new RunWorld([definitionOf({ nodes: [node] })]);
    world.start("w");
    return world;
  };

  it.each([
    [{ kind: "approval" }, "waiting-approval", { action: "accept" }],
    [
      { kind: "clarification", data: { questions: [{ id: "q", question: "?" }] } },
      "waiting-input",
      { q: 1 },
    ],
    [{ kind: "external-event" }, "waiting-external", { anything: 1 }],
    [{ kind: "custom", data: { customKind: "acme" } }, "waiting-external", "done"],
  ])("%j waits as %s and takes %j", (config, status, value) => {
    const world = raise(config);
    expect(runStatus(world.state("run-1"))).toBe(status);
    expect(resolve(world, value)).toBe("completed");
  });

  it("has keys that name the run and ids that do not", () => {
    const [open] = openInterrupts(raise({ kind: "custom" }).state("run-1"));
    expect(open).toMatchObject({ interruptId: "gate:0", key: "run-1:gate:0" });
  });

  it("that nobody has raised is not found", () => {
    const world = raise({ kind: "custom" });
    const unknown = { target: { interruptId: "gate:7" } };
    expect(resolve(world, 1, unknown)).toBe("interrupt_not_found");
    expect(resolve(world, 1, { target: { nodeId: "other" } })).toBe("interrupt_not_found");
    expect(resolve(world, 1, { target: { interruptId: "constructor" } })).toBe(
      "interrupt_not_found",
    );
  });

  it("leaves other branches running, and the run is waiting when they are done", () => {
    const nodes = [
      { id: "gate", typeId: "core.interrupt", config: { kind: "custom" } },
      { id: "slow", typeId: "core.delay", config: { ms: 100 } },
    ];
    const world = new RunWorld([definitionOf({ nodes })]);
    world.start("w");
    expect(runStatus(world.state("run-1"))).toBe("running");
    world.pass(100);
    expect(runStatus(world.state("run-1"))).toBe("waiting-external");
  });
});

describe("a conversation", () => {
  const talk = (config: object): RunWorld => {
    const node = { id: "gate", typeId: "core.conversationGate", config };
    const channels = { talk: { reducer: "message" } };
    const world = new RunWorld([definitionOf({ nodes: [node], channels })]);
    world.start("w");
    return world;
  };

  it("asks once a turn, in one conversation, and writes each turn to its channel", () => {
    const world = talk({ turnCount: 2, prompt: "hello?" });
    expect(resolve(world, "hi")).toBe("waiting-approval");
    expect(resolve(world, "bye")).toBe("completed");
    const spoken = world.log("run-1").filter(({ type }) => type.startsWith("conversation."));
    expect(spoken.map(({ type, payload }) => [type, payload["turnIndex"]])).toEqual([
      ["conversation.opened", undefined],
      ["conversation.exchanged", 0],
      ["conversation.exchanged", 1],
      ["conversation.closed", undefined],
    ]);
    expect(new Set(spoken.map(({ payload }) => payload["conversationId"])).size).toBe(1);
    const turns = world.state("run-1").channels["talk"]?.value as { content: unknown }[];
    expect(turns.map(({ content }) => content)).toEqual(["hi", "bye"]);
  });

  it("is over when somebody closes it", () => {
    expect(resolve(talk({ turnCount: 9 }), { close: true })).toBe("completed");
  });
});

describe("a supervisor", () => {
  const supervised = (supervisor: object, dispatch: object = {}): RunWorld => {
    const nodes = [
      { id: "gate", typeId: "core.orchestrator.supervisor", config: supervisor },
      { id: "d", typeId: "core.dispatch", config: dispatch },
    ];
    const worker = definitionOf({ id: "worker", nodes: [{ id: "n" }] });
    const world = new RunWorld([
      definitionOf({ nodes, edges: ["gate -> d", "d -> gate"] }),
      worker,
    ]);
    world.start("w");
    world.settle();
    return world;
  };
  const next = (...nextWorkerIds: string[]): object => ({ kind: "next-worker", nextWorkerIds });

  it("may have its held decision replaced or refused", () => {
    const held = { mockConfidence: 0.1, mockPendingDecision: next("worker") };
    const replaced = supervised(held);
    resolve(replaced, { decision: { kind: "terminate" } });
    expect(replaced.state("run-1").decision?.decision).toEqual({ kind: "terminate" });
    expect(resolve(supervised(held), { action: "reject" })).toBe("failed");
    expect(resolve(supervised(held), { decision: { kind: "magic" } })).toBe("failed");
  });

  it("asks the user in a conversation, or where that is unwanted with a question", () => {
    const ask = { mockDecisions: [{ kind: "ask-user", prompt: "which?" }] };
    const talking = supervised(ask);
    expect(openInterrupts(talking.state("run-1"))[0]?.kind).toBe("conversation.exchange");
    expect(resolve(talking, "this", { target: { nodeId: "d" } })).toBe("completed");
    const asking = supervised(ask, { askUserRouting: "clarification" });
    expect(runStatus(asking.state("run-1"))).toBe("waiting-input");
    expect(resolve(asking, { answer: "this" }, { target: { nodeId: "d" } })).toBe("completed");
  });

  it.each([
    [
      { mockDecisions: [next("worker", "worker")] },
      { fanOutPolicy: "reject" },
      "fan_out_unsupported",
    ],
    [{ mockDecisions: [next("nobody")] }, {}, "unknown_child_workflow"],
    [{ mockDecisions: [{ kind: "next-worker", nextWorkerIds: [] }] }, {}, "validation_error"],
  ])("that decides %j with %j fails the run with %s", (supervisor, dispatch, code) => {
    expect(supervised(supervisor, dispatch).state("run-1").end?.error?.code).toBe(code);
  });

  it("that is no mock is decided for outside", () => {
    const nodes = [{ id: "s", typeId: "core.orchestrator.supervisor" }];
    const decision = { kind: "terminate" };
    const world = new RunWorld([definitionOf({ nodes })], {
      work: () => ({ outcome: { ok: true, outputs: { decision } } }),
    });
    world.start("w");
    world.settle();
    expect(world.types("run-1")).toContain("runOrchestrator.decided s");
    expect(runStatus(world.state("run-1"))).toBe("completed");
  });

  it("is needed by a dispatch", () => {
    const world = new RunWorld([definitionOf({ nodes: [{ id: "d", typeId: "core.dispatch" }] })]);
    world.start("w");
    expect(world.state("run-1").end?.error?.code).toBe("no_pending_decision");
  });
});
