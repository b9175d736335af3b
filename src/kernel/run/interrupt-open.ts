/** A node asks the world and suspends (openwop-core §4.2). */
import type { JsonObject } from "../../lib/json.ts";
import type { PlannedNode } from "./definition/plan.ts";
import type { InterruptRequest } from "./input.ts";
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
  const { kind, data, timeoutMs, resumeSchema, authRequired, details } = request;
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
  const asked = ASKED.get(kind);
  if (asked !== undefined) {
    session.emit({
      type: asked.type,
      nodeId: node.id,
      payload: { ...asked.payload(data), nodeId: node.id, interruptId },
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

interface Asked {
  readonly type: string;
  readonly payload: (data: JsonObject) => JsonObject;
}

/** Kinds that have an event of their own beside `interrupt.requested`. */
const ASKED: ReadonlyMap<string, Asked> = new Map([
  ["approval", { type: "approval.requested", payload: approvalAsked }],
  [
    "clarification",
    { type: "clarification.requested", payload: ({ questions }: JsonObject) => ({ questions }) },
  ],
]);

function approvalAsked(data: JsonObject): JsonObject {
  const { artifactId, artifactType, actions, title, approversList, requiredApprovals } = data;
  return {
    artifactId,
    artifactType,
    title,
    // The event's own vocabulary says `edit` for what the interrupt calls `edit-accept`.
    actions: Array.isArray(actions)
      ? actions.map((action: unknown) => (action === "edit-accept" ? "edit" : action))
      : [],
    ...(approversList === undefined ? {} : { approversList }),
    ...(requiredApprovals === undefined ? {} : { requiredApprovals }),
  };
}
