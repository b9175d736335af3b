/** Cancel, pause, resume, take over: in which state which verb does what. */
import { describe, expect, it } from "vitest";
import { definitionOf, RunWorld, T0, type Work } from "../../../test/support/run-world.ts";
import { dueAt, outstandingEffects } from "./effect.ts";
import { nodeState, runStatus } from "./state.ts";

const CHILD = definitionOf({ id: "child", nodes: [{ id: "gate", typeId: "core.approvalGate" }] });
const IDLE: Work = () => undefined;
const ONCE: Work = ({ attempt }) =>
  attempt === 0 ? undefined : { outcome: { ok: true, outputs: {} } };

function started(node: object, work: Work = IDLE): RunWorld {
  const nodes = [{ id: "a", ...node }, { id: "b" }];
  const world = new RunWorld([definitionOf({ nodes, edges: ["a -> b"] }), CHILD], { work });
  world.start("w");
  world.settle();
  return world;
}

const NODES = {
  work: { typeId: "test.work" },
  sleep: { typeId: "core.delay", config: { ms: 1000 } },
  gate: { typeId: "core.approvalGate" },
  child: { typeId: "core.subWorkflow", config: { workflowId: "child" } },
  retry: { typeId: "test.work", settings: { maxRetries: 1 } },
} as const;
const FAILS: Work = () => ({ outcome: { ok: false, error: { code: "x", message: "x" } } });

type Verb = "cancel" | "drain" | "stop" | "resume";

function send(world: RunWorld, verb: Verb): string {
  const { now } = world;
  const decision = world.send(
    "run-1",
    verb === "cancel" || verb === "resume"
      ? { kind: verb, now }
      : {
          kind: "pause",
          now,
          drainPolicy: verb === "drain" ? "drain-current-node" : "immediate",
        },
  );
  if (!decision.ok) return decision.error.code;
  return runStatus(world.state("run-1"));
}

function answer(world: RunWorld): unknown {
  return world.send("run-1", {
    kind: "resolve",
    now: world.now,
    target: { nodeId: "a" },
    value: { action: "accept" },
    by: "ann",
    via: "bearer",
  });
}

describe("every verb in every state", () => {
  it.each([
    ["work", "cancel", "cancelled"],
    ["sleep", "cancel", "cancelled"],
    ["gate", "cancel", "cancelled"],
    ["child", "cancel", "cancelling"],
    ["retry", "cancel", "cancelled"],
    ["work", "drain", "running"],
    ["sleep", "drain", "running"],
    ["gate", "drain", "paused"],
    ["child", "drain", "paused"],
    ["retry", "drain", "paused"],
    ["work", "stop", "paused"],
    ["sleep", "stop", "paused"],
    ["gate", "stop", "paused"],
    ["child", "stop", "paused"],
    ["retry", "stop", "paused"],
    ["work", "resume", "conflict"],
    ["gate", "resume", "conflict"],
  ] as const)("a run that waits for %s answers %s with %s", (node, verb, expected) => {
    const world = started(NODES[node], node === "retry" ? FAILS : IDLE);
    expect(send(world, verb)).toBe(expected);
  });

  it.each(["cancel", "drain", "stop", "resume"] as const)(
    "a run that is over answers %s",
    (verb) => {
      const world = started({});
      expect(send(world, verb)).toBe(verb === "cancel" ? "completed" : "conflict");
      expect(world.types("run-1").at(-1)).toBe("run.completed");
    },
  );

  it("a second pause is refused with what the run is, a second cancel is not", () => {
    const world = started(NODES.gate);
    send(world, "drain");
    const { now } = world;
    const again = world.send("run-1", { kind: "pause", now, drainPolicy: "immediate" });
    expect(again).toMatchObject({
      ok: false,
      error: { code: "conflict", details: { runStatus: "paused", pausedAt: expect.any(String) } },
    });
    const other = started(NODES.child);
    send(other, "cancel");
    expect(send(other, "cancel")).toBe("cancelling");
    expect(other.types("run-1").filter((type) => type === "keelson.cancel.requested")).toHaveLength(
      1,
    );
  });
});

describe("cancel", () => {
  it("ends a run with its nodes, and tells its work to stop", () => {
    const world = started(NODES.work);
    world.send("run-1", { kind: "cancel", now: world.now, reason: "enough", by: "ann" });
    expect(world.types("run-1").slice(-2)).toEqual(["node.cancelled a", "run.cancelled"]);
    expect(world.log("run-1").at(-1)?.payload).toMatchObject({
      reason: "enough",
      cancelledBy: "ann",
    });
    expect(world.asked.map(({ kind }) => kind)).toEqual(["run-node", "abort-node"]);
    expect(answer(started(NODES.work))).toMatchObject({ error: { code: "interrupt_not_found" } });
  });

  it("waits for children, but not for ever", () => {
    const world = started(NODES.child);
    send(world, "cancel");
    expect(world.send("run-1", { kind: "tick", now: T0 + 3999 })).toMatchObject({ ok: true });
    expect(runStatus(world.state("run-1"))).toBe("cancelling");
    world.send("run-1", { kind: "tick", now: T0 + 4000 });
    expect(runStatus(world.state("run-1"))).toBe("cancelled");
  });

  it("leaves a child alone that is not to be cancelled with its parent", () => {
    const config = { workflowId: "child", propagateCancellation: false };
    const world = started({ ...NODES.child, config });
    send(world, "cancel");
    world.settle();
    expect(runStatus(world.state("run-1"))).toBe("cancelled");
    expect(runStatus(world.state("run-2"))).toBe("waiting-approval");
  });

  it("and an answer race by the order of the log", () => {
    const first = started(NODES.gate);
    expect(answer(first)).toMatchObject({ ok: true });
    expect(send(first, "cancel")).toBe("completed");
    const second = started(NODES.gate);
    send(second, "cancel");
    expect(answer(second)).toMatchObject({ ok: false, error: { code: "interrupt_gone" } });
  });

  it("of a failing run's children is asked for too", () => {
    const nodes = [
      { id: "a", ...NODES.child },
      { id: "bad", typeId: "test.work" },
    ];
    const world = new RunWorld([definitionOf({ nodes }), CHILD], { work: FAILS });
    world.start("w");
    world.settle();
    expect(runStatus(world.state("run-1"))).toBe("failed");
    expect(runStatus(world.state("run-2"))).toBe("cancelled");
  });
});

describe("a drain", () => {
  it("lets the running node end, and starts no other", () => {
    const world = started(NODES.sleep);
    send(world, "drain");
    world.pass(1000);
    expect(world.types("run-1").slice(-3)).toEqual([
      "keelson.pause.requested",
      "node.completed a",
      "run.paused",
    ]);
    expect(world.log("run-1").at(-1)?.payload).toMatchObject({ drainPolicy: "drain-current-node" });
    expect(send(world, "resume")).toBe("completed");
  });

  it("is given up by a resume", () => {
    const world = started(NODES.sleep);
    send(world, "drain");
    expect(send(world, "resume")).toBe("running");
    world.pass(1000);
    expect(world.types("run-1").at(-1)).toBe("run.completed");
    expect(world.types("run-1")).not.toContain("run.paused");
  });

  it("holds back a retry that falls due, which then wants no tick before the resume", () => {
    const nodes = [
      { id: "a", ...NODES.retry },
      { id: "slow", typeId: "core.delay", config: { ms: 5000 } },
    ];
    const world = new RunWorld([definitionOf({ nodes })], { work: FAILS });
    world.start("w");
    world.settle();
    send(world, "drain");
    const { host } = world.run("run-1").plan;
    expect(dueAt(host, world.state("run-1"))).toBe(T0 + 5000);
    world.pass(5000);
    expect(runStatus(world.state("run-1"))).toBe("paused");
    send(world, "resume");
    expect(dueAt(host, world.state("run-1"))).toBe(T0 + 1000);
    world.pass(0);
    expect(world.types("run-1").filter((type) => type === "node.started a")).toHaveLength(2);
  });

  it("outlives the process", () => {
    const world = started(NODES.sleep);
    send(world, "drain");
    world.restart();
    world.pass(1000);
    expect(runStatus(world.state("run-1"))).toBe("paused");
  });
});

describe("a stop", () => {
  it("aborts the running node, which starts anew on resume", () => {
    const world = started(NODES.work, ONCE);
    send(world, "stop");
    expect(world.log("run-1").at(-1)?.payload).toMatchObject({
      drainPolicy: "immediate",
      open: ["a"],
    });
    expect(world.asked.at(-1)?.kind).toBe("abort-node");
    const late = world.send("run-1", {
      kind: "node-finished",
      now: world.now,
      nodeId: "a",
      iteration: 0,
      attempt: 0,
      outcome: { ok: true, outputs: {} },
    });
    expect(late).toMatchObject({ ok: false, error: { code: "stale_outcome" } });
    send(world, "resume");
    expect(nodeState(world.state("run-1"), "a")).toMatchObject({ attempt: 1, status: "running" });
    world.settle();
    expect(runStatus(world.state("run-1"))).toBe("completed");
  });

  it("stops the clock of the run's duration", () => {
    const definition = definitionOf({ nodes: [{ id: "a", ...NODES.sleep }] });
    const world = new RunWorld([definition], { limits: { maxRunDurationMs: 1500 } });
    world.start("w");
    send(world, "stop");
    world.pass(100_000);
    send(world, "resume");
    world.pass(1000);
    expect(runStatus(world.state("run-1"))).toBe("completed");
  });

  it("and an interrupt stack: both must be undone before the run goes on", () => {
    const world = started(NODES.gate);
    send(world, "stop");
    expect(answer(world)).toMatchObject({ ok: true });
    expect(runStatus(world.state("run-1"))).toBe("paused");
    expect(nodeState(world.state("run-1"), "b").status).toBe("pending");
    expect(send(world, "resume")).toBe("completed");
    const other = started(NODES.gate);
    send(other, "stop");
    expect(send(other, "resume")).toBe("waiting-approval");
    answer(other);
    expect(runStatus(other.state("run-1"))).toBe("completed");
  });

  it("does not stop a child, whose news is kept for the resume", () => {
    const world = started(NODES.child);
    send(world, "stop");
    world.send("run-2", {
      kind: "resolve",
      now: world.now,
      target: { nodeId: "gate" },
      value: { action: "accept" },
      by: "ann",
      via: "bearer",
    });
    expect(runStatus(world.state("run-1"))).toBe("paused");
    expect(nodeState(world.state("run-1"), "a").status).toBe("completed");
    expect(send(world, "resume")).toBe("completed");
  });
});

describe("a takeover", () => {
  it("is written, and asks again for exactly what was asked for", () => {
    const world = started(NODES.work);
    const { plan } = world.run("run-1");
    const before = outstandingEffects(plan.workflow, world.state("run-1"));
    world.restart();
    expect(world.types("run-1").at(-1)).toBe("run.resumed");
    expect(outstandingEffects(plan.workflow, world.state("run-1"))).toEqual(before);
    expect(before).toMatchObject([{ kind: "run-node", key: "node/a/0/0", nodeId: "a" }]);
  });

  it("leaves a paused run paused, and an ended one as it is", () => {
    const paused = started(NODES.gate);
    send(paused, "drain");
    paused.restart();
    expect(paused.types("run-1").at(-1)).toBe("run.paused");
    const over = started({});
    const input = { kind: "continue", now: T0, cause: "takeover" } as const;
    expect(over.send("run-1", input)).toMatchObject({ ok: true, value: { events: [] } });
  });
});
