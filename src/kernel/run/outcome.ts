/** What comes back from work outside, and from the clock. */
import type { JsonObject } from "../../lib/json.ts";
import { ok, type Result } from "../../lib/result.ts";
import { callType, failNode, goOn, startNode } from "./attempt.ts";
import type { PlannedNode } from "./definition/plan.ts";
import { cancelDeadline } from "./effect.ts";
import { isTerminalType } from "./events.ts";
import type { AttemptRef, NodeFinished, NodeReported, ReportedEvent, Tick } from "./input.ts";
import { expireInterrupt } from "./interrupt-close.ts";
import { openInterrupt } from "./interrupt-open.ts";
import { breach, durationLimit, runDeadline } from "./limit.ts";
import { type RunRejection, refuse } from "./rejection.ts";
import type { Session } from "./session.ts";
import { isOverStatus, type NodeState, nodeState, openInterrupts } from "./state.ts";
import { cancelRun } from "./terminal.ts";
import { channelWritten, variableChanged } from "./variable.ts";

/** Types that only the engine writes; a node's report of one is dropped with a log line. */
const ENGINE_TYPES = /^(?:run|node|approval|clarification|interrupt|cap|replay|lease|workflow)\./;
const ENGINE_OWN: ReadonlySet<string> = new Set(["channel.written", "variable.changed"]);

type Handled = Result<undefined, RunRejection>;

function attemptOf(session: Session, ref: AttemptRef): Result<PlannedNode, RunRejection> {
  const planned = session.workflow.byId.get(ref.nodeId);
  const own = nodeState(session.state, ref.nodeId);
  const isCurrent =
    own.iteration === ref.iteration &&
    own.attempt === ref.attempt &&
    own.answers.length === (ref.step ?? 0);
  if (planned !== undefined && isCurrent && own.status === "running" && own.doing === "effect") {
    return ok(planned);
  }
  return refuse("stale_outcome", `nobody waits for attempt ${ref.attempt} of "${ref.nodeId}"`);
}

export function nodeReported(session: Session, input: NodeReported): Handled {
  const planned = attemptOf(session, input);
  if (!planned.ok) return planned;
  report(session, planned.value, input.events);
  return ok(undefined);
}

export function nodeFinished(session: Session, input: NodeFinished): Handled {
  const found = attemptOf(session, input);
  if (!found.ok) return found;
  const planned = found.value;
  report(session, planned, input.events ?? []);
  const { outcome } = input;
  if ("error" in outcome) {
    const { error, breach: cap } = outcome;
    if (cap === undefined) failNode(session, planned, error);
    else breach(session, { ...cap, nodeId: input.nodeId, code: error.code });
    return ok(undefined);
  }
  if (!writeAll(session, planned, input)) return ok(undefined);
  if ("suspend" in outcome) {
    openInterrupt(session, planned, outcome.suspend);
    return ok(undefined);
  }
  const { outputs } = outcome;
  callType(session, planned, (type, context) =>
    type.finish === undefined ? { kind: "complete", outputs } : type.finish(context, input),
  );
  return ok(undefined);
}

function report(session: Session, { node }: PlannedNode, events: readonly ReportedEvent[]): void {
  const calls = new Map<unknown, number>();
  for (const { type, payload } of events) {
    if (ENGINE_TYPES.test(type) || ENGINE_OWN.has(type) || isTerminalType(type)) continue;
    const callId = payload["callId"];
    const causedBy = type === "agent.toolReturned" ? calls.get(callId) : undefined;
    const sequence = session.emit({ type, payload, nodeId: node.id, causedBy });
    if (type === "agent.toolCalled") calls.set(callId, sequence);
  }
}

/** False when a write is refused, which fails the node. */
function writeAll(session: Session, planned: PlannedNode, input: NodeFinished): boolean {
  const { id: nodeId, typeId } = planned.node;
  const { host, now, workflow } = session;
  const scope = { host, now, state: session.state, definition: workflow.definition };
  const writes = [
    ...Object.entries(input.variables ?? {}).map(
      ([name, next]) =>
        () =>
          variableChanged(scope, nodeId, name, next),
    ),
    ...(input.writes ?? []).map((write) => () => channelWritten(scope, write, { nodeId, typeId })),
  ];
  for (const write of writes) {
    const event = write();
    if (!event.ok) {
      failNode(session, planned, event.error);
      return false;
    }
    session.emit({ ...event.value, nodeId });
  }
  return true;
}

/** Everything that is due, the longest due first; one tick may end the run. */
export function tick(session: Session, { now }: Tick): Handled {
  const { state, host } = session;
  if (state.end !== undefined || state.paused !== undefined) return ok(undefined);
  if (state.cancelling !== undefined) {
    if ((cancelDeadline(state) ?? now) <= now) cancelRun(session, state.cancelling);
    return ok(undefined);
  }
  const limit = durationLimit(host, state);
  if (limit !== undefined && (runDeadline(host, state) ?? now) <= now) {
    const observed = now - state.startedAt - state.pausedMs;
    breach(session, { kind: "run-duration", limit, observed, code: "run_timeout" });
    return ok(undefined);
  }
  for (const { nodeId, interruptId } of dueThings(session, now)) {
    if (session.state.end !== undefined) break;
    if (interruptId === undefined) wakeNode(session, nodeId, now);
    else expireInterrupt(session, interruptId);
  }
  return ok(undefined);
}

interface Due {
  readonly at: number;
  readonly index: number;
  readonly nodeId: string;
  readonly interruptId?: string;
}

function dueThings({ state, workflow }: Session, now: number): readonly Due[] {
  const due: Due[] = [];
  for (const [nodeId, { status, wakeAt, deadlineAt }] of Object.entries(state.nodes)) {
    const at = Math.min(wakeAt ?? Number.POSITIVE_INFINITY, deadlineAt ?? Number.POSITIVE_INFINITY);
    const index = workflow.byId.get(nodeId)?.index ?? -1;
    if ((status === "running" || status === "retrying") && at <= now) {
      due.push({ at, index, nodeId });
    }
  }
  for (const { expiresAt, nodeId, interruptId } of openInterrupts(state)) {
    const index = workflow.byId.get(nodeId)?.index ?? -1;
    if (expiresAt !== undefined && expiresAt <= now) {
      due.push({ at: expiresAt, index, nodeId, interruptId });
    }
  }
  return due.toSorted((one, other) => one.at - other.at || one.index - other.index);
}

function wakeNode(session: Session, nodeId: string, now: number): void {
  const planned = session.workflow.byId.get(nodeId);
  const { status, wakeAt, deadlineAt } = nodeState(session.state, nodeId);
  if (planned === undefined) return;
  if (status === "retrying") {
    // A retry that falls due during a drain waits for the resume.
    if (session.isOpen) startNode(session, planned);
    return;
  }
  if (status !== "running") return;
  if (wakeAt !== undefined && wakeAt <= now && wakeAt <= (deadlineAt ?? wakeAt)) {
    callType(session, planned, (type, context) =>
      type.woken === undefined ? { kind: "complete", outputs: {} } : type.woken(context),
    );
  } else if (deadlineAt !== undefined && deadlineAt <= now) {
    const message = `not done after ${deadlineAt - (nodeState(session.state, nodeId).startedAt ?? 0)} ms`;
    failNode(session, planned, { code: "node_timeout", message, retryable: true });
  }
}

/** Goes on with every node that a log left in the middle of something. */
export function resumeNodes(session: Session, cause: "takeover" | "fork" | "resume"): void {
  for (const planned of session.workflow.nodes) {
    if (!session.isOpen) return;
    const own = nodeState(session.state, planned.node.id);
    if (own.status === "stopped" || own.status === "cancelled") startNode(session, planned);
    else if (own.status === "suspended") resumeSuspended(session, planned);
    else if (own.status === "running") {
      if (own.doing === undefined) resumeRunning(session, planned);
      else if (cause === "fork" && !waitsForChild(session, own, planned)) {
        startNode(session, planned);
      }
    }
  }
}

/** A copied log may end after a child has, and before its node took notice. */
function waitsForChild({ state }: Session, own: NodeState, { node }: PlannedNode): boolean {
  const attempt = `${node.id}/${own.iteration}/${own.attempt}/`;
  return Object.values(state.children).some(
    ({ ref, status, detached, childRunId }) =>
      ref.startsWith(attempt) && !isOverStatus(status) && (!detached || childRunId === undefined),
  );
}

/** Its interrupt was answered, but the log ends before the node took the answer. */
function resumeSuspended(session: Session, planned: PlannedNode): void {
  const nodeId = planned.node.id;
  if (openInterrupts(session.state).some((interrupt) => interrupt.nodeId === nodeId)) return;
  session.emit({ type: "node.resumed", nodeId, payload: { nodeId } });
  goOn(session, planned);
}

function resumeRunning(session: Session, planned: PlannedNode): void {
  const { id: nodeId } = planned.node;
  const open = openInterrupts(session.state).find((interrupt) => interrupt.nodeId === nodeId);
  if (open !== undefined) {
    const { interruptId, kind, key } = open;
    const payload: JsonObject = { nodeId, interruptId, kind, key };
    session.emit({ type: "node.suspended", nodeId, payload });
  } else if (nodeState(session.state, nodeId).answers.length > 0) goOn(session, planned);
  else startNode(session, planned);
}
