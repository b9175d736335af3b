/** The contract's own workflows, as far as the kernel alone can run them, driven to their end. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FIXTURES_PATH, hasContract } from "../../../test/support/run-schemas.ts";
import { RunWorld } from "../../../test/support/run-world.ts";
import type { ResolveInterrupt } from "./input.ts";
import { runStatus } from "./state.ts";

const FIXTURES_MIN = 50;
/** Workflows whose nodes call models, peers or packs, or that are about what the kernel does not do. */
const NOT_OURS =
  /agent-(?:memory|pack)|a2a|mcp|wasm|envelope|prompt|model-capability|phase4|stream-text/;
const title = hasContract
  ? "the contract's fixtures"
  : "the contract's fixtures (skipped: ../shared/openwop is not here)";

interface Fixture {
  readonly id: string;
}

const fixtures: readonly Fixture[] = hasContract
  ? readdirSync(FIXTURES_PATH)
      .filter((name) => name.endsWith(".json") && !NOT_OURS.test(name))
      .map((name) => JSON.parse(readFileSync(join(FIXTURES_PATH, name), "utf8")) as Fixture)
  : [];

const INPUTS = { payload: { deep: { list: [1, { x: null }] } }, nonce: "n" };

function world(): RunWorld {
  return new RunWorld(fixtures);
}

/** Runs a fixture as far as it goes without anybody's help. */
function run(id: string, configurable: object = {}, ms = 3_600_000): RunWorld {
  const made = world();
  made.start(id, { inputs: INPUTS, configurable });
  made.pass(ms);
  return made;
}

function answer(made: RunWorld, nodeId: string, value: unknown, by = "ann"): unknown {
  const input: ResolveInterrupt = {
    kind: "resolve",
    now: made.now,
    target: { nodeId },
    value,
    by,
    via: "bearer",
  };
  const decision = made.send("run-1", input);
  made.settle();
  return decision.ok ? runStatus(made.state("run-1")) : decision.error.code;
}

describe.skipIf(!hasContract)(title, () => {
  it("are there", () => {
    expect(fixtures.length).toBeGreaterThanOrEqual(FIXTURES_MIN);
  });

  it.each([
    "noop",
    "identity",
    "multi-node",
    "delay",
    "cancellable",
    "idempotent",
    "channel-ttl",
    "message-reducer",
    "configurable-schema",
    "version-fold",
    "agent-identity",
    "agent-reasoning",
    "agent-reasoning-streaming",
    "conversation-lifecycle",
    "conversation-replay",
    "conversation-vs-clarification",
    "subworkflow-parent",
    "subworkflow-child",
    "subworkflow-input-mapping",
    "subworkflow-input-mapping-no-default",
    "dispatch-loop",
    "dispatch-input-mapping",
    "dispatch-input-mapping-no-default",
    "dispatch-output-mapping",
    "dispatch-cross-worker-handoff",
    "dispatch-per-worker-override",
    "dispatch-cancellable-child",
    "multi-agent-handoff",
    "orchestrator-dispatch",
    "orchestrator-terminate",
  ])("conformance-%s completes by itself", (name) => {
    const made = run(`conformance-${name}`);
    expect(made.types("run-1").at(-1)).toBe("run.completed");
  });

  it.each([
    ["failure", "conformance_test_failure"],
    ["capability-missing", "capability_not_provided"],
    ["dispatch-deterministic-fail-child", "hvmap_1b_failed_fixture"],
  ])("conformance-%s fails with %s", (name, code) => {
    const made = run(`conformance-${name}`);
    expect(made.state("run-1").end).toMatchObject({ status: "failed", error: { code } });
  });

  it("writes the events of a run without anything special in the asserted order", () => {
    expect(
      run("conformance-noop")
        .log("run-1")
        .map(({ type }) => type),
    ).toEqual(["run.started", "node.started", "node.completed", "run.completed"]);
  });

  it("gives a deeply nested input back unchanged, in outputs and variables", () => {
    const state = run("conformance-identity").state("run-1");
    expect(state.end?.outputs).toEqual({ payload: INPUTS.payload });
    expect(state.variables["payload"]).toEqual(INPUTS.payload);
  });

  it("breaches the recursion limit once, and the node over it never starts", () => {
    const made = run("conformance-cap-breach", { recursionLimit: 3 });
    const types = made.types("run-1");
    expect(types.slice(-2)).toEqual(["cap.breached n4", "run.failed"]);
    expect(types.filter((type) => type.startsWith("node.started"))).toHaveLength(3);
    expect(made.log("run-1").at(-2)?.payload).toEqual({
      kind: "node-executions",
      limit: 3,
      observed: 4,
      nodeId: "n4",
    });
  });

  it("breaches the run's duration while a node sleeps", () => {
    const made = run("conformance-run-duration-breach", { runTimeoutMs: 1000 });
    expect(made.types("run-1").slice(-3)).toEqual([
      "node.cancelled wait",
      "cap.breached",
      "run.failed",
    ]);
    const { payload } = made.log("run-1").at(-2) ?? {};
    expect(payload).toMatchObject({ kind: "run-duration", limit: 1000, observed: 1001 });
    expect(made.state("run-1").end?.error?.code).toBe("run_timeout");
  });

  it("drops the channel entries that have outlived their time", () => {
    const state = run("conformance-channel-ttl").state("run-1");
    expect(state.channels["events"]?.value).toEqual(["d"]);
  });

  it("keeps each message once", () => {
    const messages = run("conformance-message-reducer").state("run-1").channels["messages"]?.value;
    expect(messages).toHaveLength(1);
  });

  it("suspends on an approval and ends as it is decided", () => {
    const waiting = run("conformance-approval");
    expect(runStatus(waiting.state("run-1"))).toBe("waiting-approval");
    expect(answer(waiting, "gate", { action: "refine" })).toBe("validation_error");
    expect(answer(waiting, "gate", { action: "accept" })).toBe("completed");
    expect(answer(waiting, "gate", { action: "accept" })).toBe("interrupt_already_resolved");
    expect(answer(run("conformance-approval"), "gate", { action: "reject" })).toBe("failed");
  });

  it("takes the answers to a clarification as an object or as an array", () => {
    const asked = run("conformance-clarification");
    expect(runStatus(asked.state("run-1"))).toBe("waiting-input");
    expect(answer(asked, "ask", { answers: {} })).toBe("validation_error");
    expect(answer(asked, "ask", { answers: { q1: "blue" } })).toBe("completed");
    expect(asked.state("run-1").end?.outputs).toMatchObject({ q1: "blue" });
    const again = run("conformance-clarification");
    expect(answer(again, "ask", [{ id: "q1", answer: "red" }])).toBe("completed");
  });

  it("counts votes until there are enough, each voter once", () => {
    const gate = run("conformance-interrupt-quorum");
    const vote = (voter: string, action = "accept"): unknown =>
      answer(gate, "gate", { action, voter });
    expect([vote("a"), vote("a"), vote("b")]).toEqual(
      Array.from({ length: 3 }, () => "waiting-approval"),
    );
    expect(gate.types("run-1").filter((type) => type === "approval.received gate")).toHaveLength(2);
    expect(vote("c")).toBe("completed");
  });

  it("rejects when a majority does", () => {
    const gate = run("conformance-interrupt-quorum");
    expect(answer(gate, "gate", { action: "reject", voter: "a" })).toBe("waiting-approval");
    expect(answer(gate, "gate", { action: "reject", voter: "b" })).toBe("failed");
  });

  it("refuses a bare token where a key is asked for", () => {
    const gate = run("conformance-interrupt-auth-required");
    const input: ResolveInterrupt = {
      kind: "resolve",
      now: gate.now,
      target: { nodeId: "gate" },
      value: { action: "accept" },
      by: "ann",
      via: "token",
    };
    expect(gate.send("run-1", input)).toMatchObject({ ok: false, error: { code: "forbidden" } });
    expect(gate.send("run-1", { ...input, via: "bearer" })).toMatchObject({ ok: true });
  });

  it("resumes on an event that correlates, wrapped or not, and on no other", () => {
    const waiting = (): RunWorld => run("conformance-interrupt-external-event", {}, 10);
    const event = { orderId: "fixture-order-1", status: "completed" };
    const made = waiting();
    expect(answer(made, "wait-for-external", { ...event, orderId: "x" })).toBe("validation_error");
    expect(runStatus(made.state("run-1"))).toBe("waiting-external");
    expect(answer(made, "wait-for-external", event)).toBe("completed");
    expect(answer(waiting(), "wait-for-external", { eventPayload: event })).toBe("completed");
  });

  it("gives up on an external event that comes too late", () => {
    const made = run("conformance-interrupt-external-event");
    expect(made.state("run-1").end?.error?.code).toBe("interrupt_timeout");
    expect(answer(made, "wait-for-external", {})).toBe("interrupt_expired");
  });

  it("cancels the child and its interrupt with the parent", () => {
    const made = run("conformance-interrupt-parent-child-cancel");
    made.send("run-1", { kind: "cancel", now: made.now, by: "ann" });
    expect(runStatus(made.state("run-1"))).toBe("cancelling");
    made.settle();
    expect(made.log("run-2").at(-1)).toMatchObject({
      type: "run.cancelled",
      payload: { reason: "parent-cancelled", parentRunId: "run-1" },
    });
    expect(made.types("run-1").at(-1)).toBe("run.cancelled");
    const late = made.send("run-2", {
      kind: "resolve",
      now: made.now,
      target: { nodeId: "child-gate" },
      value: { action: "accept" },
      by: "ann",
      via: "bearer",
    });
    expect(late).toMatchObject({ ok: false, error: { code: "interrupt_gone" } });
  });

  it("maps a child's inputs, and leaves out what the parent does not have", () => {
    const child = run("conformance-subworkflow-input-mapping").state("run-2");
    expect(child.variables["receivedPrdId"]).toBe("prd-1");
    const without = run("conformance-subworkflow-input-mapping-no-default").state("run-2");
    expect(without.context.inputs).toEqual({});
    const dispatched = run("conformance-dispatch-input-mapping").state("run-2");
    expect(dispatched.context.inputs).toEqual({ childGreeting: "Alice" });
  });

  it("keeps a child's inputs when the parent's variables change later", () => {
    const made = run("conformance-subworkflow-mid-run-mutation", {}, 1000);
    const variables = { currentPrdId: "mutated-id" };
    made.send("run-1", { kind: "set-variables", now: made.now, variables });
    made.send("run-2", {
      kind: "resolve",
      now: made.now,
      target: { nodeId: "child-gate" },
      value: { action: "accept" },
      by: "ann",
      via: "bearer",
    });
    made.settle();
    expect(made.state("run-2").variables["receivedPrdId"]).toBe("seeded-id");
    expect(runStatus(made.state("run-1"))).toBe("completed");
  });

  it("harvests a child's variables, and hands them to the next worker", () => {
    const parent = run("conformance-subworkflow-parent").state("run-1");
    expect(parent.variables["childOutcome"]).toBe("child-completed");
    const handoff = run("conformance-dispatch-cross-worker-handoff");
    expect(handoff.state("run-3").context.inputs).toEqual({ input: "hello" });
    const override = run("conformance-dispatch-per-worker-override");
    expect(override.state("run-2").context.inputs).toEqual({ input: "default-x-value" });
    expect(override.state("run-3").context.inputs).toEqual({ input: "shared-value" });
  });

  it("tells the phases of a handoff, each caused by the decision", () => {
    const made = run("conformance-multi-agent-handoff");
    const log = made.log("run-1");
    const phases = log.filter(({ type }) => type === "core.workflowChain.event");
    expect(phases.map(({ payload }) => payload["phase"])).toEqual([
      "dispatch.began",
      "dispatch.succeeded",
      "child.completed",
      "output.harvested",
    ]);
    const decided = log.findIndex(({ type }) => type === "runOrchestrator.decided");
    expect(phases[0]?.causedBy).toBe(decided);
    expect(log.find(({ type }) => type === "node.dispatched")?.causedBy).toBe(decided);
  });

  it("decides to terminate once", () => {
    const decisions = (name: string): number =>
      run(`conformance-${name}`)
        .types("run-1")
        .filter((type) => type.startsWith("runOrch")).length;
    expect(decisions("orchestrator-terminate")).toBe(1);
    expect(decisions("dispatch-loop")).toBe(2);
  });

  it("holds a decision of low confidence until somebody takes it", () => {
    const made = run("conformance-orchestrator-low-confidence");
    expect(runStatus(made.state("run-1"))).toBe("waiting-approval");
    expect(made.types("run-1")).not.toContain("runOrchestrator.decided supervisor");
    expect(made.log("run-1").at(-1)?.payload).toMatchObject({
      reason: "low-confidence",
      threshold: 0.7,
      observed: 0.5,
    });
    answer(made, "supervisor", { action: "accept" });
    const types = made.types("run-1");
    expect(types.filter((type) => type.startsWith("runOrch"))[0]).toBeDefined();
  });

  it("asks before it dispatches a decision under the floor", () => {
    const made = run("conformance-multi-agent-confidence-escalation");
    expect(runStatus(made.state("run-1"))).toBe("waiting-input");
    const types = made.types("run-1");
    expect(types).not.toContain("core.workflowChain.event dispatch");
    const escalations = types.filter((type) => type.includes("confidence-escalated"));
    expect(escalations).toHaveLength(1);
    answer(made, "dispatch", { answers: { proceed: "yes" } });
    expect(made.types("run-1")).toContain("core.workflowChain.event dispatch");
    expect(runStatus(made.state("run-1"))).toBe("completed");
  });

  it("suspends an agent whose decision is under the threshold, after it has decided", () => {
    const made = run("conformance-agent-low-confidence");
    expect(made.types("run-1").slice(-3)).toEqual([
      "agent.decided low-conf-decider",
      "interrupt.requested low-conf-decider",
      "node.suspended low-conf-decider",
    ]);
    expect(answer(made, "low-conf-decider", { action: "accept" })).toBe("completed");
  });

  it("pairs a tool's answer with its call", () => {
    const log = run("conformance-agent-reasoning").log("run-1");
    const called = log.findIndex(({ type }) => type === "agent.toolCalled");
    const returned = log.find(({ type }) => type === "agent.toolReturned");
    expect(returned?.causedBy).toBe(called);
    expect(returned?.payload["callId"]).toBe(log[called]?.payload["callId"]);
  });
});
