/** Where a node's inputs come from (openwop-core §3.2): its ports, then what its edges bring. */
import type { JsonObject } from "../../lib/json.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { readable } from "./channel.ts";
import type { PlannedEdge, PlannedNode, Workflow } from "./definition/plan.ts";
import type { PortValue } from "./definition/types.ts";
import type { Evaluate } from "./host.ts";
import type { RunError } from "./input.ts";
import { type NodeState, nodeState, own, type RunState } from "./state.ts";

/** What an expression of this node may name. */
export function bindingsOf(
  state: RunState,
  workflow: Workflow,
  { node }: Pick<PlannedNode, "node">,
): JsonObject {
  return {
    inputs: state.context.inputs,
    variables: state.variables,
    configurable: state.context.configurable,
    nodes: state.nodes,
    channels: readable(state.channels, workflow.definition.channels, {
      nodeId: node.id,
      typeId: node.typeId,
    }),
  };
}

export type EdgeState = "undecided" | "success" | "failed" | "skipped";

/** What an edge says to its target's trigger rule. */
export function edgeState(source: NodeState, edge: PlannedEdge): EdgeState {
  const { status, ports, again, declined } = source;
  if (status === "failed") return "failed";
  if (status === "skipped" || status === "cancelled") return "skipped";
  if (status !== "completed") return "undecided";
  if (ports !== undefined && !ports.includes(edge.sourceOutput)) {
    return again === true ? "undecided" : "skipped";
  }
  return declined?.includes(edge.edge.id) === true ? "skipped" : "success";
}

interface InputSources {
  readonly workflow: Workflow;
  readonly state: RunState;
  readonly evaluate: Evaluate;
}

/** The node's inputs, or the error that it fails with because one cannot be had. */
export function resolveInputs(
  { workflow, state, evaluate }: InputSources,
  planned: PlannedNode,
): Result<JsonObject, RunError> {
  const inputs: Record<string, unknown> = {};
  for (const [port, source] of Object.entries(planned.node.inputs)) {
    const value = portValue(source, { workflow, state, evaluate }, planned);
    if (!value.ok) {
      const message = `input "${port}" ${value.error}`;
      return err({ code: "unresolved_input", message, retryable: false });
    }
    if (value.value !== undefined) inputs[port] = value.value;
  }
  for (const edge of planned.incoming) {
    const source = nodeState(state, edge.edge.sourceNodeId);
    if (edgeState(source, edge) !== "success") continue;
    const value = own(source.outputs ?? {}, edge.sourceOutput);
    if (value !== undefined) inputs[edge.targetInput] = value;
  }
  return ok({ ...inputs, ...nodeState(state, planned.node.id).delivered });
}

function portValue(
  port: PortValue,
  { workflow, state, evaluate }: InputSources,
  planned: PlannedNode,
): Result<unknown, string> {
  switch (port.type) {
    case "static":
      return ok(port.value);
    case "variable": {
      const value = own(state.variables, port.variableName);
      if (value !== undefined || port.optional === true) return ok(value);
      return err(`needs the variable "${port.variableName}", which has no value`);
    }
    case "connection": {
      const value = own(nodeState(state, port.nodeId).outputs ?? {}, port.outputKey);
      if (value !== undefined || port.optional === true) return ok(value);
      return err(`needs output "${port.outputKey}" of "${port.nodeId}", which has none`);
    }
    case "expression": {
      const result = evaluate(port.expression, bindingsOf(state, workflow, planned));
      return result.ok ? ok(result.value) : err(`cannot be evaluated: ${result.message}`);
    }
  }
}
