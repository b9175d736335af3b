/** `core.conformance.mock-agent`: writes the events of an agent that its settings describe. */
import { isJsonObject, type JsonObject } from "../../../lib/json.ts";
import type { NodeProblem } from "../definition/parse.ts";
import {
  anything,
  type Check,
  closed,
  flag,
  integer,
  list,
  number,
  pointer,
  text,
} from "../definition/shape.ts";
import type { NodeContext, NodeEvent, NodeType, Outcome } from "../node-type.ts";
import { nameOf, numberOf, textOf } from "../value.ts";
import { configProblems, needs } from "./config.ts";

import { thresholdOf } from "./supervisor.ts";

const agentId = text({ min: 3 });
const reasoning: Check = (value, path, report) => {
  if (typeof value === "boolean") return flag(value, path, report);
  const optional = { trace: text(), tokenCount: integer(0), streamChunks: list(text()) };
  return closed({ summary: text() }, optional)(value, path, report);
};
const errorShape = closed(
  { error: text({ min: 1 }), message: text({ min: 1 }) },
  { details: anything },
);
const shape = closed(
  {},
  {
    agentId,
    mockReasoning: reasoning,
    mockToolCalls: list(
      closed(
        { toolId: text() },
        { arguments: anything, result: anything, error: errorShape, durationMs: integer(0) },
      ),
    ),
    mockHandoff: closed({ toAgentId: agentId }, { reason: text(), context: anything }),
    mockDecision: closed({ decision: anything }, { confidence: number, reasoning: text() }),
    mockConfidence: number,
  },
);

const mockAgent: NodeType = {
  problems(node, workflowId) {
    const problems: NodeProblem[] = [...configProblems(shape, node)];
    if (!workflowId.startsWith("conformance-")) {
      problems.push(needs("conformance.mockAgent", "the mock agent"));
    }
    const calls = node.config["mockToolCalls"];
    if (Array.isArray(calls)) {
      calls.forEach((call: unknown, index) => {
        if (!isJsonObject(call) || "result" in call || "error" in call) return;
        const path = pointer("/config/mockToolCalls", index);
        problems.push({ path, message: "needs a result or an error" });
      });
    }
    return problems;
  },
  run(context) {
    const { config } = context.planned.node;
    const decision = config["mockDecision"];
    const answer = context.own.answers.at(-1);
    const output = isJsonObject(decision) ? decision["decision"] : null;
    if (answer !== undefined) {
      return { kind: "complete", outputs: { output, answer: answer.value } };
    }
    const events = [...reasoned(context), ...toolCalls(context), ...handedOff(context)];
    return decided(context, events, output);
  },
};

function agentOf({ planned }: NodeContext): string {
  const { config, agent, id } = planned.node;
  return textOf(config["agentId"]) ?? agent?.agentId ?? `agent:${id}`;
}

function reasoned(context: NodeContext): readonly NodeEvent[] {
  const { mockReasoning } = context.planned.node.config;
  if (mockReasoning === undefined || mockReasoning === false) return [];
  const told: JsonObject = isJsonObject(mockReasoning)
    ? mockReasoning
    : { summary: "mock reasoning" };
  const chunks = Array.isArray(told["streamChunks"]) ? told["streamChunks"].map(nameOf) : [];
  const by = { agentId: agentOf(context) };
  const whole = chunks.length > 0 ? chunks.join("") : (told["trace"] ?? told["summary"]);
  return [
    ...chunks.map((delta, sequence) => ({
      type: "agent.reasoning.delta",
      payload: { ...by, delta, sequence },
    })),
    { type: "agent.reasoned", payload: { ...by, reasoning: whole, verbosity: "summary" } },
  ];
}

function toolCalls(context: NodeContext): readonly NodeEvent[] {
  const { planned, own } = context;
  const calls = planned.node.config["mockToolCalls"];
  if (!Array.isArray(calls)) return [];
  return calls.filter(isJsonObject).flatMap((call, index): readonly NodeEvent[] => {
    const callId = `${planned.node.id}:${own.iteration}:${index}`;
    const shared = { agentId: agentOf(context), toolName: nameOf(call["toolId"]), callId };
    const { error, durationMs } = call;
    const failure = isJsonObject(error)
      ? { status: "error", error: { code: error["error"], message: error["message"] } }
      : { status: "ok", outcome: call["result"] ?? null };
    const duration = durationMs === undefined ? {} : { durationMs };
    return [
      { type: "agent.toolCalled", payload: { ...shared, inputs: call["arguments"] ?? null } },
      {
        type: "agent.toolReturned",
        payload: { ...shared, ...failure, ...duration },
        causedByEarlier: 1,
      },
    ];
  });
}

function handedOff(context: NodeContext): readonly NodeEvent[] {
  const handoff = context.planned.node.config["mockHandoff"];
  if (!isJsonObject(handoff)) return [];
  const { toAgentId, reason } = handoff;
  const payload = { fromAgentId: agentOf(context), toAgentId };
  return [
    { type: "agent.handoff", payload: reason === undefined ? payload : { ...payload, reason } },
  ];
}

function decided(context: NodeContext, before: readonly NodeEvent[], output: unknown): Outcome {
  const { mockDecision, mockConfidence } = context.planned.node.config;
  const decision = isJsonObject(mockDecision) ? mockDecision : undefined;
  const observed = numberOf(decision?.["confidence"]) ?? numberOf(mockConfidence);
  const agent = agentOf(context);
  const confidence = observed === undefined ? {} : { confidence: observed };
  const events = [
    ...before,
    ...(decision === undefined
      ? []
      : [
          {
            type: "agent.decided",
            payload: { agentId: agent, decision: decision["decision"], ...confidence },
          },
        ]),
  ];
  const threshold = thresholdOf(context);
  if (observed === undefined || observed >= threshold) {
    return { kind: "complete", outputs: { output }, events };
  }
  const details = { agentId: agent, threshold, observed };
  return {
    kind: "suspend",
    events,
    interrupt: {
      kind: "low-confidence",
      data: { ...details, decision: output },
      details: { ...details, reason: "low-confidence" },
    },
  };
}

export const MOCK_AGENT_NODES: Readonly<Record<string, NodeType>> = {
  "core.conformance.mock-agent": mockAgent,
};
