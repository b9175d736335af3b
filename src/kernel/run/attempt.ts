/** One attempt at one node: how it starts, and what follows from each of its outcomes. */
import type { JsonObject } from "../../lib/json.ts";
import { toIso } from "../../lib/time.ts";
import type { PlannedNode } from "./definition/plan.ts";
import type { EventFacts } from "./events.ts";
import type { RunError } from "./input.ts";
import { openInterrupt } from "./interrupt-open.ts";
import { breach, startBreach } from "./limit.ts";
import { routeOf } from "./loopback.ts";
import type { NodeContext, NodeEvent, NodeType, Outcome } from "./node-type.ts";
import { resolveInputs } from "./ports.ts";
import type { Session } from "./session.ts";
import { type NodeState, nodeState } from "./state.ts";
import { failRun } from "./terminal.ts";
import { numberOf } from "./value.ts";

const BACKOFF_MS = 1000;
const BACKOFF_MAX_MS = 60_000;

/** Starts the node's next attempt, unless that is one execution too many. */
export function startNode(session: Session, planned: PlannedNode): void {
  const { node } = planned;
  const over = startBreach(session, node);
  if (over !== undefined) {
    breach(session, over);
    return;
  }
  const before = nodeState(session.state, node.id);
  const attempt = before.startedAt === undefined ? 0 : before.attempt + 1;
  const inputs = resolveInputs(
    { workflow: session.workflow, state: session.state, evaluate: session.host.evaluate },
    planned,
  );
  if (!inputs.ok) {
    started(session, planned, attempt);
    failNode(session, planned, inputs.error);
    return;
  }
  const outcome = runType(session, planned, inputs.value, attempt);
  started(session, planned, attempt, factsOf(session, planned, outcome));
  settle(session, planned, outcome);
}

/** Calls the node type again, in the attempt that is under way: after an answer. */
export function goOn(session: Session, planned: PlannedNode): void {
  const inputs = resolveInputs(
    { workflow: session.workflow, state: session.state, evaluate: session.host.evaluate },
    planned,
  );
  if (!inputs.ok) {
    failNode(session, planned, inputs.error);
    return;
  }
  const outcome = runType(session, planned, inputs.value);
  if (outcome.kind === "effect" || outcome.kind === "wait") {
    const nodeId = planned.node.id;
    session.emit({
      type: "keelson.node.continued",
      nodeId,
      payload: { nodeId },
      facts: factsOf(session, planned, outcome),
    });
  }
  settle(session, planned, outcome);
}

/** Lets a node type say what follows from news, with the inputs as they are now. */
export function callType(
  session: Session,
  planned: PlannedNode,
  call: (type: NodeType, context: NodeContext) => Outcome | undefined,
): void {
  const type = session.host.typeOf(planned.node.typeId);
  const inputs = resolveInputs(
    { workflow: session.workflow, state: session.state, evaluate: session.host.evaluate },
    planned,
  );
  const context = session.context(planned, inputs.ok ? inputs.value : {});
  const outcome = type === undefined ? undefined : call(type, context);
  if (outcome !== undefined) settle(session, planned, outcome);
}

function runType(
  session: Session,
  planned: PlannedNode,
  inputs: JsonObject,
  attempt?: number,
): Outcome {
  const { typeId } = planned.node;
  const type = session.host.typeOf(typeId);
  if (type !== undefined) return type.run(session.context(planned, inputs, attempt));
  const message = `this host has no node type ${typeId}`;
  return { kind: "fail", error: { code: "capability_not_provided", message, retryable: false } };
}

function started(
  session: Session,
  { node }: PlannedNode,
  attempt: number,
  facts?: EventFacts,
): void {
  const before = nodeState(session.state, node.id);
  const payload = {
    nodeId: node.id,
    typeId: node.typeId,
    attempt,
    ...(before.iteration > 0 ? { iteration: before.iteration } : {}),
  };
  session.emit({ type: "node.started", nodeId: node.id, payload, facts });
}

function factsOf(
  session: Session,
  { node }: PlannedNode,
  outcome: Outcome,
): EventFacts | undefined {
  const timeoutMs = settingOf(session, node.settings, "timeout") ?? 0;
  const deadline = timeoutMs > 0 ? { deadlineAt: session.now + timeoutMs } : {};
  switch (outcome.kind) {
    case "wait":
      return { doing: "timer", wakeAt: outcome.wakeAt, ...deadline };
    case "effect":
      return { doing: "effect", inputs: outcome.inputs, ...deadline };
    case "stay":
      return { doing: "children", ...deadline };
    case "complete":
    case "fail":
    case "suspend":
      return undefined;
  }
}

function settingOf(
  session: Session,
  settings: JsonObject | undefined,
  name: "timeout" | "maxRetries",
): number | undefined {
  return numberOf(settings?.[name]) ?? session.workflow.definition.settings[name];
}

/** Writes what an outcome means. */
function settle(session: Session, planned: PlannedNode, outcome: Outcome): void {
  const cause = session.last;
  emitAll(session, planned, outcome.events ?? [], cause);
  switch (outcome.kind) {
    case "complete":
      completeNode(session, planned, outcome);
      break;
    case "fail":
      failNode(session, planned, outcome.error);
      break;
    case "suspend":
      openInterrupt(session, planned, outcome.interrupt);
      break;
    case "wait":
    case "effect":
    case "stay":
      break;
  }
}

function emitAll(
  session: Session,
  { node }: PlannedNode,
  events: readonly NodeEvent[],
  cause: number,
): void {
  for (const { type, payload, facts, causedBy, causedByEarlier } of events) {
    const earlier = causedByEarlier === undefined ? cause : session.last + 1 - causedByEarlier;
    session.emit({ type, payload, facts, nodeId: node.id, causedBy: causedBy ?? earlier });
  }
}

function completeNode(
  session: Session,
  planned: PlannedNode,
  outcome: Outcome & { readonly kind: "complete" },
): void {
  const { node } = planned;
  const route = routeOf(session, planned, outcome);
  if (!route.ok) {
    failNode(session, planned, route.error);
    return;
  }
  const own = nodeState(session.state, node.id);
  const { declined, loop } = route.value;
  session.emit({
    type: "node.completed",
    nodeId: node.id,
    payload: {
      nodeId: node.id,
      outputs: outcome.outputs,
      durationMs: durationOf(session, own),
      ...(own.iteration > 0 ? { iteration: own.iteration } : {}),
    },
    facts: {
      ...(outcome.ports === undefined ? {} : { ports: outcome.ports }),
      ...(outcome.again === undefined ? {} : { again: outcome.again }),
      ...(outcome.turn === undefined ? {} : { turn: outcome.turn }),
      ...(declined.length === 0 ? {} : { declined }),
      ...(loop === undefined ? {} : { loop }),
    },
  });
  for (const nodeId of loop?.reset ?? []) {
    const again = session.workflow.byId.get(nodeId);
    if (again !== undefined) session.look(again.index);
  }
  session.lookAfter(planned);
}

function durationOf(session: Session, { startedAt }: NodeState): number {
  return Math.max(0, session.now - (startedAt ?? session.now));
}

/** Another attempt if the node has one left; otherwise its failure, which may be the run's. */
export function failNode(session: Session, planned: PlannedNode, error: RunError): void {
  const { node } = planned;
  const own = nodeState(session.state, node.id);
  const retries = settingOf(session, node.settings, "maxRetries") ?? 0;
  if (error.retryable !== false && own.failures < retries) {
    retryNode(session, planned, error);
    return;
  }
  const attempts = own.attempt + 1;
  const payload = { nodeId: node.id, error: plainError(error), attempts };
  const failed = session.emit({ type: "node.failed", nodeId: node.id, payload });
  const handled = planned.outgoing.some(({ back, target }) => {
    const rule = session.workflow.nodes[target]?.rule;
    return !back && (rule === "all_complete" || rule === "any_failed");
  });
  if (handled) session.lookAfter(planned);
  else failRun(session, { error, nodeId: node.id, causedBy: failed });
}

function retryNode(session: Session, { node }: PlannedNode, error: RunError): void {
  const own = nodeState(session.state, node.id);
  const first = numberOf(node.settings?.["retryBackoffMs"]) ?? BACKOFF_MS;
  const max = numberOf(node.settings?.["retryBackoffMaxMs"]) ?? BACKOFF_MAX_MS;
  const delayMs = Math.min(max, first * 2 ** Math.min(own.failures, 30));
  const wakeAt = session.now + delayMs;
  session.emit({
    type: "node.retried",
    nodeId: node.id,
    payload: {
      nodeId: node.id,
      attempt: own.attempt + 1,
      delayMs,
      lastError: plainError(error),
      nextAttemptAt: toIso(wakeAt),
    },
    facts: { wakeAt },
  });
}

/** An error as it stands in the log: with a message, which its schema asks for. */
function plainError({ code, message, details, retryable }: RunError): JsonObject {
  return {
    code,
    message: message === "" ? code : message,
    ...(details === undefined ? {} : { details }),
    ...(retryable === undefined ? {} : { retryable }),
  };
}
