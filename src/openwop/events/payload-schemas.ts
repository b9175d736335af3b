/**
 * What the payload of each event type of the run log must look like (openwop-core §2.5), as JSON
 * Schema 2020-12. Only types that this host writes are here: a type without a row cannot be appended.
 */
import { type TSchema, Type } from "typebox";
import { closed, count, json, name, nonEmpty, object, oneOf, open, share } from "./shapes.ts";
import { SUSPEND_KINDS, SUSPEND_REQUEST } from "./suspend-request.ts";

const text = Type.String();
const agentId = Type.String({ minLength: 3, maxLength: 256 });
const positive = Type.Integer({ minimum: 1 });
const texts = Type.Array(text);
const dateTime = Type.String({ format: "date-time" });
const error = open(
  { code: nonEmpty, message: nonEmpty },
  { details: object, retryable: Type.Boolean() },
);
const causationHostId = { causationHostId: nonEmpty };

const RUN: Readonly<Record<string, TSchema>> = {
  "run.started": open(
    { workflowId: nonEmpty },
    {
      inputs: object,
      transport: oneOf(["rest", "mcp", "a2a", "ui"]),
      engineVersion: text,
      owner: closed({ tenant: nonEmpty }, { workspace: nonEmpty, principal: nonEmpty }),
      tags: texts,
      metadata: object,
    },
  ),
  "run.completed": open({}, { outputs: object, durationMs: count }),
  "run.failed": open({ error }, { failedNodeId: text, durationMs: count }),
  "run.cancelled": open(
    {},
    { reason: text, cancelledBy: text, durationMs: count, parentRunId: nonEmpty },
  ),
  "run.resuming": open({}, { fromStatus: text }),
  "run.paused": open({}, { reason: text }),
  "run.resumed": open({}),
  "run.restored-from-snapshot": open({}, { snapshotSeq: count, engineVersion: text }),
  "cap.breached": open(
    {
      kind: oneOf([
        "clarification",
        "schema",
        "envelopes",
        "node-executions",
        "wasm-memory",
        "wasm-fuel",
        "wasm-execution-time",
        "run-duration",
        "loop-iterations",
        "budget-tokens",
        "budget-cost",
        "budget-tool-calls",
        "budget-retries",
      ]),
      limit: Type.Number({ minimum: 0 }),
      observed: Type.Number({ minimum: 0 }),
    },
    { nodeId: text },
  ),
  "workflow.loopback-limit": open({ nodeId: text, iterations: positive }, { limit: positive }),
  "workflow.stalled": open({}, { stalledForMs: count, lastNodeId: text }),
  "version.pinned": open({ changeId: nonEmpty, version: count }, { nodeId: text }),
  "variable.changed": open({ name: nonEmpty }, { previous: json, next: json, nodeId: text }),
  "channel.written": closed(
    {
      channel: Type.String({ minLength: 1, maxLength: 256 }),
      value: Type.Unsafe({ type: ["object", "array", "string", "number", "boolean", "null"] }),
      reducer: Type.String({
        // The public schema leaves `message` out of this list although its prose has it (§11).
        pattern:
          "^(replace|append|merge|counter|votes|feedback|message|vendor\\.[a-z][a-z0-9_-]*\\.[a-z][a-z0-9_-]*)$",
      }),
      writtenAt: dateTime,
    },
    {
      nodeId: Type.String({ minLength: 1, maxLength: 128 }),
      schemaVersion: positive,
      sourceEngineId: Type.String({ minLength: 1, maxLength: 256 }),
      sourceRunId: Type.String({ minLength: 1, maxLength: 128 }),
    },
  ),
  "log.appended": open(
    { level: oneOf(["debug", "info", "warn", "error"]), message: text },
    { nodeId: text, fields: object },
  ),
  "artifact.created": open(
    { artifactId: nonEmpty, artifactType: nonEmpty },
    {
      nodeId: text,
      version: text,
      summary: text,
      registered: Type.Boolean(),
      registrationSource: oneOf(["pack", "host"]),
    },
  ),
};

const NODE: Readonly<Record<string, TSchema>> = {
  "node.started": open({ nodeId: nonEmpty, typeId: nonEmpty }, { attempt: count }),
  "node.completed": open({ nodeId: nonEmpty }, { outputs: object, durationMs: count }),
  "node.failed": open({ nodeId: nonEmpty, error }, { attempts: positive }),
  "node.suspended": open(
    { nodeId: nonEmpty, interruptId: nonEmpty },
    { kind: oneOf(SUSPEND_KINDS), key: nonEmpty },
  ),
  "node.suspend-failed": open({ nodeId: nonEmpty, error }),
  "node.resumed": open({ nodeId: nonEmpty }, { interruptId: text, resumeValue: json }),
  "node.retried": open(
    { nodeId: nonEmpty, attempt: positive },
    { delayMs: count, lastError: error },
  ),
  "node.skipped": open({ nodeId: nonEmpty }, { reason: text }),
  "node.cancelled": open({ nodeId: nonEmpty }, { reason: text }),
  "node.dispatched": closed(
    { childRunId: nonEmpty, childWorkflowId: nonEmpty },
    { childStatus: text },
  ),
  "output.chunk": open(
    { nodeId: nonEmpty, runId: nonEmpty, chunk: text, isLast: Type.Boolean() },
    {
      channel: text,
      meta: closed(
        {},
        {
          finishReason: oneOf(["stop", "length", "tool_calls", "content_filter"]),
          logprobs: Type.Unsafe({ type: "array" }),
          toolCalls: Type.Unsafe({ type: "array" }),
          model: text,
          usage: open({}, { promptTokens: count, completionTokens: count, totalTokens: count }),
          provider: text,
          providerExtensions: object,
        },
      ),
    },
  ),
};

const INTERRUPT: Readonly<Record<string, TSchema>> = {
  "interrupt.requested": SUSPEND_REQUEST,
  "interrupt.resolved": open(
    { nodeId: text, interruptId: text },
    { kind: oneOf(SUSPEND_KINDS), resumeValue: json },
  ),
  "approval.requested": open(
    {
      nodeId: text,
      artifactId: text,
      artifactType: text,
      actions: Type.Array(oneOf(["accept", "reject", "refine", "edit", "ask"]), { minItems: 1 }),
    },
    { interruptId: text, title: text, approversList: texts, requiredApprovals: positive },
  ),
  "approval.received": open(
    { nodeId: text, action: oneOf(["accept", "reject", "refine", "edit-accept", "timeout"]) },
    {
      decidedBy: text,
      decidedAt: text,
      comment: text,
      feedback: text,
      refineFeedback: open(
        { scope: oneOf(["whole", "section", "items"]) },
        { sectionPath: text, itemIds: texts, tags: texts, text },
      ),
      editedArtifactData: json,
    },
  ),
  "approval.granted": closed(
    { gateId: nonEmpty, principal: nonEmpty },
    { quorumProgress: closed({}, { granted: count, required: positive }) },
  ),
  "approval.rejected": closed({ gateId: nonEmpty, principal: nonEmpty }, { reason: text }),
  "approval.overridden": closed({ gateId: nonEmpty, principal: nonEmpty, reason: nonEmpty }),
  "clarification.requested": open(
    {
      nodeId: text,
      questions: Type.Array(open({ id: text, question: text }, { schema: object })),
    },
    { interruptId: text },
  ),
  "clarification.resolved": open({ nodeId: text, answers: object }, { answeredBy: text }),
  "conversation.opened": open({ conversationId: name }, { openedBy: text }),
  "conversation.exchanged": open({ conversationId: name, turnIndex: count }, { outcome: json }),
  "conversation.closed": open({ conversationId: name }, { reason: text, turnCount: count }),
};

const decision = Type.Unsafe({
  type: "object",
  required: ["kind"],
  oneOf: [
    closed(
      {
        kind: Type.Unsafe({ const: "next-worker" }),
        nextWorkerIds: Type.Array(name, { minItems: 1 }),
      },
      { confidence: share },
    ),
    closed({ kind: Type.Unsafe({ const: "ask-user" }), prompt: nonEmpty }),
    closed(
      { kind: Type.Unsafe({ const: "terminate" }) },
      {
        reason: nonEmpty,
        confidence: share,
        successCriteria: Type.Array(closed({ key: nonEmpty, met: Type.Boolean() })),
      },
    ),
  ],
});

const AGENT: Readonly<Record<string, TSchema>> = {
  "agent.reasoned": open(
    { agentId, reasoning: text },
    { verbosity: oneOf(["summary", "full", "off"]), ...causationHostId },
  ),
  "agent.reasoning.delta": open(
    { agentId, delta: text, sequence: count },
    { verbosity: oneOf(["summary", "full", "off"]) },
  ),
  "agent.toolCalled": open(
    { agentId, toolName: nonEmpty, callId: nonEmpty },
    {
      inputs: json,
      argsHash: text,
      principal: text,
      transport: oneOf(["mcp", "http", "native"]),
      ...causationHostId,
    },
  ),
  "agent.toolReturned": open(
    { agentId, toolName: nonEmpty, callId: nonEmpty },
    {
      outcome: json,
      error,
      status: oneOf(["ok", "error", "forbidden", "rate_limited"]),
      durationMs: count,
      ...causationHostId,
    },
  ),
  "agent.handoff": open(
    { fromAgentId: agentId, toAgentId: agentId },
    { reason: text, ...causationHostId },
  ),
  "agent.decided": open({ agentId, decision: json }, { confidence: share, ...causationHostId }),
  "provider.usage": closed(
    { provider: nonEmpty, model: nonEmpty, inputTokens: count, outputTokens: count },
    {
      totalTokens: count,
      costEstimateUsd: Type.Number({ minimum: 0 }),
      currency: Type.String({ pattern: "^[A-Z]{3}$" }),
      cacheHit: Type.Boolean(),
      cacheReadTokens: count,
      cacheWriteTokens: count,
      nodeId: text,
      traceId: text,
    },
  ),
  "runOrchestrator.decided": closed(
    { agentId, decision },
    { iteration: positive, ...causationHostId },
  ),
  "core.workflowChain.event": closed(
    {
      phase: oneOf([
        "dispatch.began",
        "dispatch.succeeded",
        "dispatch.failed",
        "child.completed",
        "child.failed",
        "child.cancelled",
        "output.harvested",
      ]),
      workerId: nonEmpty,
      parentRunId: nonEmpty,
    },
    {
      childRunId: nonEmpty,
      harvestedKeys: texts,
      attestation: closed({ checksum: nonEmpty, algorithm: oneOf(["sha256"]) }),
      error,
      ...causationHostId,
    },
  ),
  "core.workflowChain.confidence-escalated": closed(
    {
      confidence: share,
      floor: Type.Number({ minimum: 0.5, maximum: 1 }),
      escalationKind: oneOf(["clarify", "escalate"]),
      parentRunId: nonEmpty,
    },
    { workerId: nonEmpty, originalDecision: decision, ...causationHostId },
  ),
};

const HOST: Readonly<Record<string, TSchema>> = {
  "replay.diverged": open(
    { sourceRunId: nonEmpty, atSequence: count },
    {
      originalEventId: text,
      divergenceKind: oneOf(["output", "missing", "extra", "type-mismatch"]),
      divergencePoint: text,
    },
  ),
  "authorization.decided": closed(
    { principal: nonEmpty, action: nonEmpty, resource: nonEmpty, allowed: Type.Boolean() },
    { reason: text },
  ),
};

/** Event type → JSON Schema of its payload. */
export const PAYLOAD_SCHEMAS: Readonly<Record<string, TSchema>> = {
  ...RUN,
  ...NODE,
  ...INTERRUPT,
  ...AGENT,
  ...HOST,
};
