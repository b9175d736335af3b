/** Attempts at nodes whose work is done outside: retries, timeouts, limits, what they report. */
import { describe, expect, it } from "vitest";
import { definitionOf, RunWorld, ran, T0, type Work } from "../../../test/support/run-world.ts";
import { decide } from "./decide.ts";
import type { NodeFinished } from "./input.ts";
import { nodeState } from "./state.ts";

const WORK = { id: "a", typeId: "test.work" };
const flaky =
  (failures: number, retryable?: boolean): Work =>
  ({ attempt }) =>
    attempt < failures
      ? {
          outcome: {
            ok: false,
            error: {
              code: "flaky",
              message: "",
              ...(retryable === undefined ? {} : { retryable }),
            },
          },
        }
      : { outcome: { ok: true, outputs: { output: attempt } } };

function retrying(settings: object, work: Work): RunWorld {
  return ran(definitionOf({ nodes: [{ ...WORK, settings }] }), { work });
}

describe("a failed attempt", () => {
  it("is followed by another after a recorded delay that doubles up to a limit", () => {
    const settings = { maxRetries: 4, retryBackoffMs: 100, retryBackoffMaxMs: 300 };
    const world = retrying(settings, flaky(4));
    const retries = world.log("run-1").filter(({ type }) => type === "node.retried");
    expect(retries.map(({ payload }) => [payload["attempt"], payload["delayMs"]])).toEqual([
      [1, 100],
      [2, 200],
      [3, 300],
      [4, 300],
    ]);
    expect(retries[0]?.payload["lastError"]).toEqual({ code: "flaky", message: "flaky" });
    const starts = world.log("run-1").filter(({ type }) => type === "node.started");
    expect(starts.map(({ payload, at }) => [payload["attempt"], at - T0])).toEqual([
      [0, 0],
      [1, 100],
      [2, 300],
      [3, 600],
      [4, 900],
    ]);
    expect(world.state("run-1").end?.outputs).toEqual({ output: 4 });
  });

  it("is the node's failure when it was the last, with the number of attempts", () => {
    const world = retrying({ maxRetries: 1 }, flaky(9));
    expect(world.types("run-1").slice(-3)).toEqual([
      "node.started a",
      "node.failed a",
      "run.failed",
    ]);
    expect(world.log("run-1").at(-2)?.payload["attempts"]).toBe(2);
  });

  it("is the node's failure at once when trying again would not help", () => {
    const world = retrying({ maxRetries: 3 }, flaky(9, false));
    expect(world.types("run-1")).not.toContain("node.retried a");
  });

  it("takes the workflow's number of retries where the node has none of its own", () => {
    const world = ran(definitionOf({ nodes: [WORK], settings: { maxRetries: 1 } }), {
      work: flaky(1),
    });
    expect(world.types("run-1")).toContain("node.retried a");
  });
});

describe("an attempt that takes too long", () => {
  it("is aborted and fails, or is tried again", () => {
    const once = retrying({ timeout: 500 }, () => undefined);
    expect(once.state("run-1").end?.error).toMatchObject({ code: "node_timeout" });
    expect(once.asked.map(({ kind }) => kind)).toEqual(["run-node", "abort-node"]);
    const slowFirst: Work = ({ attempt }) =>
      attempt === 0 ? undefined : { outcome: { ok: true, outputs: {} } };
    const twice = retrying({ timeout: 500, maxRetries: 1 }, slowFirst);
    expect(twice.types("run-1")).toContain("node.retried a");
    expect(twice.types("run-1").at(-1)).toBe("run.completed");
  });

  it("is any node's that waits, also one that sleeps", () => {
    const delay = { id: "a", typeId: "core.delay", config: { ms: 1000 } };
    const world = ran(definitionOf({ nodes: [delay], settings: { timeout: 500 } }));
    expect(world.state("run-1").end?.error?.code).toBe("node_timeout");
  });
});

describe("an outcome", () => {
  const finished = (attempt: number, more: Partial<NodeFinished> = {}): NodeFinished => ({
    kind: "node-finished",
    now: T0,
    nodeId: "a",
    iteration: 0,
    attempt,
    outcome: { ok: true, outputs: {} },
    ...more,
  });

  function started(channels: Readonly<Record<string, unknown>> = {}): RunWorld {
    const world = new RunWorld([definitionOf({ nodes: [WORK], channels })]);
    world.start("w");
    return world;
  }

  it("that nobody waits for is refused, and writes nothing", () => {
    const world = started();
    for (const stale of [
      finished(1),
      finished(0, { iteration: 1 }),
      finished(0, { nodeId: "b" }),
    ]) {
      expect(world.send("run-1", stale)).toMatchObject({
        ok: false,
        error: { code: "stale_outcome" },
      });
    }
    expect(world.send("run-1", finished(0)).ok).toBe(true);
    expect(world.send("run-1", finished(0))).toMatchObject({ error: { code: "stale_outcome" } });
  });

  it("brings events, variables and channel writes, before its completion", () => {
    const world = started({ log: { reducer: "append" } });
    const events = [
      { type: "agent.toolCalled", payload: { agentId: "agt", toolName: "t", callId: "1" } },
      { type: "agent.toolReturned", payload: { agentId: "agt", toolName: "t", callId: "1" } },
    ];
    const variables = { v: 1 };
    const writes = [{ channel: "log", value: "x" }];
    world.send("run-1", finished(0, { events, variables, writes }));
    expect(world.types("run-1").slice(2)).toEqual([
      "agent.toolCalled a",
      "agent.toolReturned a",
      "variable.changed a",
      "channel.written a",
      "node.completed a",
      "run.completed",
    ]);
    expect(world.log("run-1")[3]?.causedBy).toBe(2);
    expect(world.state("run-1").channels["log"]?.value).toEqual(["x"]);
  });

  it("cannot write what only the engine writes", () => {
    const world = started();
    const events = ["run.completed", "node.failed", "cap.breached", "channel.written"].map(
      (type) => ({ type, payload: {} }),
    );
    world.send("run-1", finished(0, { events }));
    expect(world.types("run-1").slice(2)).toEqual(["node.completed a", "run.completed"]);
  });

  it("that writes where it may not fails the node", () => {
    const world = started({ log: { reducer: "append", access: { writers: ["other"] } } });
    world.send("run-1", finished(0, { writes: [{ channel: "log", value: 1 }] }));
    expect(world.state("run-1").end?.error?.code).toBe("channel_access_denied");
  });

  it("can be told of in parts", () => {
    const world = started();
    const events = [{ type: "log.appended", payload: { level: "info", message: "half" } }];
    const report = { nodeId: "a", iteration: 0, attempt: 0, events };
    world.send("run-1", { kind: "node-reported", now: T0, ...report });
    expect(world.types("run-1").at(-1)).toBe("log.appended a");
    expect(nodeState(world.state("run-1"), "a").status).toBe("running");
  });
});

describe("work outside that asks the world", () => {
  const approval = { artifactId: "x", artifactType: "text", title: "ok?", actions: ["accept"] };
  const asking: Work = ({ answers, step }) =>
    answers.length === 0
      ? { outcome: { ok: false, suspend: { kind: "approval", data: approval } } }
      : { outcome: { ok: true, outputs: { step, said: answers[0]?.value } } };

  function answer(world: RunWorld): void {
    world.send("run-1", {
      kind: "resolve",
      now: world.now,
      target: { nodeId: "a" },
      value: { action: "accept" },
      by: "ann",
      via: "bearer",
    });
    world.settle();
  }

  it("is asked for again with the answer, under another key", () => {
    const world = ran(definitionOf({ nodes: [WORK] }), { work: asking });
    expect(world.types("run-1").slice(-3)).toEqual([
      "interrupt.requested a",
      "approval.requested a",
      "node.suspended a",
    ]);
    answer(world);
    expect(world.state("run-1").end?.outputs).toEqual({ step: 1, said: { action: "accept" } });
    expect(world.asked.map(({ key }) => key)).toContain("node/a/0/0/1");
    expect(world.types("run-1").filter((type) => type === "node.started a")).toHaveLength(1);
  });

  it("is asked for again after a restart, and an outcome from before the answer is stale", () => {
    const quiet: Work = (effect) => (effect.step === 0 ? asking(effect) : undefined);
    const world = ran(definitionOf({ nodes: [WORK] }), { work: quiet });
    answer(world);
    const early = finishedAt(0);
    expect(world.send("run-1", early)).toMatchObject({ error: { code: "stale_outcome" } });
    world.restart();
    expect(world.send("run-1", { ...early, step: 1 })).toMatchObject({ ok: true });
    expect(world.types("run-1").at(-1)).toBe("run.completed");
  });

  it("keeps the answer when its attempt fails and is tried again", () => {
    const failing: Work = (effect) =>
      effect.step === 1 && effect.attempt === 0
        ? { outcome: { ok: false, error: { code: "late", message: "late" } } }
        : asking(effect);
    const settings = { maxRetries: 1 };
    const world = ran(definitionOf({ nodes: [{ ...WORK, settings }] }), { work: failing });
    answer(world);
    world.pass(1000);
    expect(world.types("run-1").filter((type) => type === "interrupt.requested a")).toHaveLength(1);
    expect(world.types("run-1").at(-1)).toBe("run.completed");
  });
});

function finishedAt(attempt: number): NodeFinished {
  const outcome = { ok: true, outputs: {} } as const;
  return { kind: "node-finished", now: T0, nodeId: "a", iteration: 0, attempt, outcome };
}

describe("limits", () => {
  it("that work outside runs into end the run, with one breach", () => {
    const breach = { kind: "clarification", limit: 3, observed: 4 };
    const error = { code: "clarification_limit_exceeded", message: "too many questions" };
    const settings = { maxRetries: 3 };
    const world = ran(definitionOf({ nodes: [{ ...WORK, settings }] }), {
      work: () => ({ outcome: { ok: false, error, breach } }),
    });
    expect(world.types("run-1").slice(-3)).toEqual([
      "node.cancelled a",
      "cap.breached a",
      "run.failed",
    ]);
    expect(world.log("run-1").at(-2)?.payload).toEqual({ ...breach, nodeId: "a" });
    expect(world.state("run-1").end?.error?.code).toBe("clarification_limit_exceeded");
  });

  it("end a workflow that starts itself without end", () => {
    const itself = { id: "a", typeId: "core.subWorkflow", config: { workflowId: "w" } };
    const world = new RunWorld([definitionOf({ nodes: [itself] })], {
      limits: { childDepthMax: 4 },
    });
    world.start("w");
    world.settle();
    expect(world.runs.size).toBe(5);
    expect(world.types("run-1").at(-1)).toBe("run.failed");
  });

  const row = (count: number): Record<string, unknown> =>
    definitionOf({
      nodes: Array.from({ length: count }, (_, index) => ({ id: `n${index}` })),
      edges: Array.from({ length: count - 1 }, (_, index) => `n${index} -> n${index + 1}`),
    });

  it.each([
    [undefined, {}, 100],
    [3, {}, 3],
    [200, {}, 200],
    [200, { maxNodeExecutions: 50 }, 50],
    [undefined, { maxNodeExecutions: 120 }, 120],
  ])("a wish of %s under %j allows %i executions", (recursionLimit, limits, allowed) => {
    const world = new RunWorld([row(allowed + 1)], { limits });
    world.start("w", { configurable: recursionLimit === undefined ? {} : { recursionLimit } });
    const log = world.log("run-1");
    const breaches = log.filter(({ type }) => type === "cap.breached");
    expect(breaches.map(({ payload }) => payload)).toEqual([
      {
        kind: "node-executions",
        limit: allowed,
        observed: allowed + 1,
        nodeId: `n${allowed}`,
      },
    ]);
    expect(log.at(-2)).toBe(breaches[0]);
    expect(log.filter(({ type }) => type === "node.started")).toHaveLength(allowed);
    expect(world.state("run-1").end?.error?.code).toBe("recursion_limit_exceeded");
  });

  it("count what a supervisor decides, and what a dispatch does", () => {
    const nodes = [
      {
        id: "s",
        typeId: "core.orchestrator.supervisor",
        config: {
          mockDecisions: Array.from({ length: 9 }, () => ({
            kind: "next-worker",
            nextWorkerIds: ["w2"],
          })),
        },
      },
      { id: "d", typeId: "core.dispatch", config: {} as object },
    ];
    const edges = ["s -> d", "d -> s"];
    const worker = definitionOf({ id: "w2", nodes: [{ id: "n" }] });
    const run = (dispatch: object, configurable: object): unknown => {
      const [supervisor, d] = nodes;
      const drawn = [supervisor, { ...d, config: dispatch }] as typeof nodes;
      const world = new RunWorld([definitionOf({ nodes: drawn, edges }), worker]);
      world.start("w", { configurable });
      world.settle();
      const breach = world.log("run-1").find(({ type }) => type === "cap.breached");
      return { ...breach?.payload, code: world.state("run-1").end?.error?.code };
    };
    const breach = { kind: "loop-iterations", code: "loop_limit_exceeded" };
    expect(run({}, { maxLoopIterations: 3 })).toEqual({
      ...breach,
      limit: 3,
      observed: 4,
      nodeId: "s",
    });
    expect(run({ iterationCap: 2 }, {})).toEqual({ ...breach, limit: 2, observed: 3, nodeId: "d" });
  });

  it.each([
    [{ recursionLimit: 0 }, "recursionLimit"],
    [{ recursionLimit: 1.5 }, "recursionLimit"],
    [{ runTimeoutMs: "1" }, "runTimeoutMs"],
    [{ temperature: 3 }, "temperature"],
    [{ model: "" }, "model"],
  ])("refuse the run option %j", (configurable, name) => {
    const world = new RunWorld([row(1)]);
    expect(() => world.start("w", { configurable })).toThrow(`configurable.${name}`);
  });

  it.each([
    [{ tags: Array.from({ length: 101 }, () => "t") }, "at most 100"],
    [{ tags: [""] }, "1 to 256"],
    [{ metadata: { a: { b: { c: { d: {} } } } } }, "4 levels"],
    [{ metadata: { a: "x".repeat(9000) } }, "8192"],
  ])("refuse labels %#", (labels, message) => {
    const plan = new RunWorld([row(1)]).plan("w");
    const run = { runId: "r", inputs: {}, configurable: {}, ...labels };
    const decision = decide(plan, undefined, { kind: "start", now: T0, run });
    expect(decision.ok ? "" : decision.error.message).toContain(message);
  });

  it("hold a channel to its schema, where the host can", () => {
    const write = { id: "a", typeId: "core.channelWrite", config: { channelName: "c", value: 1 } };
    const channels = { c: { reducer: "append", schema: { maxItems: 0 } } };
    const { workflow, host } = new RunWorld([definitionOf({ nodes: [write], channels })]).plan("w");
    const strict = { ...host, schemaProblem: (): string => "has too many items" };
    const run = { runId: "r", inputs: {}, configurable: {} };
    const input = { kind: "start", now: T0, run } as const;
    const decision = decide({ workflow, host: strict }, undefined, input);
    expect(decision.ok && decision.value.state.end?.error?.message).toContain("too many items");
    expect(decide({ workflow, host }, undefined, input)).toMatchObject({
      value: { state: { end: { status: "completed" } } },
    });
  });

  it("refuse inputs that are missing, too deep, too large or channels", () => {
    const variables = [{ name: "v", type: "string", required: true }];
    const channels = { c: { reducer: "append" } };
    const definition = definitionOf({ nodes: [WORK], variables, channels });
    const world = new RunWorld([definition], { limits: { variableCharsMax: 100 } });
    let deep: unknown = 1;
    for (let level = 0; level < 100; level += 1) deep = [deep];
    expect(() => world.start("w")).toThrow("inputs.v is required");
    expect(() => world.start("w", { inputs: { v: "x", deep } })).toThrow("nested deeper");
    expect(() => world.start("w", { inputs: { v: "x".repeat(101) } })).toThrow("103 characters");
    expect(() => world.start("w", { inputs: { v: "", c: [] } })).toThrow("is a channel");
  });
});
