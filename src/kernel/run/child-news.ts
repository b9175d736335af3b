/** What a run hears of its child runs (openwop-core §3.11, §3.12). */
import { ok, type Result } from "../../lib/result.ts";
import { callType } from "./attempt.ts";
import type { ChildFinished, ChildStarted } from "./input.ts";
import type { ChildNews } from "./node-type.ts";
import { type RunRejection, refuse } from "./rejection.ts";
import type { Session } from "./session.ts";
import { type ChildState, isOverStatus, nodeState, own } from "./state.ts";

type Handled = Result<undefined, RunRejection>;

export function childStarted(session: Session, { ref, started }: ChildStarted): Handled {
  const child = own(session.state.children, ref);
  if (child === undefined || child.status !== "requested") return stale(ref);
  if ("error" in started) {
    ended(session, child, "failed");
    tell(session, child, { kind: "refused", child, error: started.error });
    return ok(undefined);
  }
  const { childRunId, status } = started;
  const { decision } = session.state;
  const isDispatched = session.workflow.byId.get(child.nodeId)?.node.typeId === "core.dispatch";
  session.emit({
    type: "node.dispatched",
    nodeId: child.nodeId,
    payload: { childRunId, childWorkflowId: child.workflowId, childStatus: status },
    causedBy: isDispatched ? decision?.sequence : undefined,
    // Even a child that has ended by now is told of with `child-finished`.
    facts: { ref, childStatus: isOverStatus(status) ? "running" : status },
  });
  const known = { ...child, childRunId, status };
  tell(session, child, { kind: "started", child: known });
  return ok(undefined);
}

export function childFinished(session: Session, input: ChildFinished): Handled {
  const child = own(session.state.children, input.ref);
  if (child?.childRunId === undefined || isOverStatus(child.status)) return stale(input.ref);
  const { status, variables, outputs = {}, error } = input;
  ended(session, child, status);
  tell(session, child, {
    kind: "ended",
    child,
    status,
    variables,
    outputs,
    ...(error === undefined ? {} : { error }),
  });
  return ok(undefined);
}

function stale(ref: string): ReturnType<typeof refuse> {
  return refuse("stale_outcome", `nobody waits for news of the child ${ref}`);
}

function ended(session: Session, { ref, nodeId, childRunId }: ChildState, status: string): void {
  session.emit({
    type: "keelson.child.ended",
    nodeId,
    payload: { ref, childRunId, childStatus: status },
    facts: { ref, childStatus: status },
  });
}

/** Lets the node go on, if it is still the attempt that asked for this child. */
function tell(session: Session, { nodeId, ref }: ChildState, news: ChildNews): void {
  const planned = session.workflow.byId.get(nodeId);
  const { status, doing, iteration, attempt } = nodeState(session.state, nodeId);
  const waits = status === "running" && doing === "children";
  if (planned === undefined || !waits || session.state.cancelling !== undefined) return;
  if (!ref.startsWith(`${nodeId}/${iteration}/${attempt}/`)) return;
  callType(session, planned, (type, context) => type.child?.(context, news));
}
