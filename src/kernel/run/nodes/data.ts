/** Nodes that read and write the run's variables and channels. */
import type { NodeProblem } from "../definition/parse.ts";
import { anything, integer, open, text } from "../definition/shape.ts";
import type { WorkflowNode } from "../definition/types.ts";
import type { NodeContext, NodeType, Outcome } from "../node-type.ts";
import { bindingsOf } from "../ports.ts";
import { own } from "../state.ts";
import { numberOf, textOf } from "../value.ts";
import { channelWritten, variableChanged } from "../variable.ts";
import { configProblems, configured } from "./config.ts";

const word = text({ min: 1, max: 128 });

function nameOf({ config }: WorkflowNode): string | undefined {
  return textOf(config["name"]) ?? textOf(config["variableName"]);
}

function named(node: WorkflowNode): readonly NodeProblem[] {
  if (nameOf(node) !== undefined) return [];
  return [{ path: "/config/name", message: "must name a variable" }];
}

function failed(code: string, message: string): Outcome {
  return { kind: "fail", error: { code, message, retryable: false } };
}

/** The value: input `value`, else `config.expression`, `config.value`, input `input`. Its output too. */
const setVariable: NodeType = {
  problems: (node) => [
    ...configProblems(open({}, { name: word, variableName: word, expression: word }), node),
    ...named(node),
  ],
  run(context) {
    const { planned, host, state, workflow, now } = context;
    const { id: nodeId } = planned.node;
    const value = valueOf(context);
    if (!value.ok) return failed("expression_failed", value.message);
    const scope = { host, state, now, definition: workflow.definition };
    const event = variableChanged(scope, nodeId, nameOf(planned.node) ?? "", value.value ?? null);
    if (!event.ok) return { kind: "fail", error: event.error };
    const outputs = { output: value.value ?? null };
    return { kind: "complete", outputs, events: [event.value] };
  },
};

function valueOf(
  context: NodeContext,
): { readonly ok: true; readonly value: unknown } | { readonly ok: false; message: string } {
  const { inputs, planned, host, state, workflow } = context;
  const { expression, value } = planned.node.config;
  if (Object.hasOwn(inputs, "value")) return { ok: true, value: inputs["value"] };
  if (typeof expression !== "string") return { ok: true, value: value ?? inputs["input"] };
  return host.evaluate(expression, { ...bindingsOf(state, workflow, planned), ...inputs });
}

/** Output `output`: the variable's value, or `config.default` when it has none. */
const getVariable: NodeType = {
  problems: (node) => [
    ...configProblems(open({}, { name: word, variableName: word, default: anything }), node),
    ...named(node),
  ],
  run({ planned, state }) {
    const value = own(state.variables, nameOf(planned.node) ?? "");
    return {
      kind: "complete",
      outputs: { output: value ?? planned.node.config["default"] ?? null },
    };
  },
};

/** The value: input `value`, else `config.value`, else input `input`. */
const channelWrite: NodeType = {
  ...configured(
    open(
      { channelName: text({ min: 1, max: 256 }) },
      { reducer: text({ min: 1 }), ttlMs: integer(1), value: anything },
    ),
  ),
  run({ planned, inputs, host, state, workflow, now }) {
    const { id: nodeId, typeId, config } = planned.node;
    const channel = textOf(config["channelName"]) ?? "";
    const reducer = textOf(config["reducer"]);
    const ttlMs = numberOf(config["ttlMs"]);
    const value = inputs["value"] ?? config["value"] ?? inputs["input"] ?? null;
    const event = channelWritten(
      { host, state, now, definition: workflow.definition },
      {
        channel,
        value,
        ...(reducer === undefined ? {} : { reducer }),
        ...(ttlMs === undefined ? {} : { ttlMs }),
      },
      { nodeId, typeId },
    );
    if (!event.ok) return { kind: "fail", error: event.error };
    return { kind: "complete", outputs: { output: value }, events: [event.value] };
  },
};

export const DATA_NODES: Readonly<Record<string, NodeType>> = {
  "core.setVariable": setVariable,
  "core.getVariable": getVariable,
  "core.channelWrite": channelWrite,
};
