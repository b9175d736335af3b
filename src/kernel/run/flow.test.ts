/** Which nodes run: trigger rules, conditions, ports, loops, and where their values come from. */
import { describe, expect, it } from "vitest";
import { definitionOf, RunWorld, ran } from "../../../test/support/run-world.ts";
import { TRIGGER_RULES } from "./definition/types.ts";
import { nodeState } from "./state.ts";

const FAIL = { typeId: "core.fail" };
const variable = (variableName: string): object => ({ type: "variable", variableName });
const expression = (text: string): object => ({ type: "expression", expression: text });

/** Node ids by what became of them, `started` in order. */
function fates(world: RunWorld): Record<string, string> {
  const { nodes } = world.state("run-1");
  return Object.fromEntries(Object.entries(nodes).map(([id, { status }]) => [id, status]));
}

function completedIn(world: RunWorld): readonly string[] {
  return world
    .log("run-1")
    .filter(({ type }) => type === "node.completed")
    .map(({ nodeId = "" }) => nodeId);
}

describe("trigger rules", () => {
  const upstream = {
    completed: { id: "ok" },
    failed: { id: "bad", ...FAIL },
    skipped: { id: "off", disabled: true },
  } as const;
  type Fate = keyof typeof upstream;

  /** What becomes of a node behind these upstream nodes. */
  function fate(rule: string, behind: readonly Fate[]): string {
    const sources = behind.map((name) => upstream[name]);
    const world = ran(
      definitionOf({
        // The failure is tolerated by a second edge, so that the run goes on.
        nodes: [...sources, { id: "target" }, { id: "tolerant" }],
        edges: sources.flatMap(({ id }) => [
          { id: `${id}-1`, sourceNodeId: id, targetNodeId: "target", triggerRule: rule },
          {
            id: `${id}-2`,
            sourceNodeId: id,
            targetNodeId: "tolerant",
            triggerRule: "all_complete",
          },
        ]),
      }),
    );
    expect(world.types("run-1").at(-1)).toBe("run.completed");
    return nodeState(world.state("run-1"), "target").status;
  }

  it.each([
    ["all_success", ["completed"], "completed"],
    ["all_success", ["completed", "skipped"], "completed"],
    ["all_success", ["skipped"], "skipped"],
    ["all_success", ["completed", "failed"], "skipped"],
    ["any_success", ["completed", "failed"], "completed"],
    ["any_success", ["skipped", "failed"], "skipped"],
    ["all_complete", ["failed", "skipped"], "completed"],
    ["all_complete", ["skipped"], "completed"],
    ["none_failed", ["completed", "skipped"], "completed"],
    ["none_failed", ["skipped"], "completed"],
    ["none_failed", ["completed", "failed"], "skipped"],
    ["any_failed", ["completed", "failed"], "completed"],
    ["any_failed", ["completed", "skipped"], "skipped"],
  ] as const)("%s behind %j leaves the node %s", (rule, behind, expected) => {
    expect(fate(rule, behind)).toBe(expected);
  });

  it.each(TRIGGER_RULES)("%s waits, or does not, for the slower of two branches", (rule) => {
    const slow = { id: "slow", typeId: "core.delay", config: { ms: 1000 } };
    const edges = ["fast", "slow"].map((sourceNodeId) => ({
      id: sourceNodeId,
      sourceNodeId,
      targetNodeId: "target",
      triggerRule: rule,
    }));
    const nodes = [{ id: "fast" }, slow, { id: "target" }];
    const world = new RunWorld([definitionOf({ nodes, edges })]);
    world.start("w");
    const early = nodeState(world.state("run-1"), "target").status;
    expect(early).toBe(rule === "any_success" ? "completed" : "pending");
    world.pass(1000);
    const late = nodeState(world.state("run-1"), "target").status;
    expect(late).toBe(rule === "any_failed" ? "skipped" : "completed");
  });

  it("let a failure that nobody tolerates end the run at once", () => {
    const slow = { id: "slow", typeId: "test.work" };
    const nodes = [slow, { id: "bad", ...FAIL }, { id: "after" }];
    const world = ran(definitionOf({ nodes, edges: ["bad -> after"] }), { work: () => undefined });
    expect(world.types("run-1")).toEqual([
      "run.started",
      "node.started slow",
      "node.started bad",
      "node.failed bad",
      "node.cancelled slow",
      "run.failed",
    ]);
    expect(world.asked.map(({ kind }) => kind)).toEqual([]);
  });
});

describe("edges", () => {
  it("bring a named output to a named input", () => {
    const world = ran(
      definitionOf({
        nodes: [
          { id: "a", typeId: "core.identity", inputs: { x: { type: "static", value: 7 } } },
          { id: "b", typeId: "core.identity" },
        ],
        edges: [{ sourceNodeId: "a", sourceOutput: "x", targetNodeId: "b", targetInput: "y" }],
      }),
    );
    expect(world.state("run-1").end?.outputs).toEqual({ y: 7 });
  });

  it.each([
    [{ type: "equals", left: "x.y", right: 7 }, "completed"],
    [{ left: "x.y", right: 8 }, "skipped"],
    [{ type: "notEquals", left: "x.none", right: null }, "skipped"],
    [{ type: "contains", left: "list", right: { a: 1 } }, "completed"],
    [{ type: "contains", left: "text", right: "ell" }, "completed"],
    [{ type: "contains", left: "x", right: "constructor" }, "skipped"],
    [{ type: "regex", left: "text", right: "^h.llo$" }, "completed"],
    [{ type: "regex", left: "x", right: "." }, "skipped"],
    [{ type: "expression", expression: "x.y > 6" }, "completed"],
    [{ expression: "outputs.x.y > 7" }, "skipped"],
    [{ left: "status", right: "completed" }, "completed"],
    [{ left: "variables.v", right: "set" }, "completed"],
    [{ left: "x.__proto__", right: null }, "completed"],
  ])("with the condition %j leave their target %s", (condition, expected) => {
    const value = { x: { y: 7 }, list: [{ a: 1 }], text: "hello" };
    const inputs = Object.fromEntries(
      Object.entries(value).map(([name, held]) => [name, { type: "static", value: held }]),
    );
    const world = ran(
      definitionOf({
        nodes: [{ id: "a", typeId: "core.identity", inputs }, { id: "b" }, { id: "behind" }],
        edges: [{ sourceNodeId: "a", targetNodeId: "b", condition }, "b -> behind"],
      }),
      { inputs: { v: "set" } },
    );
    expect(fates(world)).toEqual({ a: "completed", b: expected, behind: expected });
  });

  it("whose condition cannot be evaluated fail the node that they leave", () => {
    const condition = { type: "expression", expression: "nothing.there > 1" };
    const edges = [{ sourceNodeId: "a", targetNodeId: "b", condition }];
    const world = ran(definitionOf({ nodes: [{ id: "a" }, { id: "b" }], edges }));
    expect(world.state("run-1").end?.error).toMatchObject({ code: "condition_failed" });
  });
});

describe("inputs", () => {
  it.each([
    [variable("missing"), 'needs the variable "missing"'],
    [expression("variables.missing"), "cannot be evaluated"],
  ])("that cannot be had fail their node: %j", (port, message) => {
    const world = ran(definitionOf({ nodes: [{ id: "a", inputs: { x: port } }] }));
    expect(world.types("run-1")).toEqual([
      "run.started",
      "node.started a",
      "node.failed a",
      "run.failed",
    ]);
    const { error } = world.state("run-1").end ?? {};
    expect(error?.code).toBe("unresolved_input");
    expect(error?.message).toContain(message);
  });

  it("that are optional are simply absent", () => {
    const port = { ...variable("missing"), optional: true };
    const world = ran(
      definitionOf({ nodes: [{ id: "a", typeId: "core.end", inputs: { x: port } }] }),
    );
    expect(world.state("run-1").end?.outputs).toEqual({});
  });

  it("are seeded from defaults, and the run's inputs come over them", () => {
    const variables = [
      { name: "a", type: "number", defaultValue: 1 },
      { name: "b", type: "number", defaultValue: 1 },
    ];
    const definition = definitionOf({ nodes: [{ id: "n" }], variables });
    const world = ran(definition, { inputs: { b: 2, undeclared: 3 } });
    expect(world.state("run-1").variables).toEqual({ a: 1, b: 2, undeclared: 3 });
  });
});

describe("core.conditional", () => {
  it.each([
    [{ expression: "variables.n > 3" }, { n: 5 }, "yes"],
    [{ expression: "variables.n > 3" }, { n: 1 }, "no"],
    [{ condition: { left: "variables.n", right: 1 } }, { n: 1 }, "yes"],
  ])("with %j of %j takes the branch %s", (config, inputs, branch) => {
    const nodes = [
      { id: "if", typeId: "core.conditional", config },
      { id: "yes" },
      { id: "no" },
      { id: "join" },
    ];
    const edges = ["if:true -> yes", "if:false -> no", "yes -> join", "no -> join"];
    const world = ran(definitionOf({ nodes, edges }), { inputs });
    expect(completedIn(world)).toEqual(["if", branch, "join"]);
  });
});

describe("core.loop", () => {
  const body = (
    config: object,
    settings: Readonly<Record<string, unknown>> = {},
  ): Record<string, unknown> =>
    definitionOf({
      nodes: [
        { id: "loop", typeId: "core.loop", config },
        { id: "item", typeId: "core.identity" },
        { id: "sum", typeId: "core.channelWrite", config: { channelName: "seen" } },
        { id: "after" },
      ],
      edges: [
        { sourceNodeId: "loop", sourceOutput: "body", targetNodeId: "item" },
        { sourceNodeId: "item", sourceOutput: "input", targetNodeId: "sum" },
        "sum -> loop",
        "loop:done -> after",
      ],
      channels: { seen: { reducer: "append" } },
      settings,
    });

  it("runs its body once per item, in order, and then goes on", () => {
    const world = ran(body({ items: ["a", "b", "c"] }));
    expect(world.state("run-1").channels["seen"]?.value).toEqual(["a", "b", "c"]);
    expect(completedIn(world).filter((id) => id === "after")).toHaveLength(1);
    expect(nodeState(world.state("run-1"), "item").iteration).toBe(3);
  });

  it("does not run its body for no items", () => {
    const world = ran(body({ items: [] }));
    expect(fates(world)).toEqual({
      loop: "completed",
      item: "skipped",
      sum: "skipped",
      after: "completed",
    });
  });

  it("counts, and is not held to the number of loopbacks that a condition is", () => {
    const world = ran(body({ count: 8 }, { maxLoopbackIterations: 2 }));
    expect(world.state("run-1").channels["seen"]?.value).toHaveLength(8);
  });

  it("ends when its condition no longer holds", () => {
    const world = ran(body({ expression: "index < 3" }));
    expect(world.state("run-1").channels["seen"]?.value).toEqual([0, 1, 2]);
  });

  it("that does not end is ended by its limit, which is told once", () => {
    const world = ran(body({ expression: "index > -1" }));
    const types = world.types("run-1");
    expect(types.filter((type) => type.startsWith("workflow.loopback-limit"))).toHaveLength(1);
    expect(world.state("run-1").end?.error?.code).toBe("loop_limit_exceeded");
    expect(world.state("run-1").channels["seen"]?.value).toHaveLength(5);
  });

  it("begins anew inside another loop", () => {
    const world = ran(
      definitionOf({
        nodes: [
          { id: "outer", typeId: "core.loop", config: { count: 2 } },
          { id: "inner", typeId: "core.loop", config: { count: 3 } },
          { id: "work", typeId: "core.channelWrite", config: { channelName: "n", value: 1 } },
        ],
        edges: [
          "outer:body -> inner",
          "inner:body -> work",
          "work -> inner",
          "inner:done -> outer",
        ],
        channels: { n: { reducer: "counter" } },
      }),
    );
    expect(world.state("run-1").channels["n"]?.value).toBe(6);
    expect(world.types("run-1").at(-1)).toBe("run.completed");
  });
});

describe("a gate that sends work back", () => {
  const definition = definitionOf({
    nodes: [
      { id: "write", typeId: "core.identity" },
      { id: "gate", typeId: "core.approvalGate", config: { actions: ["accept", "refine"] } },
      { id: "after" },
    ],
    edges: ["write -> gate", "gate -> after"],
    settings: { maxLoopbackIterations: 2 },
  });

  function refine(world: RunWorld, action: string): void {
    const decision = world.send("run-1", {
      kind: "resolve",
      now: world.now,
      target: { nodeId: "gate" },
      value: { action, feedback: "shorter" },
      by: "ann",
      via: "bearer",
    });
    expect(decision.ok).toBe(true);
  }

  it("has the producer run again with the feedback, and asks anew", () => {
    const world = ran(definition);
    refine(world, "refine");
    expect(nodeState(world.state("run-1"), "write")).toMatchObject({
      iteration: 1,
      outputs: { feedback: "shorter" },
    });
    expect(Object.keys(world.state("run-1").interrupts)).toEqual(["gate:0", "gate:1"]);
    refine(world, "accept");
    expect(completedIn(world)).toEqual(["write", "gate", "write", "gate", "after"]);
  });

  it("does so only so often", () => {
    const world = ran(definition);
    for (let round = 0; round < 3; round += 1) refine(world, "refine");
    expect(world.types("run-1").slice(-3)).toEqual([
      "workflow.loopback-limit gate",
      "node.failed gate",
      "run.failed",
    ]);
  });
});

describe("variables", () => {
  const set = (id: string, config: object): { id: string } =>
    ({ id, typeId: "core.setVariable", config }) as { id: string };

  it("are set, read, and told of with what they were", () => {
    const world = ran(
      definitionOf({
        nodes: [
          set("one", { name: "n", value: 1 }),
          set("two", { name: "n", expression: "variables.n + 1" }),
          { id: "get", typeId: "core.getVariable", config: { name: "n" } },
        ],
        edges: ["one -> two", "two -> get"],
      }),
    );
    const changes = world.log("run-1").filter(({ type }) => type === "variable.changed");
    expect(changes.map(({ payload }) => payload)).toEqual([
      { name: "n", next: 1, nodeId: "one" },
      { name: "n", previous: 1, next: 2, nodeId: "two" },
    ]);
    expect(world.state("run-1").end?.outputs).toEqual({ output: 2 });
  });

  it.each([
    [{ name: "c", value: 1 }, {}],
    [{ name: "v", value: "x".repeat(100) }, { variableCharsMax: 50 }],
  ])("are refused: %j", (config, limits) => {
    const channels = { c: { reducer: "append" } };
    const world = ran(definitionOf({ nodes: [set("s", config)], channels }), { limits });
    expect(world.state("run-1").end?.error?.code).toBe("validation_error");
  });

  it("named like something of every object are data like any other", () => {
    const world = ran(
      definitionOf({ nodes: [set("s", { name: "constructor", value: 1 }), { id: "toString" }] }),
      { inputs: { hasOwnProperty: 2 } },
    );
    expect(Object.entries(world.state("run-1").variables)).toEqual([
      ["hasOwnProperty", 2],
      ["constructor", 1],
    ]);
    expect(world.types("run-1").at(-1)).toBe("run.completed");
  });
});
