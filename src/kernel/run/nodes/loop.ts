/**
 * `core.loop`: leads on through `body` once per item, per count, or while a condition holds, then
 * through `done`. The last node of the body has an edge back to the loop; what that edge brings is
 * an input of the loop, by its own name.
 */
import { isJsonObject } from "../../../lib/json.ts";
import { holds } from "../condition.ts";
import { conditionProblem } from "../definition/parse.ts";
import { anything, integer, open, text } from "../definition/shape.ts";
import type { EdgeCondition, WorkflowNode } from "../definition/types.ts";
import type { NodeContext, NodeType, Outcome } from "../node-type.ts";
import { bindingsOf } from "../ports.ts";
import { numberOf } from "../value.ts";
import { configProblems } from "./config.ts";

const ITERATIONS = 5;

const loop: NodeType = {
  problems(node) {
    const shape = open(
      {},
      {
        items: anything,
        count: integer(0),
        maxIterations: integer(1),
        condition: open({}),
        expression: text({ min: 1 }),
      },
    );
    const condition = conditionOf(node);
    const missing = condition === undefined ? undefined : conditionProblem(condition);
    return [
      ...configProblems(shape, node),
      ...(missing === undefined ? [] : [{ path: "/config/condition", message: missing }]),
    ];
  },
  run(context) {
    const { own } = context;
    const turn = own.turn ?? 0;
    const total = totalOf(context);
    if (total !== undefined) {
      if (turn >= total) return done(turn);
      const items = itemsOf(context);
      return body(turn, { index: turn, ...(items === undefined ? {} : { item: items[turn] }) });
    }
    return whileHolds(context, turn);
  },
};

function whileHolds(context: NodeContext, turn: number): Outcome {
  const { planned, state, workflow, host, inputs } = context;
  const condition = conditionOf(planned.node);
  if (condition === undefined) return done(turn);
  const bindings = { ...bindingsOf(state, workflow, planned), ...inputs, index: turn };
  const held = holds(condition, bindings, host.evaluate);
  if (!held.ok) {
    const error = { code: "condition_failed", message: held.error, retryable: false };
    return { kind: "fail", error };
  }
  if (!held.value) return done(turn);
  const { settings } = workflow.definition;
  const limit =
    numberOf(planned.node.config["maxIterations"]) ?? settings.maxLoopbackIterations ?? ITERATIONS;
  if (turn < limit) return body(turn, { index: turn });
  const { id: nodeId } = planned.node;
  const message = `the condition still holds after ${limit} iterations`;
  return {
    kind: "fail",
    error: { code: "loop_limit_exceeded", message, retryable: false },
    events: [{ type: "workflow.loopback-limit", payload: { nodeId, iterations: turn + 1, limit } }],
  };
}

function body(turn: number, values: Readonly<Record<string, unknown>>): Outcome {
  const outputs = { ...values, body: values["item"] ?? values["index"] ?? null };
  const ports = Object.keys(outputs);
  return { kind: "complete", outputs, ports, again: true, turn: turn + 1 };
}

function done(turn: number): Outcome {
  return {
    kind: "complete",
    outputs: { done: turn, output: turn, count: turn },
    ports: ["done", "output", "count"],
  };
}

/** How often the body runs; undefined for a loop that only its condition ends. */
function totalOf(context: NodeContext): number | undefined {
  const items = itemsOf(context);
  const count = numberOf(context.inputs["count"]) ?? numberOf(context.planned.node.config["count"]);
  if (items === undefined) return count;
  return Math.min(items.length, count ?? items.length);
}

function itemsOf({ inputs, planned }: NodeContext): readonly unknown[] | undefined {
  const items = inputs["items"] ?? planned.node.config["items"];
  return Array.isArray(items) ? items : undefined;
}

function conditionOf({ config }: WorkflowNode): EdgeCondition | undefined {
  const { condition, expression } = config;
  if (isJsonObject(condition)) return condition;
  return typeof expression === "string" ? { type: "expression", expression } : undefined;
}

export const LOOP_NODES: Readonly<Record<string, NodeType>> = { "core.loop": loop };
