/** The end of an interrupt (openwop-core §4.2–§4.6): answered, or too late. */

import { isJsonObject, type JsonObject, jsonEqual } from "../../lib/json.ts";
import { ok, type Result } from "../../lib/result.ts";
import { toIso } from "../../lib/time.ts";
import { type ApprovalAnswer, approvalOf, verdict } from "./approval.ts";
import { failNode, goOn } from "./attempt.ts";
import type { ResolveInterrupt } from "./input.ts";
import { type RunRejection, refuse } from "./rejection.ts";
import type { Session } from "./session.ts";
import { type InterruptState, own, type RunState } from "./state.ts";
import { nameOf } from "./value.ts";

type Handled = Result<undefined, RunRejection>;

/** The newest interrupt that is meant, whatever has become of it. */
function interruptOf(
  { interrupts }: RunState,
  target: ResolveInterrupt["target"],
): InterruptState | undefined {
  if ("interruptId" in target) return own(interrupts, target.interruptId);
  const ofNode = Object.values(interrupts).filter(({ nodeId }) => nodeId === target.nodeId);
  return ofNode.find(({ status }) => status === "open") ?? ofNode.at(-1);
}

/** Answers an interrupt, or says why it cannot be answered; also for a run that has ended. */
export function resolveInterrupt(session: Session, input: ResolveInterrupt): Handled {
  const interrupt = interruptOf(session.state, input.target);
  const closed = closedReason(interrupt, input.now);
  if (closed !== undefined) return closed;
  if (interrupt === undefined) return refuse("interrupt_not_found", "no such interrupt");
  if (interrupt.authRequired === true && input.via === "token") {
    return refuse("forbidden", "this interrupt is answered with a key, not with a token alone");
  }
  switch (interrupt.kind) {
    case "approval":
      return resolveApproval(session, interrupt, input);
    case "clarification":
      return resolveClarification(session, interrupt, input);
    case "external-event":
      return resolveExternal(session, interrupt, input);
    default:
      close(session, interrupt, input, []);
      return ok(undefined);
  }
}

function closedReason(
  interrupt: InterruptState | undefined,
  now: number,
): ReturnType<typeof refuse> | undefined {
  if (interrupt === undefined) {
    return refuse("interrupt_not_found", "this run has no such interrupt");
  }
  const details = { interruptId: interrupt.interruptId };
  const isLate = interrupt.expiresAt !== undefined && interrupt.expiresAt <= now;
  if (interrupt.status === "resolved") {
    return refuse("interrupt_already_resolved", "somebody has answered already", details);
  }
  if (interrupt.status === "cancelled") {
    return refuse("interrupt_gone", "the run no longer waits for this", details);
  }
  if (interrupt.status === "expired" || isLate) {
    return refuse("interrupt_expired", "the time to answer is over", details);
  }
  return undefined;
}

interface Beside {
  readonly type: string;
  readonly payload: JsonObject;
}

/** `interrupt.resolved`, the event of the kind, `node.resumed`, and on with the node. */
function close(
  session: Session,
  interrupt: InterruptState,
  input: ResolveInterrupt,
  beside: readonly Beside[],
): void {
  const { nodeId, interruptId, kind } = interrupt;
  const resumeValue = input.value ?? null;
  const causedBy = session.emit({
    type: "interrupt.resolved",
    nodeId,
    payload: {
      nodeId,
      interruptId,
      kind,
      resumeValue,
      resolvedAt: toIso(session.now),
      resolvedBy: input.by,
    },
  });
  for (const { type, payload } of beside) session.emit({ type, nodeId, payload, causedBy });
  session.emit({
    type: "node.resumed",
    nodeId,
    payload: { nodeId, interruptId, resumeValue },
    causedBy,
  });
  const planned = session.workflow.byId.get(nodeId);
  // A pause and an interrupt stack: the answer is kept, the node goes on after the resume.
  if (planned !== undefined && session.state.paused === undefined) goOn(session, planned);
}

function resolveApproval(
  session: Session,
  interrupt: InterruptState,
  input: ResolveInterrupt,
): Handled {
  const answer = approvalOf(interrupt, input);
  if (!answer.ok) return answer;
  const { action, voter } = answer.value;
  if (action === "ask") {
    const { nodeId, interruptId } = interrupt;
    const payload = { nodeId, interruptId, question: answer.value.value, askedBy: input.by };
    session.emit({ type: "keelson.approval.asked", nodeId, payload });
    return ok(undefined);
  }
  // The same vote of the same voter again changes nothing and is not written.
  if (own(interrupt.votes, voter) === action && input.override === undefined) return ok(undefined);
  const said = verdict(interrupt, { voter, action, override: input.override });
  const received: Beside = {
    type: "approval.received",
    payload: receivedPayload(session, interrupt, answer.value),
  };
  if (said === "open") {
    session.emit({ ...received, nodeId: interrupt.nodeId });
    return ok(undefined);
  }
  const overridden: Beside[] =
    said === "overridden"
      ? [
          {
            type: "approval.overridden",
            payload: {
              gateId: interrupt.nodeId,
              principal: input.by,
              reason: input.override?.reason ?? "override",
            },
          },
        ]
      : [];
  const value = isJsonObject(input.value) ? input.value : {};
  close(session, interrupt, { ...input, value: { ...value, action } }, [received, ...overridden]);
  return ok(undefined);
}

function receivedPayload(
  session: Session,
  { nodeId, interruptId }: InterruptState,
  { action, voter, by, value }: ApprovalAnswer,
): JsonObject {
  const { feedback, refineFeedback, editedArtifactData, comment } = value;
  return {
    nodeId,
    interruptId,
    action,
    decidedBy: by,
    decidedAt: toIso(session.now),
    voter,
    ...(typeof comment === "string" ? { comment } : {}),
    ...(typeof feedback === "string" ? { feedback } : {}),
    ...(isJsonObject(refineFeedback) ? { refineFeedback } : {}),
    ...(editedArtifactData === undefined ? {} : { editedArtifactData }),
  };
}

function resolveClarification(
  session: Session,
  interrupt: InterruptState,
  input: ResolveInterrupt,
): Handled {
  const answers = answersOf(input.value);
  if (answers === undefined) return refuse("validation_error", "answers are missing");
  const data = interrupt.payload["data"];
  const questions = isJsonObject(data) && Array.isArray(data["questions"]) ? data["questions"] : [];
  const missing = questions.find(
    (question: unknown) =>
      isJsonObject(question) && own(answers, nameOf(question["id"])) === undefined,
  );
  if (isJsonObject(missing)) {
    return refuse("validation_error", `the question "${nameOf(missing["id"])}" has no answer`);
  }
  const payload = { nodeId: interrupt.nodeId, answers, answeredBy: input.by };
  close(session, interrupt, input, [{ type: "clarification.resolved", payload }]);
  return ok(undefined);
}

/** Answers by question, from an object, an array of `{id, answer}`, or either under `answers`. */
export function answersOf(value: unknown): JsonObject | undefined {
  if (Array.isArray(value)) {
    return Object.fromEntries(
      value
        .filter(isJsonObject)
        .map((item) => [nameOf(item["id"] ?? item["questionId"]), item["answer"] ?? item["value"]]),
    );
  }
  if (!isJsonObject(value)) return undefined;
  return Object.hasOwn(value, "answers") ? answersOf(value["answers"]) : value;
}

function resolveExternal(
  session: Session,
  interrupt: InterruptState,
  input: ResolveInterrupt,
): Handled {
  const data = interrupt.payload["data"];
  const wanted = isJsonObject(data) && isJsonObject(data["correlation"]) ? data["correlation"] : {};
  const { value } = input;
  const wrapped = isJsonObject(value) ? value["eventPayload"] : undefined;
  const event = isJsonObject(wrapped) ? wrapped : value;
  const differs = Object.entries(wanted).find(
    ([key, expected]) => !isJsonObject(event) || !jsonEqual(own(event, key), expected),
  );
  if (differs !== undefined) {
    return refuse("validation_error", `the event does not correlate: ${differs[0]} differs`);
  }
  close(session, interrupt, input, []);
  return ok(undefined);
}

/** Nobody answered in time: an approval is rejected, anything else fails its node. */
export function expireInterrupt(session: Session, interruptId: string): void {
  const interrupt = own(session.state.interrupts, interruptId);
  const planned = session.workflow.byId.get(interrupt?.nodeId ?? "");
  if (interrupt?.status !== "open" || planned === undefined) return;
  const { nodeId, kind } = interrupt;
  const causedBy = session.emit({
    type: "interrupt.resolved",
    nodeId,
    payload: { nodeId, interruptId, kind, resolvedAt: toIso(session.now), reason: "timeout" },
  });
  if (kind === "approval") {
    session.emit({
      type: "approval.received",
      nodeId,
      payload: { nodeId, interruptId, action: "timeout", decidedAt: toIso(session.now) },
      causedBy,
    });
    session.emit({ type: "node.resumed", nodeId, payload: { nodeId, interruptId }, causedBy });
    goOn(session, planned);
    return;
  }
  const message = `nobody answered within ${session.now - interrupt.requestedAt} ms`;
  failNode(session, planned, { code: "interrupt_timeout", message, retryable: false });
}
