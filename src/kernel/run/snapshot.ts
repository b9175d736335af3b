/** What a reader is shown of a run (openwop-core §2.2), from its state alone. */
import type { JsonObject } from "../../lib/json.ts";
import { toIso } from "../../lib/time.ts";
import type { Workflow } from "./definition/plan.ts";
import { type NodeState, nodeState, openInterrupts, type RunState, runStatus } from "./state.ts";

const EVENT_LOG_SCHEMA_VERSION = 2;

/**
 * The run snapshot but for what lives beside the log: the token and callback URL of `interrupt`, and
 * costs. Its values are those of the state, so a state that was folded from a redacted log is safe.
 */
export function runSnapshot(workflow: Workflow, state: RunState): JsonObject {
  const { context, end, startedAt } = state;
  const currentNodeId = currentNode(workflow, state);
  const agent = workflow.byId.get(currentNodeId ?? "")?.node.agent;
  const [interrupt] = openInterrupts(state);
  const endedAt = end === undefined ? undefined : toIso(end.at);
  const { error } = end ?? {};
  return defined({
    runId: context.runId,
    workflowId: context.workflowId,
    workflowVersion: context.workflowVersion,
    status: runStatus(state),
    owner: context.owner,
    currentNodeId,
    startedAt: toIso(startedAt),
    completedAt: endedAt,
    endedAt,
    agent,
    runOrchestrator: state.decision === undefined ? undefined : { agentId: state.decision.agentId },
    nodeStates: Object.fromEntries(
      Object.entries(state.nodes).map(([nodeId, node]) => [nodeId, nodeView(node)]),
    ),
    inputs: context.inputs,
    variables: state.variables,
    channels: Object.fromEntries(
      Object.entries(state.channels).map(([name, { value }]) => [name, value]),
    ),
    outputs: end?.outputs,
    error:
      error === undefined
        ? undefined
        : defined({ code: error.code, message: error.message, details: error.details }),
    engineVersion: context.engineVersion,
    eventLogSchemaVersion: EVENT_LOG_SCHEMA_VERSION,
    tags: context.tags,
    metadata: context.metadata,
    configurable: context.configurable,
    pausedAt: state.paused === undefined ? undefined : toIso(state.paused.at),
    interrupt:
      interrupt === undefined
        ? undefined
        : defined({
            kind: interrupt.kind,
            nodeId: interrupt.nodeId,
            interruptId: interrupt.interruptId,
            payload: interrupt.payload,
            expiresAt: interrupt.expiresAt === undefined ? undefined : toIso(interrupt.expiresAt),
          }),
    childRuns: Object.values(state.children).flatMap(({ childRunId, status }) =>
      childRunId === undefined ? [] : [{ runId: childRunId, status }],
    ),
    parentRunId: context.parent?.runId,
    parentNodeId: context.parent?.nodeId,
    forkedFrom: context.fork,
  });
}

/** The node that a run waits for, or works on, or worked on last. */
function currentNode(workflow: Workflow, state: RunState): string | undefined {
  const [interrupt] = openInterrupts(state);
  if (interrupt !== undefined) return interrupt.nodeId;
  let latest: string | undefined;
  let latestAt = -1;
  for (const { node } of workflow.nodes) {
    const { status, startedAt = -1 } = nodeState(state, node.id);
    if (status === "running" || status === "retrying") return node.id;
    if (startedAt < latestAt || startedAt < 0) continue;
    latest = node.id;
    latestAt = startedAt;
  }
  return latest;
}

function nodeView(node: NodeState): JsonObject {
  const { status, iteration, attempt, startedAt, endedAt, outputs, error, reason } = node;
  return defined({
    status,
    iteration,
    attempt,
    startedAt: startedAt === undefined ? undefined : toIso(startedAt),
    endedAt: endedAt === undefined ? undefined : toIso(endedAt),
    outputs,
    error,
    reason,
  });
}

function defined(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
