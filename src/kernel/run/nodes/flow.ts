/** Nodes that shape the flow: start, end, pass, branch, join, fail. */
import { isJsonObject } from "../../../lib/json.ts";
import { toIso } from "../../../lib/time.ts";
import { holds } from "../condition.ts";
import { conditionProblem, type NodeProblem } from "../definition/parse.ts";
import { anything, oneOf, open, text } from "../definition/shape.ts";
import type { EdgeCondition, WorkflowNode } from "../definition/types.ts";
import type { NodeContext, NodeEvent, NodeType, Outcome } from "../node-type.ts";
import { bindingsOf } from "../ports.ts";
import { own } from "../state.ts";
import { textOf } from "../value.ts";
import { ANY_CONFIG, configProblems, configured } from "./config.ts";

const noop: NodeType = { ...ANY_CONFIG, run: () => ({ kind: "complete", outputs: {} }) };

/** `output` and, by name, the run's inputs. */
const start: NodeType = {
  ...ANY_CONFIG,
  run({ state }) {
    const { inputs } = state.context;
    return { kind: "complete", outputs: { output: inputs, ...inputs } };
  },
};

/** Its inputs are the run's outputs. */
const end: NodeType = {
  ...ANY_CONFIG,
  run: ({ inputs }) => ({ kind: "complete", outputs: inputs }),
};

/** Every edge out of it starts a branch; there is nothing that it does itself. */
const parallel: NodeType = {
  ...ANY_CONFIG,
  run: ({ inputs }) => ({ kind: "complete", outputs: { output: inputs["input"], ...inputs } }),
};

const identity: NodeType = {
  ...ANY_CONFIG,
  run(context) {
    const { inputs, planned } = context;
    const doubled = planned.node.config["emitDuplicateMessageId"] === true;
    return {
      kind: "complete",
      outputs: inputs,
      ...(doubled ? { events: sameMessageTwice(context) } : {}),
    };
  },
};

function sameMessageTwice({ workflow, planned, now }: NodeContext): readonly NodeEvent[] {
  const channel = Object.entries(workflow.definition.channels ?? {}).find(
    ([, { reducer }]) => reducer === "message",
  )?.[0];
  if (channel === undefined) return [];
  const nodeId = planned.node.id;
  const value = { messageId: `${nodeId}:0`, from: nodeId, content: "hello", role: "system" };
  const event: NodeEvent = {
    type: "channel.written",
    payload: { channel, value, reducer: "message", nodeId, writtenAt: toIso(now) },
  };
  return [event, event];
}

const FAILURE_CODE = "conformance_test_failure";
const FAILURE_MESSAGE = "Intentional conformance failure";

const fail: NodeType = {
  ...configured(open({}, { code: text({ min: 1 }), message: text({ min: 1 }) })),
  run({ planned }) {
    const { code, message } = planned.node.config;
    return {
      kind: "fail",
      error: {
        code: textOf(code) ?? FAILURE_CODE,
        message: textOf(message) ?? FAILURE_MESSAGE,
        retryable: false,
      },
    };
  },
};

/**
 * `config.condition`, or `config.expression` for short, or else its input `condition`. Leads on
 * through `true` or `false`, and always through `output`; all carry the input `input`.
 */
const conditional: NodeType = {
  problems(node) {
    const shape = open({}, { expression: text({ min: 1 }), condition: open({}) });
    const problems: NodeProblem[] = [...configProblems(shape, node)];
    const condition = conditionOf(node);
    const missing = condition === undefined ? undefined : conditionProblem(condition);
    if (missing !== undefined) problems.push({ path: "/config/condition", message: missing });
    if (condition === undefined && node.inputs["condition"] === undefined) {
      problems.push({ path: "/config", message: "needs a condition" });
    }
    return problems;
  },
  run(context) {
    const { inputs, planned, state, workflow, host } = context;
    const condition = conditionOf(planned.node);
    if (condition === undefined) return branch(context, inputs["condition"] === true);
    const bindings = { ...bindingsOf(state, workflow, planned), ...inputs, input: inputs["input"] };
    const held = holds(condition, bindings, host.evaluate);
    if (held.ok) return branch(context, held.value);
    const error = { code: "condition_failed", message: held.error, retryable: false };
    return { kind: "fail", error };
  },
};

function conditionOf({ config }: WorkflowNode): EdgeCondition | undefined {
  const { condition, expression } = config;
  if (isJsonObject(condition)) return condition;
  return typeof expression === "string" ? { type: "expression", expression } : undefined;
}

function branch({ inputs }: NodeContext, result: boolean): Outcome {
  const port = String(result);
  const value = inputs["input"] ?? null;
  return {
    kind: "complete",
    outputs: { result, output: value, [port]: value },
    ports: [port, "output", "result"],
  };
}

/**
 * Joins branches; when it runs is its edges' trigger rule. `mode`: `object` (default) gives what
 * came by input name, `array` the values in the order of the edges, `first` the first of them.
 */
const merge: NodeType = {
  ...configured(open({}, { mode: oneOf(["object", "array", "first"]), ignored: anything })),
  run({ inputs, planned, state }) {
    const values = planned.incoming.flatMap(({ edge, sourceOutput }) => {
      const value = own(own(state.nodes, edge.sourceNodeId)?.outputs ?? {}, sourceOutput);
      return value === undefined ? [] : [value];
    });
    const mode = planned.node.config["mode"];
    if (mode === "array") return { kind: "complete", outputs: { output: values } };
    if (mode === "first") return { kind: "complete", outputs: { output: values[0] ?? null } };
    return { kind: "complete", outputs: { ...inputs, output: inputs } };
  },
};

export const FLOW_NODES: Readonly<Record<string, NodeType>> = {
  "core.noop": noop,
  "core.start": start,
  "core.end": end,
  "core.parallel": parallel,
  "core.identity": identity,
  "core.fail": fail,
  "core.conditional": conditional,
  "core.merge": merge,
};
