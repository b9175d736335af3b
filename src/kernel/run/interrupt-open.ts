/** A node asks the world and suspends (openwop-core §4.2). */
import type { PlannedNode } from "./definition/plan.ts";
import type { InterruptRequest } from "./node-type.ts";
import type { Session } from "./session.ts";
import { nodeState } from "./state.ts";

/**
 * Writes `interrupt.requested`, the event of its kind and `node.suspended`. The interrupt's id is free
 * of the run, so that a replay gives the same; its key is the contract's.
 */
export function openInterrupt(
  session: Session,
  { node }: PlannedNode,
  request: InterruptRequest,
): void {
  const { kind, data, timeoutMs, resumeSchema, authRequired, asks, details } = request;
  const count = nodeState(session.state, node.id).interrupts;
  const interruptId = `${node.id}:${count}`;
  const key = `${session.state.context.runId}:${interruptId}`.slice(-256);
  const causedBy = session.emit({
    type: "interrupt.requested",
    nodeId: node.id,
    payload: { kind, key, data, resumeSchema, timeoutMs },
    facts: {
      interruptId,
      ...(timeoutMs === undefined ? {} : { wakeAt: session.now + timeoutMs }),
      ...(authRequired === true ? { authRequired } : {}),
    },
  });
  if (asks !== undefined) {
    session.emit({
      type: asks.type,
      nodeId: node.id,
      payload: { ...asks.payload, nodeId: node.id, interruptId },
      causedBy,
    });
  }
  session.emit({
    type: "node.suspended",
    nodeId: node.id,
    payload: { ...details, nodeId: node.id, interruptId, kind, key },
    causedBy,
  });
}
