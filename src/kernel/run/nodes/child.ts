/** `core.subWorkflow`: a workflow run as a run of its own (openwop-core §3.11). */
import { isJsonObject, type JsonObject } from "../../../lib/json.ts";
import { flag, mapOf, oneOf, open, text } from "../definition/shape.ts";
import type { RunError } from "../input.ts";
import type { ChildNews, NodeContext, NodeEvent, NodeType, Outcome } from "../node-type.ts";
import { type ChildState, own } from "../state.ts";
import { nameOf, textOf } from "../value.ts";
import { variableChanged } from "../variable.ts";
import { configProblems, needs } from "./config.ts";

const word = text({ min: 1 });

const subWorkflow: NodeType = {
  problems(node) {
    const shape = open(
      { workflowId: word },
      {
        waitForCompletion: flag,
        onChildFailure: oneOf(["fail-parent", "absorb"]),
        inputMapping: mapOf(word),
        outputMapping: mapOf(word),
        propagateCancellation: flag,
      },
    );
    const { inputMapping } = node.config;
    const mapped = isJsonObject(inputMapping) && Object.keys(inputMapping).length > 0;
    return [
      ...(mapped
        ? [needs("subWorkflow.inputMapping", "inputMapping", "/config/inputMapping")]
        : []),
      ...configProblems(shape, node),
    ];
  },
  run(context) {
    const { config } = context.planned.node;
    const inputs = mappedInputs(context, config["inputMapping"]);
    const event = childRequested(context, {
      index: 0,
      workflowId: textOf(config["workflowId"]) ?? "",
      inputs,
      propagateCancellation: config["propagateCancellation"] !== false,
      detached: config["waitForCompletion"] === false,
    });
    return { kind: "stay", events: [event] };
  },
  child(context, news) {
    const { config } = context.planned.node;
    switch (news.kind) {
      case "refused":
        return { kind: "fail", error: news.error };
      case "started":
        if (config["waitForCompletion"] !== false) return { kind: "stay" };
        return { kind: "complete", outputs: outputsOf(news.child, news.child.status) };
      case "ended":
        return childEnded(context, news);
    }
  },
};

function childEnded(context: NodeContext, news: ChildNews & { readonly kind: "ended" }): Outcome {
  const { config } = context.planned.node;
  const { status, child, error, outputs } = news;
  const told = { ...outputsOf(child, status), output: outputs };
  if (status === "completed") {
    const harvest = harvested(context, config["outputMapping"], news.variables);
    if ("error" in harvest) return { kind: "fail", error: harvest.error };
    return { kind: "complete", outputs: told, events: harvest.events };
  }
  if (config["onChildFailure"] === "absorb") {
    return { kind: "complete", outputs: { ...told, ...(error === undefined ? {} : { error }) } };
  }
  return { kind: "fail", error: childError(child, status, error) };
}

function outputsOf(child: ChildState, childStatus: string): JsonObject {
  return { childRunId: child.childRunId ?? null, childStatus };
}

/** The error of a parent's node whose child did not complete. */
export function childError(
  { childRunId, workflowId }: ChildState,
  status: string,
  error: RunError | undefined,
): RunError {
  return {
    code: status === "cancelled" ? "child_cancelled" : "child_failed",
    message: `the run of ${workflowId} ended ${status}${error === undefined ? "" : `: ${error.message}`}`,
    details: {
      ...(childRunId === undefined ? {} : { childRunId }),
      ...(error === undefined ? {} : { childError: error }),
    },
  };
}

interface ChildRequest {
  /** Which child of this attempt. */
  readonly index: number;
  readonly workflowId: string;
  readonly inputs: JsonObject;
  readonly propagateCancellation?: boolean;
  /** Nobody waits for it. */
  readonly detached?: boolean;
}

/** `keelson.child.requested`: the child that the effect `start-child` is to make. */
export function childRequested(
  { planned, own: node, attempt }: NodeContext,
  request: ChildRequest,
): NodeEvent {
  const { index, workflowId, inputs, propagateCancellation = true, detached = false } = request;
  const ref = `${planned.node.id}/${node.iteration}/${attempt}/${index}`;
  return {
    type: "keelson.child.requested",
    payload: { ref, childWorkflowId: workflowId, inputs, propagateCancellation, detached },
  };
}

/** Child inputs by name; a parent variable without a value gives no input at all. */
export function mappedInputs({ state }: NodeContext, mapping: unknown): JsonObject {
  if (!isJsonObject(mapping)) return {};
  return Object.fromEntries(
    Object.entries(mapping)
      .map(([name, source]) => [name, own(state.variables, nameOf(source))])
      .filter(([, value]) => value !== undefined),
  ) as JsonObject;
}

/** `variable.changed` for each mapped variable that the child has. */
export function harvested(
  { planned, host, state, workflow, now }: NodeContext,
  mapping: unknown,
  variables: JsonObject,
):
  | {
      readonly events: readonly NodeEvent[];
      readonly values: JsonObject;
      readonly keys: readonly string[];
    }
  | { readonly error: RunError } {
  if (!isJsonObject(mapping)) return { events: [], values: {}, keys: [] };
  const scope = { host, state, now, definition: workflow.definition };
  const events: NodeEvent[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, source] of Object.entries(mapping)) {
    const value = own(variables, nameOf(source));
    if (value === undefined) continue;
    const event = variableChanged(scope, planned.node.id, name, value);
    if (!event.ok) return { error: event.error };
    events.push(event.value);
    values[name] = value;
  }
  return { events, values, keys: Object.keys(values) };
}

export const CHILD_NODES: Readonly<Record<string, NodeType>> = { "core.subWorkflow": subWorkflow };
