/** The fold of `node.*` and of what moves nodes. */
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import type { EventFacts, LoggedEvent } from "./events.ts";
import type { Draft, FoldCase } from "./fold.ts";
import type { RunError } from "./input.ts";
import { type NodeState, nodeState } from "./state.ts";
import { textOf } from "./value.ts";

function change(
  draft: Draft,
  nodeId: string | undefined,
  to: (node: NodeState) => NodeState,
): void {
  if (nodeId === undefined || nodeId === "__proto__") return;
  draft.nodes[nodeId] = to(nodeState(draft, nodeId));
}

/** What is left of a node's state when its attempt is over. */
function ended(node: NodeState, { at }: LoggedEvent): NodeState {
  const { doing: _, inputs: __, wakeAt: ___, deadlineAt: ____, ...rest } = node;
  return { ...rest, endedAt: at };
}

function started(draft: Draft, event: LoggedEvent): void {
  const { nodeId, payload, facts, at } = event;
  const { attempt } = payload;
  draft.counters = { ...draft.counters, nodeExecutions: draft.counters.nodeExecutions + 1 };
  if (payload["typeId"] === "core.dispatch") {
    draft.counters = { ...draft.counters, dispatches: draft.counters.dispatches + 1 };
  }
  change(draft, nodeId, (node) => {
    const { endedAt: _, ...rest } = ended(node, event);
    return {
      ...rest,
      status: "running",
      attempt: typeof attempt === "number" ? attempt : node.attempt,
      startedAt: at,
      ...waitingFor(facts),
    };
  });
}

function waitingFor({ doing, inputs, wakeAt, deadlineAt }: EventFacts = {}): Partial<NodeState> {
  return {
    ...(doing === undefined ? {} : { doing }),
    ...(inputs === undefined ? {} : { inputs }),
    ...(wakeAt === undefined ? {} : { wakeAt }),
    ...(deadlineAt === undefined ? {} : { deadlineAt }),
  };
}

function completed(draft: Draft, event: LoggedEvent): void {
  const { nodeId, payload, facts } = event;
  const { outputs } = payload;
  change(draft, nodeId, (node) => ({
    ...ended(node, event),
    status: "completed",
    outputs: isJsonObject(outputs) ? outputs : {},
    ...(facts?.ports === undefined ? {} : { ports: facts.ports }),
    ...(facts?.again === undefined ? {} : { again: facts.again }),
    ...(facts?.declined === undefined ? {} : { declined: facts.declined }),
    ...(facts?.turn === undefined ? {} : { turn: facts.turn }),
  }));
  const { loop } = facts ?? {};
  if (loop === undefined || nodeId === undefined) return;
  const taken = Object.hasOwn(draft.loopbacks, nodeId) ? (draft.loopbacks[nodeId] ?? 0) : 0;
  draft.loopbacks = { ...draft.loopbacks, [nodeId]: taken + 1 };
  const keeps = new Set(loop.keeps);
  for (const id of loop.reset) {
    change(draft, id, (node) => renewed(node, loop.deliver[id], keeps.has(id)));
  }
}

/** The node in its next iteration. */
function renewed(
  node: NodeState,
  delivered: JsonObject | undefined,
  keepsTurn: boolean,
): NodeState {
  return {
    status: "pending",
    iteration: node.iteration + 1,
    attempt: 0,
    failures: 0,
    interrupts: node.interrupts,
    answers: [],
    ...(delivered === undefined ? {} : { delivered }),
    ...(keepsTurn && node.turn !== undefined ? { turn: node.turn } : {}),
  };
}

export const FOLD_NODE: Readonly<Record<string, FoldCase>> = {
  "node.started": started,
  "node.completed": completed,
  "node.failed": (draft, event) => {
    const { error } = event.payload;
    change(draft, event.nodeId, (node) => ({
      ...ended(node, event),
      status: "failed",
      ...(isJsonObject(error) ? { error: error as unknown as RunError } : {}),
    }));
  },
  "node.retried": (draft, event) => {
    change(draft, event.nodeId, (node) => ({
      ...ended(node, event),
      status: "retrying",
      failures: node.failures + 1,
      wakeAt: event.facts?.wakeAt ?? event.at,
    }));
  },
  "node.skipped": (draft, event) => {
    change(draft, event.nodeId, (node) => ({
      ...ended(node, event),
      status: "skipped",
      reason: textOf(event.payload["reason"]) ?? "",
    }));
  },
  "node.cancelled": (draft, event) => {
    change(draft, event.nodeId, (node) => ({ ...ended(node, event), status: "cancelled" }));
    for (const [id, interrupt] of Object.entries(draft.interrupts)) {
      if (interrupt.nodeId !== event.nodeId || interrupt.status !== "open") continue;
      draft.interrupts[id] = { ...interrupt, status: "cancelled" };
    }
  },
  "node.suspended": (draft, event) => {
    change(draft, event.nodeId, (node) => {
      if (node.status !== "running") return node;
      const { endedAt: _, ...rest } = ended(node, event);
      return { ...rest, status: "suspended" };
    });
  },
  "keelson.node.continued": (draft, { nodeId, facts }) => {
    change(draft, nodeId, (node) =>
      node.status === "running" ? { ...node, ...waitingFor(facts) } : node,
    );
  },
  "node.resumed": (draft, event) => {
    change(draft, event.nodeId, (node) =>
      node.status === "suspended" ? { ...node, status: "running" } : node,
    );
  },
};
