import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holds } from "../../../../test/support/property.ts";
import { CAPABILITIES, definitionOf, hostWith } from "../../../../test/support/run-world.ts";
import { type ParseRules, parseWorkflow } from "./parse.ts";

const RULES: ParseRules = {
  typeOf: hostWith().typeOf,
  capabilities: CAPABILITIES,
  expressionProblem: (expression) => (expression.includes("(((") ? "too deep" : undefined),
};

function problems(value: unknown, rules = RULES): readonly string[] {
  const parsed = parseWorkflow(value, rules);
  return parsed.ok ? [] : parsed.error.map(({ path, message }) => `${path} ${message}`);
}

const two = [{ id: "a" }, { id: "b" }];
const connection = (nodeId: string): object => ({
  type: "connection",
  nodeId,
  outputKey: "output",
});

describe("a definition", () => {
  it("is kept as it was written, field by field", () => {
    const written = definitionOf({
      nodes: two,
      edges: [{ sourceNodeId: "a", targetNodeId: "b", label: "x", triggerRule: "any_success" }],
    });
    const parsed = parseWorkflow(written, RULES);
    expect(parsed.ok && parsed.value.definition).toBe(written);
  });

  it.each([
    ["no object", 3, [" must be an object"]],
    ["an unknown field", { ...definitionOf({ nodes: two }), x: 1 }, ["/x is not a known field"]],
    [
      "an unknown field of a node",
      definitionOf({ nodes: [{ id: "a", "b/c": 1 }] }),
      ["/nodes/0/b~1c is not a known field"],
    ],
    ["no nodes", definitionOf({ nodes: [] }), ["/nodes must have at least 1 items"]],
    [
      "an id in capitals",
      definitionOf({ id: "W", nodes: two }),
      ["/id must match ^[a-z][a-z0-9_-]*$"],
    ],
    [
      "a port of no kind",
      definitionOf({ nodes: [{ id: "a", inputs: { x: { type: "magic" } } }] }),
      ["/nodes/0/inputs/x/type must be one of static, expression, connection, variable"],
    ],
    [
      "an unknown reducer",
      definitionOf({ nodes: two, channels: { c: { reducer: "sum" } } }),
      [expect.stringContaining("/channels/c/reducer must match")],
    ],
    [
      "an id used twice",
      definitionOf({ nodes: [{ id: "a" }, { id: "a" }] }),
      ['/nodes/1/id "a" is used twice'],
    ],
    [
      "an edge to nowhere",
      definitionOf({ nodes: two, edges: ["a -> c"] }),
      ['/edges/0/targetNodeId no node "c"'],
    ],
    [
      "an edge to itself",
      definitionOf({ nodes: two, edges: ["a -> a"] }),
      ["/edges/0 leads from a node to itself", "/edges may not form a cycle through "],
    ],
    [
      "a cycle",
      definitionOf({ nodes: two, edges: ["a -> b", "b -> a"] }),
      ["/edges may not form a cycle through a, b"],
    ],
    [
      "an unknown node type",
      definitionOf({ nodes: [{ id: "a", typeId: "core.nothing" }] }),
      ["/nodes/0/typeId no node type core.nothing"],
    ],
    [
      "rules that differ",
      definitionOf({
        nodes: [...two, { id: "c" }],
        edges: ["a -> c", { sourceNodeId: "b", targetNodeId: "c", triggerRule: "any_success" }],
      }),
      [
        '/edges/1/triggerRule all edges into "c" must have one rule, an earlier one has all_success',
      ],
    ],
    [
      "a connection that is not upstream",
      definitionOf({ nodes: [{ id: "a", inputs: { x: connection("b") } }, { id: "b" }] }),
      ['/nodes/0/inputs/x/nodeId "b" is not upstream'],
    ],
    [
      "a default of another type",
      definitionOf({ nodes: two, variables: [{ name: "n", type: "number", defaultValue: "1" }] }),
      ["/variables/0/defaultValue must be of type number"],
    ],
    [
      "a variable that is a channel",
      definitionOf({
        nodes: two,
        variables: [{ name: "n", type: "number" }],
        channels: { n: { reducer: "append" } },
      }),
      ['/variables/0/name "n" is a channel'],
    ],
    [
      "a condition without operands",
      definitionOf({
        nodes: two,
        edges: [{ sourceNodeId: "a", targetNodeId: "b", condition: { type: "equals" } }],
      }),
      ["/edges/0/condition needs a left operand"],
    ],
    [
      "an expression that its language refuses",
      definitionOf({
        nodes: [{ id: "a", inputs: { x: { type: "expression", expression: "(((x)))" } } }],
      }),
      ["/nodes/0/inputs/x/expression too deep"],
    ],
    [
      "a node type's own complaint",
      definitionOf({ nodes: [{ id: "a", typeId: "core.subWorkflow" }] }),
      ["/nodes/0/config/workflowId is missing"],
    ],
    [
      "a tool call that comes to nothing",
      definitionOf({
        nodes: [
          {
            id: "a",
            typeId: "core.conformance.mock-agent",
            config: { mockToolCalls: [{ toolId: "t" }] },
          },
        ],
      }),
      ["/nodes/0/config/mockToolCalls/0 needs a result or an error"],
    ],
  ])("is refused for %s", (_, definition, expected) => {
    expect(problems(definition)).toEqual(
      expected.filter((text) => typeof text !== "string" || !text.endsWith("through ")),
    );
  });

  it("names the capability that the host would need", () => {
    const nodes = [{ id: "talk", typeId: "core.conversationGate" }];
    const parsed = parseWorkflow(definitionOf({ nodes }), { ...RULES, capabilities: new Set() });
    expect(parsed).toMatchObject({
      ok: false,
      error: [
        {
          path: "/nodes/0/typeId",
          code: "capability_required",
          details: {
            requiredCapability: "conversationPrimitive",
            offendingTypeId: "core.conversationGate",
            nodeId: "talk",
          },
        },
      ],
    });
  });

  it("may loop through a supervisor, a loop or a gate's refine", () => {
    const supervisor = { id: "a", typeId: "core.orchestrator.supervisor" };
    const dispatch = { id: "b", typeId: "core.dispatch" };
    const there = ["a -> b", "b -> a"];
    expect(problems(definitionOf({ nodes: [supervisor, dispatch], edges: there }))).toEqual([]);
    const loop = { id: "a", typeId: "core.loop", config: { count: 2 } };
    const body = ["a:body -> b", "b -> a"];
    expect(problems(definitionOf({ nodes: [loop, { id: "b" }], edges: body }))).toEqual([]);
    const gate = { id: "b", typeId: "core.approvalGate" };
    const refine = ["a -> b", "b:refine -> a"];
    expect(problems(definitionOf({ nodes: [{ id: "a" }, gate], edges: refine }))).toEqual([]);
  });

  it("may have 5,000 nodes in a row, and not one more", () => {
    const nodes = Array.from({ length: 5000 }, (_, index) => ({ id: `n${index}` }));
    const edges = nodes.slice(1).map(({ id }, index) => `n${index} -> ${id}`);
    expect(problems(definitionOf({ nodes, edges }))).toEqual([]);
    const closed = [...edges, "n4999 -> n0"];
    expect(problems(definitionOf({ nodes, edges: closed }))[0]).toContain("may not form a cycle");
    expect(problems(definitionOf({ nodes: [...nodes, { id: "x" }], edges }))).toEqual([
      "/nodes must have at most 5000 items",
    ]);
  });

  it("is refused when it is nested without end", () => {
    let config: unknown = 1;
    for (let depth = 0; depth < 100_000; depth += 1) config = { config };
    expect(problems(definitionOf({ nodes: [{ id: "a", config: { config } }] }))).toEqual([
      " is nested deeper than 64 levels",
    ]);
  });

  it("is refused by a list of faults that does not grow without end", () => {
    const nodes = Array.from({ length: 500 }, (_, index) => ({ id: `n${index}`, x: 1 }));
    expect(problems(definitionOf({ nodes }))).toHaveLength(100);
  });

  it("is parsed or refused, whatever it is", () => {
    holds(
      fc.property(fc.jsonValue(), (value) => {
        expect(problems(value)).not.toEqual([]);
      }),
      { runs: 200 },
    );
    const node = fc.dictionary(
      fc.constantFrom("id", "typeId", "config", "inputs", "position"),
      fc.jsonValue(),
    );
    holds(
      fc.property(fc.array(node), fc.array(fc.jsonValue()), (nodes, edges) => {
        expect(problems({ ...definitionOf({ nodes: two }), nodes, edges })).not.toEqual([]);
      }),
      { runs: 200 },
    );
  });
});
