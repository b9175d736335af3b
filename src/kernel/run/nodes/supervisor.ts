/** `core.orchestrator.supervisor`: decides what is done next (openwop-core §3.12). */
import { isJsonObject, type JsonObject } from "../../../lib/json.ts";
import { anyObject, list, number, open, text } from "../definition/shape.ts";
import type { NodeContext, NodeType, Outcome } from "../node-type.ts";
import { type Answer, own } from "../state.ts";
import { nameOf, numberOf, textOf } from "../value.ts";
import { configProblems, needs } from "./config.ts";

const ESCALATION_THRESHOLD = 0.7;
export const CONFIDENCE_FLOOR = 0.5;
const TERMINATE: JsonObject = { kind: "terminate", reason: "plan-exhausted" };
/** What a supervisor of a conformance workflow does that says nothing itself. */
const LEGACY_PLAN: readonly JsonObject[] = [
  { kind: "next-worker", nextWorkerIds: ["conformance-noop"] },
  { kind: "terminate", reason: "goal-reached" },
];

const supervisor: NodeType = {
  problems(node) {
    const shape = open(
      {},
      {
        agentId: text({ min: 3, max: 256 }),
        mockDispatchPlan: list(anyObject),
        mockDecisions: list(anyObject),
        mockConfidence: number,
        mockPendingDecision: anyObject,
      },
    );
    return [needs("agents.orchestrator", "a supervisor"), ...configProblems(shape, node)];
  },
  run(context) {
    const answer = context.own.answers.at(-1);
    if (answer !== undefined) return settled(context, answer);
    const { mockPendingDecision, mockConfidence } = context.planned.node.config;
    if (isJsonObject(mockPendingDecision)) {
      return consider(context, mockPendingDecision, numberOf(mockConfidence));
    }
    const plan = planOf(context);
    if (plan === undefined) {
      const { inputs, state, planned } = context;
      const turn = own(state.decisions, planned.node.id) ?? 0;
      return { kind: "effect", inputs: { ...inputs, turn, lastDecision: state.decision ?? null } };
    }
    const turn = own(context.state.decisions, context.planned.node.id) ?? 0;
    return consider(context, plan[turn] ?? TERMINATE, numberOf(mockConfidence));
  },
  finish(context, { outcome }) {
    const decision = outcome.ok ? outcome.outputs["decision"] : undefined;
    return consider(context, isJsonObject(decision) ? decision : {}, undefined);
  },
};

/** The decisions of a mock; undefined for a supervisor that somebody outside decides for. */
function planOf({ planned, workflow }: NodeContext): readonly JsonObject[] | undefined {
  const { mockDispatchPlan, mockDecisions } = planned.node.config;
  const plan = mockDispatchPlan ?? mockDecisions;
  if (Array.isArray(plan)) return plan.filter(isJsonObject);
  return workflow.definition.id.startsWith("conformance-") ? LEGACY_PLAN : undefined;
}

/** Writes the decision, or holds it for a person when its confidence is too low. */
function consider(context: NodeContext, decision: JsonObject, stated: number | undefined): Outcome {
  const problem = decisionProblem(decision);
  if (problem !== undefined) {
    return {
      kind: "fail",
      error: { code: "validation_error", message: problem, retryable: false },
    };
  }
  const own = numberOf(decision["confidence"]);
  const observed = stated ?? own;
  const threshold = thresholdOf(context);
  // Under the floor it is the dispatch that escalates; then the decision must be in the log.
  const isDispatchs = own !== undefined && own < (context.host.confidenceFloor ?? CONFIDENCE_FLOOR);
  if (observed === undefined || observed >= threshold || isDispatchs)
    return decide(context, decision);
  const agentId = agentIdOf(context);
  return {
    kind: "suspend",
    interrupt: {
      kind: "low-confidence",
      data: { agentId, threshold, observed, decision },
      details: { reason: "low-confidence", agentId, threshold, observed },
    },
  };
}

/** The configured confidence under which a person is asked. */
export function thresholdOf({ state }: NodeContext): number {
  return numberOf(state.context.configurable["escalationThreshold"]) ?? ESCALATION_THRESHOLD;
}

function agentIdOf({ planned }: NodeContext): string {
  const { agent, config } = planned.node;
  return agent?.agentId ?? textOf(config["agentId"]) ?? "core.orchestrator.supervisor";
}

/** A person has taken, replaced or refused the decision that was held. */
function settled(context: NodeContext, { interruptId, value }: Answer): Outcome {
  const data = own(context.state.interrupts, interruptId)?.payload["data"];
  const held = isJsonObject(data) ? data["decision"] : undefined;
  const said = isJsonObject(value) ? value : {};
  if (said["action"] === "reject") {
    const message = "the held decision was refused";
    return { kind: "fail", error: { code: "decision_refused", message, retryable: false } };
  }
  const chosen = isJsonObject(said["decision"]) ? said["decision"] : held;
  const decision = isJsonObject(chosen) ? chosen : {};
  const problem = decisionProblem(decision);
  if (problem === undefined) return decide(context, decision);
  return { kind: "fail", error: { code: "validation_error", message: problem, retryable: false } };
}

function decide(context: NodeContext, decision: JsonObject): Outcome {
  const turn = own(context.state.decisions, context.planned.node.id) ?? 0;
  const payload = { agentId: agentIdOf(context), decision, iteration: turn + 1 };
  return {
    kind: "complete",
    outputs: { decision, output: decision },
    events: [{ type: "runOrchestrator.decided", payload }],
  };
}

function decisionProblem(decision: JsonObject): string | undefined {
  const { kind, nextWorkerIds, prompt } = decision;
  switch (kind) {
    case "next-worker": {
      const ids: readonly unknown[] = Array.isArray(nextWorkerIds) ? nextWorkerIds : [];
      const named = ids.length > 0 && ids.every((id) => typeof id === "string" && id !== "");
      return named ? undefined : "a next-worker decision needs nextWorkerIds";
    }
    case "ask-user":
      return textOf(prompt) === undefined ? "an ask-user decision needs a prompt" : undefined;
    case "terminate":
      return undefined;
    default:
      return `no decision is of the kind ${nameOf(kind)}`;
  }
}

export const SUPERVISOR_NODES: Readonly<Record<string, NodeType>> = {
  "core.orchestrator.supervisor": supervisor,
};
