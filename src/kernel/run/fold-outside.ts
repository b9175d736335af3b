/** The fold of what a run has outside itself: interrupts and child runs. */

import { isJsonObject } from "../../lib/json.ts";
import type { LoggedEvent } from "./events.ts";
import type { Draft, FoldCase } from "./fold.ts";
import { type ChildState, type InterruptState, nodeState, own } from "./state.ts";
import { nameOf } from "./value.ts";

function requested(draft: Draft, event: LoggedEvent): void {
  const { nodeId, payload, facts, at } = event;
  const interruptId = facts?.interruptId;
  if (nodeId === undefined || interruptId === undefined || interruptId === "__proto__") return;
  const node = nodeState(draft, nodeId);
  draft.interrupts[interruptId] = {
    interruptId,
    nodeId,
    iteration: node.iteration,
    kind: nameOf(payload["kind"]),
    key: nameOf(payload["key"]),
    status: "open",
    requestedAt: at,
    ...(facts?.wakeAt === undefined ? {} : { expiresAt: facts.wakeAt }),
    ...(facts?.authRequired === true ? { authRequired: true } : {}),
    payload,
    votes: {},
  };
  draft.nodes[nodeId] = { ...node, interrupts: node.interrupts + 1 };
}

function resolved(draft: Draft, event: LoggedEvent): void {
  const { nodeId, payload } = event;
  const interruptId = nameOf(payload["interruptId"]);
  const interrupt = own(draft.interrupts, interruptId);
  if (nodeId === undefined || interrupt === undefined || interrupt.status !== "open") return;
  const by = payload["resolvedBy"];
  const expired = payload["resumeValue"] === undefined;
  draft.interrupts[interruptId] = { ...interrupt, status: expired ? "expired" : "resolved" };
  const node = nodeState(draft, nodeId);
  const answer = {
    interruptId,
    kind: interrupt.kind,
    value: expired ? { action: "timeout" } : payload["resumeValue"],
    ...(typeof by === "string" ? { by } : {}),
  };
  draft.nodes[nodeId] = { ...node, answers: [...node.answers, answer] };
}

function voted(draft: Draft, { payload }: LoggedEvent): void {
  const { voter, action } = payload;
  const interrupt = own(draft.interrupts, nameOf(payload["interruptId"]));
  if (interrupt === undefined || typeof voter !== "string" || typeof action !== "string") return;
  const votes = { ...interrupt.votes, [voter]: action };
  draft.interrupts[interrupt.interruptId] = { ...interrupt, votes } satisfies InterruptState;
}

export const FOLD_INTERRUPT: Readonly<Record<string, FoldCase>> = {
  "interrupt.requested": requested,
  "interrupt.resolved": resolved,
  "approval.received": voted,
};

function childRequested(draft: Draft, { nodeId, payload }: LoggedEvent): void {
  const { ref, childWorkflowId, inputs, propagateCancellation, detached } = payload;
  if (nodeId === undefined || typeof ref !== "string" || ref === "__proto__") return;
  draft.children[ref] = {
    ref,
    nodeId,
    workflowId: nameOf(childWorkflowId),
    inputs: isJsonObject(inputs) ? inputs : {},
    propagateCancellation: propagateCancellation !== false,
    detached: detached === true,
    status: "requested",
  };
  const node = nodeState(draft, nodeId);
  if (node.status === "running") draft.nodes[nodeId] = { ...node, doing: "children" };
}

function childChanged(draft: Draft, { payload, facts }: LoggedEvent): void {
  const child = facts?.ref === undefined ? undefined : own(draft.children, facts.ref);
  if (child === undefined) return;
  const { childRunId } = payload;
  draft.children[child.ref] = {
    ...child,
    ...(typeof childRunId === "string" ? { childRunId } : {}),
    status: facts?.childStatus ?? child.status,
  } satisfies ChildState;
}

export const FOLD_CHILD: Readonly<Record<string, FoldCase>> = {
  "keelson.child.requested": childRequested,
  "node.dispatched": childChanged,
  "keelson.child.ended": childChanged,
};
