/** `core.dispatch`: does what the newest decision says (openwop-core §3.12). */
import { isJsonObject, type JsonObject } from "../../../lib/json.ts";
import type { NodeProblem } from "../definition/parse.ts";
import { closed, integer, mapOf, oneOf, text } from "../definition/shape.ts";
import { answersOf } from "../interrupt-close.ts";
import type { ChildNews, NodeContext, NodeEvent, NodeType, Outcome } from "../node-type.ts";
import { own } from "../state.ts";
import { numberOf, textOf } from "../value.ts";
import { childError, childRequested, harvested, mappedInputs } from "./child.ts";
import { configProblems, needs } from "./config.ts";

import { CONFIDENCE_FLOOR } from "./supervisor.ts";

const mapping = mapOf(text({ min: 1 }));
const MAPPINGS = [
  "inputMapping",
  "outputMapping",
  "perWorkerInputMappings",
  "perWorkerOutputMappings",
] as const;
const shape = closed(
  {},
  {
    askUserRouting: oneOf(["conversation", "clarification", "auto"]),
    workerDispatchModel: oneOf(["child-run"]),
    fanOutPolicy: oneOf(["sequential", "reject"]),
    iterationCap: integer(1),
    inputMapping: mapping,
    outputMapping: mapping,
    perWorkerInputMappings: mapOf(mapping),
    perWorkerOutputMappings: mapOf(mapping),
  },
);

const dispatch: NodeType = {
  problems(node) {
    const { config } = node;
    const mapped = MAPPINGS.filter((name) => {
      const value = config[name];
      return isJsonObject(value) && Object.keys(value).length > 0;
    });
    const problems: NodeProblem[] = [needs("agents.dispatch", "a dispatch")];
    for (const name of mapped)
      problems.push(needs("agents.dispatchMapping", name, `/config/${name}`));
    if (config["askUserRouting"] === "conversation") {
      problems.push(needs("conversationPrimitive", "askUserRouting", "/config/askUserRouting"));
    }
    return [...problems, ...configProblems(shape, node)];
  },
  run(context) {
    const decision = decisionOf(context);
    switch (decision?.["kind"]) {
      case undefined:
        return failed("no_pending_decision", "no supervisor has decided anything");
      case "ask-user":
        return askUser(context, textOf(decision?.["prompt"]) ?? "");
      case "next-worker":
        return nextWorker(context, decision ?? {});
      default:
        return {
          kind: "complete",
          outputs: { decision: "terminate", output: decision?.["reason"] ?? null },
          endsLoop: true,
        };
    }
  },
  child: childNews,
};

function failed(code: string, message: string): Outcome {
  return { kind: "fail", error: { code, message, retryable: false } };
}

function decisionOf({ state }: NodeContext): JsonObject | undefined {
  return state.decision?.decision;
}

function workersOf(decision: JsonObject | undefined): readonly string[] {
  const ids = decision?.["nextWorkerIds"];
  return Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : [];
}

function nextWorker(context: NodeContext, decision: JsonObject): Outcome {
  const workers = workersOf(decision);
  if (workers.length > 1 && context.planned.node.config["fanOutPolicy"] === "reject") {
    return failed("fan_out_unsupported", `${workers.length} workers at once are not allowed`);
  }
  const escalation = escalated(context, decision, workers);
  return escalation ?? { kind: "stay", events: begin(context, 0, workers) };
}

/** A decision under the floor is put before a person first; undefined once that has said go on. */
function escalated(
  context: NodeContext,
  decision: JsonObject,
  workers: readonly string[],
): Outcome | undefined {
  const floor = context.host.confidenceFloor ?? CONFIDENCE_FLOOR;
  const confidence = numberOf(decision["confidence"]);
  if (confidence === undefined || confidence >= floor) return undefined;
  const answer = context.own.answers.at(-1);
  if (answer !== undefined) {
    const said = answersOf(answer.value)?.["proceed"];
    if (said !== false && said !== "no" && said !== "reject") return undefined;
    return { kind: "complete", outputs: { decision: "declined", output: null } };
  }
  const question = `Go on with ${workers.join(", ")}? Its confidence is ${confidence}.`;
  const questions = [{ id: "proceed", question }];
  const { state } = context;
  const escalation: NodeEvent = {
    type: "core.workflowChain.confidence-escalated",
    payload: {
      confidence,
      floor,
      escalationKind: "clarify",
      parentRunId: state.context.runId,
      ...(workers[0] === undefined ? {} : { workerId: workers[0] }),
      originalDecision: decision,
    },
    ...causeOf(context),
  };
  return {
    kind: "suspend",
    events: [escalation],
    interrupt: {
      kind: "clarification",
      data: { questions },
    },
  };
}

function causeOf({ state }: NodeContext): { readonly causedBy?: number } {
  return state.decision === undefined ? {} : { causedBy: state.decision.sequence };
}

function phase(context: NodeContext, workerId: string, fields: JsonObject): NodeEvent {
  return {
    type: "core.workflowChain.event",
    payload: { workerId, parentRunId: context.state.context.runId, ...fields },
    ...(fields["phase"] === "dispatch.began" ? causeOf(context) : {}),
  };
}

function begin(
  context: NodeContext,
  index: number,
  workers: readonly string[],
): readonly NodeEvent[] {
  const workerId = workers[index] ?? "";
  const { inputMapping, perWorkerInputMappings } = context.planned.node.config;
  const inputs = mappedInputs(context, mappingOf(perWorkerInputMappings, workerId) ?? inputMapping);
  return [
    phase(context, workerId, { phase: "dispatch.began" }),
    childRequested(context, { index, workflowId: workerId, inputs }),
  ];
}

function mappingOf(perWorker: unknown, workerId: string): unknown {
  return isJsonObject(perWorker) ? own(perWorker, workerId) : undefined;
}

function childNews(context: NodeContext, news: ChildNews): Outcome {
  const { child } = news;
  const workerId = child.workflowId;
  switch (news.kind) {
    case "started":
      return {
        kind: "stay",
        events: [
          phase(context, workerId, { phase: "dispatch.succeeded", childRunId: child.childRunId }),
        ],
      };
    case "refused": {
      const error = { code: news.error.code, message: news.error.message || news.error.code };
      return {
        kind: "fail",
        error: news.error,
        events: [phase(context, workerId, { phase: "dispatch.failed", error })],
      };
    }
    case "ended":
      return childEnded(context, news);
  }
}

function childEnded(context: NodeContext, news: ChildNews & { readonly kind: "ended" }): Outcome {
  const { child, status, error } = news;
  const workerId = child.workflowId;
  const { childRunId } = child;
  const told = phase(context, workerId, {
    phase: `child.${status}`,
    childRunId,
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
  });
  if (status !== "completed") {
    return { kind: "fail", error: childError(child, status, error), events: [told] };
  }
  const { outputMapping, perWorkerOutputMappings } = context.planned.node.config;
  const mapped = mappingOf(perWorkerOutputMappings, workerId) ?? outputMapping;
  const harvest = harvested(context, mapped, news.variables);
  if ("error" in harvest) return { kind: "fail", error: harvest.error, events: [told] };
  const { keys } = harvest;
  const harvestedEvent = phase(context, workerId, {
    phase: "output.harvested",
    childRunId,
    harvestedKeys: keys,
  });
  const events = [told, ...harvest.events, ...(keys.length === 0 ? [] : [harvestedEvent])];
  const workers = workersOf(decisionOf(context));
  const next = Number(child.ref.split("/").at(-1)) + 1;
  if (next < workers.length) {
    // The next worker sees what the one before has left in the parent's variables.
    const variables = { ...context.state.variables, ...harvest.values };
    const after = { ...context, state: { ...context.state, variables } };
    return { kind: "stay", events: [...events, ...begin(after, next, workers)] };
  }
  return {
    kind: "complete",
    outputs: { childRunId: childRunId ?? null, childStatus: status, output: news.outputs },
    events,
  };
}

function askUser(context: NodeContext, prompt: string): Outcome {
  const { own: node, planned, host } = context;
  const routing = textOf(planned.node.config["askUserRouting"]) ?? "auto";
  const talks = routing !== "clarification" && host.capabilities.has("conversationPrimitive");
  const conversationId = `ask:${planned.node.id}:${node.iteration}`;
  const answer = node.answers.at(-1);
  if (answer !== undefined) {
    const outputs = { decision: "ask-user", output: answer.value };
    const exchanged = { conversationId, turnIndex: 0, outcome: answer.value };
    const closed = { conversationId, reason: "answered", turnCount: 1 };
    const events = talks
      ? [
          { type: "conversation.exchanged", payload: exchanged },
          { type: "conversation.closed", payload: closed },
        ]
      : [];
    return { kind: "complete", outputs, events };
  }
  if (talks) {
    const opened = { conversationId, openedBy: planned.node.id };
    return {
      kind: "suspend",
      events: [{ type: "conversation.opened", payload: opened }],
      interrupt: {
        kind: "conversation.exchange",
        data: { conversationId, prompt, turnIndex: 0 },
      },
    };
  }
  const questions = [{ id: "answer", question: prompt }];
  return {
    kind: "suspend",
    interrupt: {
      kind: "clarification",
      data: { questions },
    },
  };
}

export const DISPATCH_NODES: Readonly<Record<string, NodeType>> = { "core.dispatch": dispatch };
