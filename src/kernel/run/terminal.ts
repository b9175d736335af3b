/** How a run ends. Exactly one terminal event, and the nodes that were under way before it. */
import type { JsonObject } from "../../lib/json.ts";
import type { RunError } from "./input.ts";
import type { Session } from "./session.ts";
import { type NodeStatus, nodeState } from "./state.ts";

const UNDER_WAY: ReadonlySet<NodeStatus> = new Set(["running", "retrying", "suspended", "stopped"]);

export function isUnderWay(status: NodeStatus): boolean {
  return UNDER_WAY.has(status);
}

/** `node.cancelled` for whatever is under way, in the order of the workflow. */
export function stopNodes(session: Session, reason: string): void {
  for (const { node } of session.workflow.nodes) {
    if (!isUnderWay(nodeState(session.state, node.id).status)) continue;
    session.emit({
      type: "node.cancelled",
      nodeId: node.id,
      payload: { nodeId: node.id, reason },
    });
  }
}

interface Failure {
  readonly error: RunError;
  readonly nodeId?: string | undefined;
  readonly causedBy?: number;
}

export function failRun(session: Session, { error, nodeId, causedBy }: Failure): void {
  stopNodes(session, "run-failed");
  const { code, message, details } = error;
  session.emit({
    type: "run.failed",
    payload: {
      error: {
        code,
        message: message === "" ? code : message,
        ...(details === undefined ? {} : { details }),
        retryable: false,
      },
      failedNodeId: nodeId,
      durationMs: elapsed(session),
    },
    causedBy,
  });
}

export function completeRun(session: Session): void {
  session.emit({
    type: "run.completed",
    payload: { outputs: outputsOf(session), durationMs: elapsed(session) },
    causedBy: session.last,
  });
}

interface Cancellation {
  readonly reason?: string | undefined;
  readonly by?: string | undefined;
  readonly parentRunId?: string | undefined;
}

export function cancelRun(session: Session, { reason, by, parentRunId }: Cancellation): void {
  const why = parentRunId === undefined ? reason : "parent-cancelled";
  stopNodes(session, why ?? "run-cancelled");
  session.emit({
    type: "run.cancelled",
    payload: { reason: why, cancelledBy: by, parentRunId, durationMs: elapsed(session) },
  });
}

function elapsed({ now, state }: Session): number {
  return Math.max(0, now - state.startedAt);
}

/**
 * Outputs of the `core.end` nodes that completed; without any, of the nodes that lead nowhere. Those
 * of a single node stand by themselves, those of several by node.
 */
function outputsOf({ workflow, state }: Session): JsonObject {
  const completed = workflow.nodes.filter(
    ({ node }) => nodeState(state, node.id).status === "completed",
  );
  const ends = completed.filter(({ node }) => node.typeId === "core.end");
  const last =
    ends.length > 0 ? ends : completed.filter(({ outgoing }) => outgoing.every(({ back }) => back));
  const outputs = last.map(({ node }) => [node.id, nodeState(state, node.id).outputs ?? {}]);
  const [only] = outputs;
  if (outputs.length === 1 && Array.isArray(only)) return only[1] as JsonObject;
  return Object.fromEntries(outputs) as JsonObject;
}
