/** The control verbs (openwop-core §1.7, §3.14) and what a run comes to when nothing moves. */
import { ok, type Result } from "../../lib/result.ts";
import { toIso } from "../../lib/time.ts";
import type { CancelRun, ContinueRun, PauseRun, ResumeRun } from "./input.ts";
import { resumeNodes } from "./outcome.ts";
import { type RunRejection, refuse } from "./rejection.ts";
import { lookAtAll } from "./schedule.ts";
import type { Session } from "./session.ts";
import { isOverStatus, nodeState, runStatus } from "./state.ts";
import { cancelRun, completeRun, failRun, isUnderWay } from "./terminal.ts";

type Handled = Result<undefined, RunRejection>;

/** Idempotent: a run that has ended, or is being cancelled, stays as it is. */
export function cancel(session: Session, { reason, by, parentRunId }: CancelRun): Handled {
  const { state } = session;
  if (state.end !== undefined || state.cancelling !== undefined) return ok(undefined);
  if (!hasChildrenToCancel(session)) {
    cancelRun(session, { reason, by, parentRunId });
    return ok(undefined);
  }
  session.emit({
    type: "keelson.cancel.requested",
    payload: { reason, cancelledBy: by, parentRunId },
  });
  return ok(undefined);
}

function hasChildrenToCancel({ state }: Session): boolean {
  return Object.values(state.children).some(
    ({ childRunId, status, propagateCancellation }) =>
      propagateCancellation && childRunId !== undefined && !isOverStatus(status),
  );
}

export function pause(session: Session, { drainPolicy, reason }: PauseRun): Handled {
  const { state } = session;
  if (state.end ?? state.paused ?? state.pausing ?? state.cancelling)
    return notNow(session, "pause");
  if (drainPolicy === "immediate") {
    pausedNow(session, { drainPolicy, reason }, inFlight(session));
    return ok(undefined);
  }
  if (inFlight(session).length === 0) pausedNow(session, { drainPolicy, reason }, []);
  else session.emit({ type: "keelson.pause.requested", payload: { drainPolicy, reason } });
  return ok(undefined);
}

interface Pausing {
  readonly drainPolicy: string;
  readonly reason?: string | undefined;
}

function pausedNow(session: Session, { drainPolicy, reason }: Pausing, stopped: string[]): void {
  session.emit({
    type: "run.paused",
    payload: {
      reason,
      drainPolicy,
      pausedAt: toIso(session.now),
      ...(stopped.length === 0 ? {} : { open: stopped }),
    },
    facts: { stopped },
  });
}

/** Nodes whose own work is under way; those that wait for people or children are not. */
function inFlight({ state, workflow }: Session): string[] {
  return workflow.nodes
    .map(({ node }) => node.id)
    .filter((nodeId) => {
      const { status, doing } = nodeState(state, nodeId);
      return status === "running" && (doing === "effect" || doing === "timer");
    });
}

function notNow(session: Session, verb: string): ReturnType<typeof refuse> {
  const status = runStatus(session.state);
  const { paused } = session.state;
  return refuse("conflict", `a run that is ${status} cannot ${verb}`, {
    runStatus: status,
    ...(paused === undefined ? {} : { pausedAt: toIso(paused.at) }),
  });
}

export function resume(session: Session, _input: ResumeRun): Handled {
  const { paused, pausing } = session.state;
  if (paused === undefined && pausing === undefined) return notNow(session, "resume");
  session.emit({ type: "run.resumed", payload: {} });
  resumeNodes(session, "resume");
  lookAtAll(session);
  return ok(undefined);
}

/** Goes on from a log that ends anywhere, and finishes what its last commit had begun. */
export function goOnFrom(session: Session, { cause }: ContinueRun): Handled {
  const { state } = session;
  if (state.end !== undefined) return ok(undefined);
  // A run that waits for somebody, or is paused, is worked on by nobody: there is nothing to take.
  const isIdle = state.paused !== undefined || runStatus(state).startsWith("waiting-");
  if (cause === "takeover" && isIdle) return ok(undefined);
  if (cause === "takeover" || (state.paused ?? state.pausing) !== undefined) {
    session.emit({ type: "run.resumed", payload: { reason: cause } });
  }
  if (state.cancelling !== undefined) return ok(undefined);
  const failed = session.workflow.nodes.find(
    ({ node, outgoing }) =>
      nodeState(state, node.id).status === "failed" &&
      !outgoing.some(({ back, target }) => {
        const rule = session.workflow.nodes[target]?.rule;
        return !back && (rule === "all_complete" || rule === "any_failed");
      }),
  );
  const error = failed === undefined ? undefined : nodeState(state, failed.node.id).error;
  if (error !== undefined) {
    failRun(session, { error, nodeId: failed?.node.id });
    return ok(undefined);
  }
  resumeNodes(session, cause);
  lookAtAll(session);
  return ok(undefined);
}

/** What follows once nothing can start: the end of the run, of a drain, or of a cancellation. */
export function conclude(session: Session): void {
  const { state } = session;
  if (state.end !== undefined) return;
  if (state.cancelling !== undefined) {
    if (!hasChildrenToCancel(session)) cancelRun(session, state.cancelling);
    return;
  }
  if (state.pausing !== undefined) {
    const { reason } = state.pausing;
    if (inFlight(session).length > 0) return;
    pausedNow(session, { drainPolicy: "drain-current-node", reason }, []);
    return;
  }
  if (state.paused !== undefined) return;
  const isMoving = Object.values(state.nodes).some(({ status }) => isUnderWay(status));
  if (!isMoving) completeRun(session);
}
