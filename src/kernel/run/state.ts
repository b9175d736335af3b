/**
 * The state of a run: plain JSON, a fold of its events and of nothing else.
 *
 * 1. A run has at most one `end`; after it nothing changes.
 * 2. A node's state belongs to its latest iteration; (node, iteration, attempt) names one attempt.
 * 3. An interrupt is open only while its node is suspended on it.
 * 4. `counters.nodeExecutions` is the number of `node.started` in the log.
 */
import type { JsonObject } from "../../lib/json.ts";
import type { EpochMs } from "../../lib/time.ts";
import type { ChannelState } from "./channel.ts";
import type { RunContext } from "./context.ts";
import type { Doing } from "./events.ts";
import type { RunError } from "./input.ts";

export type NodeStatus =
  | "pending"
  | "running"
  /** Waits for its next attempt. */
  | "retrying"
  | "suspended"
  /** Stopped by an immediate pause; starts anew on resume. */
  | "stopped"
  | "completed"
  | "failed"
  | "skipped"
  | "cancelled";

/** What a person or a system answered to a node's interrupt. */
export interface Answer {
  readonly interruptId: string;
  readonly kind: string;
  readonly value: unknown;
  readonly by?: string;
}

export interface NodeState {
  readonly status: NodeStatus;
  readonly iteration: number;
  readonly attempt: number;
  /** Failed attempts of this iteration that were followed by another. */
  readonly failures: number;
  readonly startedAt?: EpochMs;
  readonly endedAt?: EpochMs;
  readonly doing?: Doing;
  readonly inputs?: JsonObject;
  readonly wakeAt?: EpochMs;
  readonly deadlineAt?: EpochMs;
  readonly outputs?: JsonObject;
  readonly error?: RunError;
  readonly reason?: string;
  readonly ports?: readonly string[];
  readonly again?: boolean;
  readonly declined?: readonly string[];
  /** Inputs that came over a back edge. */
  readonly delivered?: JsonObject;
  /** How far the loop has come that this node is the head of. */
  readonly turn?: number;
  /** Interrupts of this node so far, in all iterations. */
  readonly interrupts: number;
  /** Answers in this iteration, in order. */
  readonly answers: readonly Answer[];
}

export interface InterruptState {
  readonly interruptId: string;
  readonly nodeId: string;
  readonly iteration: number;
  readonly kind: string;
  readonly key: string;
  readonly status: "open" | "resolved" | "expired" | "cancelled";
  readonly requestedAt: EpochMs;
  readonly expiresAt?: EpochMs;
  readonly authRequired?: boolean;
  /** The InterruptPayload as it stands in the log. */
  readonly payload: JsonObject;
  /** Latest vote of each voter. */
  readonly votes: Readonly<Record<string, string>>;
}

export interface ChildState {
  readonly ref: string;
  readonly nodeId: string;
  readonly workflowId: string;
  readonly inputs: JsonObject;
  readonly propagateCancellation: boolean;
  /** The node does not wait for it. */
  readonly detached: boolean;
  readonly childRunId?: string;
  /** `requested` until the child exists. */
  readonly status: string;
}

export interface RunEnd {
  readonly status: "completed" | "failed" | "cancelled";
  readonly at: EpochMs;
  readonly outputs?: JsonObject;
  readonly error?: RunError;
  readonly reason?: string;
}

export interface RunState {
  readonly context: RunContext;
  /** Events folded; the next one has this sequence. */
  readonly version: number;
  readonly at: EpochMs;
  readonly startedAt: EpochMs;
  readonly end?: RunEnd;
  readonly paused?: { readonly at: EpochMs; readonly drainPolicy: string };
  /** A pause that waits for running nodes. */
  readonly pausing?: { readonly at: EpochMs; readonly reason?: string };
  readonly pausedMs: number;
  readonly cancelling?: {
    readonly at: EpochMs;
    readonly reason?: string;
    readonly by?: string;
    readonly parentRunId?: string;
  };
  readonly variables: JsonObject;
  readonly channels: Readonly<Record<string, ChannelState>>;
  readonly nodes: Readonly<Record<string, NodeState>>;
  readonly interrupts: Readonly<Record<string, InterruptState>>;
  readonly children: Readonly<Record<string, ChildState>>;
  readonly pins: Readonly<Record<string, number>>;
  readonly counters: {
    readonly nodeExecutions: number;
    /** Decisions of supervisors. */
    readonly turns: number;
    readonly dispatches: number;
  };
  /** Loopbacks taken, by the node that they lead out of. */
  readonly loopbacks: Readonly<Record<string, number>>;
  /** Decisions so far, by supervisor node. */
  readonly decisions: Readonly<Record<string, number>>;
  /** The newest decision and the sequence of its event. */
  readonly decision?: {
    readonly sequence: number;
    readonly nodeId: string;
    readonly agentId: string;
    readonly decision: JsonObject;
  };
}

export type RunStatus =
  | "running"
  | "paused"
  | "waiting-approval"
  | "waiting-input"
  | "waiting-external"
  | "cancelling"
  | "completed"
  | "failed"
  | "cancelled";

const UNTOUCHED: NodeState = {
  status: "pending",
  iteration: 0,
  attempt: 0,
  failures: 0,
  interrupts: 0,
  answers: [],
};

/** A node's state, also of one that nothing has happened to yet. */
export function nodeState(state: Pick<RunState, "nodes">, nodeId: string): NodeState {
  return own(state.nodes, nodeId) ?? UNTOUCHED;
}

const OVER: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"]);

/** True for the statuses that a run, also a child run, keeps. */
export function isOverStatus(status: string): boolean {
  return OVER.has(status);
}

/** A value under a key that may be any text, `constructor` included. */
export function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

const WAITING: Readonly<Record<string, RunStatus>> = {
  approval: "waiting-approval",
  "low-confidence": "waiting-approval",
  "conversation.start": "waiting-approval",
  "conversation.exchange": "waiting-approval",
  "conversation.close": "waiting-approval",
  clarification: "waiting-input",
};

/**
 * The status that a reader sees. A run whose nodes wait for children alone is running here; whoever
 * knows the children shows their status instead (openwop-core §2.1).
 */
export function runStatus(state: RunState): RunStatus {
  if (state.end !== undefined) return state.end.status;
  if (state.cancelling !== undefined) return "cancelling";
  if (state.paused !== undefined) return "paused";
  let suspended = false;
  for (const { status } of Object.values(state.nodes)) {
    if (status === "running" || status === "retrying") return "running";
    suspended ||= status === "suspended";
  }
  if (!suspended) return "running";
  const kinds = openInterrupts(state).map(({ kind }) => WAITING[kind] ?? "waiting-external");
  const order: readonly RunStatus[] = ["waiting-approval", "waiting-input", "waiting-external"];
  return order.find((status) => kinds.includes(status)) ?? "running";
}

export function openInterrupts(state: RunState): readonly InterruptState[] {
  return Object.values(state.interrupts).filter(({ status }) => status === "open");
}
