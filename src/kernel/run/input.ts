/**
 * What can happen to a run. Every input carries the time; ids are the sender's. An input that is
 * accepted is recorded on the first event that it causes, so that a replay can feed it again.
 */
import type { JsonObject } from "../../lib/json.ts";
import type { EpochMs } from "../../lib/time.ts";
import type { RunContext } from "./context.ts";

/** An error of a node or a run as it stands in the log. */
export interface RunError {
  readonly code: string;
  readonly message: string;
  readonly details?: JsonObject;
  readonly retryable?: boolean;
}

/** Creates the run and starts it. */
export interface StartRun {
  readonly kind: "start";
  readonly now: EpochMs;
  readonly run: Omit<RunContext, "defaults" | "createdAt" | "workflowId" | "workflowVersion">;
}

/** An event that a node's work outside reports, for example `agent.reasoned` or `output.chunk`. */
export interface ReportedEvent {
  readonly type: string;
  readonly payload: JsonObject;
}

/** Names one piece of work: one attempt at one node, and how many answers it knew. */
export interface AttemptRef {
  readonly nodeId: string;
  readonly iteration: number;
  readonly attempt: number;
  /** Interrupts answered before; 0 when absent. */
  readonly step?: number;
}

/** A limit that work outside has run into. It ends the run. */
export interface CapBreach {
  readonly kind: string;
  readonly limit: number;
  readonly observed: number;
}

/** What a node wants to know from a person or a system. */
export interface InterruptRequest {
  readonly kind: string;
  /** As the contract has it for this kind (openwop-core §4.1). */
  readonly data: JsonObject;
  readonly timeoutMs?: number;
  readonly resumeSchema?: JsonObject;
  /** Only a bearer of a key may answer, a signed token is not enough. */
  readonly authRequired?: boolean;
  /** Extra fields of `node.suspended`. */
  readonly details?: JsonObject;
}

/** Work outside has something to tell before it is done. */
export interface NodeReported extends AttemptRef {
  readonly kind: "node-reported";
  readonly now: EpochMs;
  readonly events: readonly ReportedEvent[];
}

/** Work outside is done. Variables and channels are written before the node completes. */
export interface NodeFinished extends AttemptRef {
  readonly kind: "node-finished";
  readonly now: EpochMs;
  readonly outcome:
    | { readonly ok: true; readonly outputs: JsonObject }
    | { readonly ok: false; readonly error: RunError; readonly breach?: CapBreach }
    /** The node asks the world; once answered, its work is asked for again, with the answers. */
    | { readonly ok: false; readonly suspend: InterruptRequest };
  readonly events?: readonly ReportedEvent[];
  readonly variables?: JsonObject;
  readonly writes?: readonly { readonly channel: string; readonly value: unknown }[];
  /** Of a recorded input: the outputs are those of the completion that followed. */
  readonly outputsInEvent?: true;
}

/** Time has passed: whatever is due by `now` happens. */
export interface Tick {
  readonly kind: "tick";
  readonly now: EpochMs;
}

/** Answers an open interrupt. The caller is authenticated and authorised; `by` is its id. */
export interface ResolveInterrupt {
  readonly kind: "resolve";
  readonly now: EpochMs;
  /** The interrupt itself, or the node whose newest interrupt is meant. */
  readonly target: { readonly interruptId: string } | { readonly nodeId: string };
  readonly value: unknown;
  readonly by: string;
  /** `token` when only a signed token was shown, which some interrupts do not take. */
  readonly via: "bearer" | "token";
  /** The caller may release a gate alone where the gate allows that. */
  readonly override?: { readonly reason: string };
}

export interface CancelRun {
  readonly kind: "cancel";
  readonly now: EpochMs;
  readonly reason?: string;
  readonly by?: string;
  /** Set when the parent run is being cancelled. */
  readonly parentRunId?: string;
}

export interface PauseRun {
  readonly kind: "pause";
  readonly now: EpochMs;
  readonly drainPolicy: "immediate" | "drain-current-node";
  readonly reason?: string;
}

export interface ResumeRun {
  readonly kind: "resume";
  readonly now: EpochMs;
}

/**
 * Goes on from a log that ends anywhere. `takeover` after a restart, which is written as
 * `run.resumed`; `fork` for a copied prefix, whose unfinished attempts begin anew.
 */
export interface ContinueRun {
  readonly kind: "continue";
  readonly now: EpochMs;
  readonly cause: "takeover" | "fork";
}

/** The child that the effect `start-child` asked for exists, or cannot exist. */
export interface ChildStarted {
  readonly kind: "child-started";
  readonly now: EpochMs;
  readonly ref: string;
  readonly started:
    | { readonly childRunId: string; readonly status: string }
    | { readonly error: RunError };
}

/** A child run has ended. */
export interface ChildFinished {
  readonly kind: "child-finished";
  readonly now: EpochMs;
  readonly ref: string;
  readonly status: "completed" | "failed" | "cancelled";
  readonly variables: JsonObject;
  readonly outputs?: JsonObject;
  readonly error?: RunError;
}

/** Writes to a channel from outside the run: a child, a parent, another engine. */
export interface WriteChannel {
  readonly kind: "write-channel";
  readonly now: EpochMs;
  readonly channel: string;
  readonly value: unknown;
  readonly sourceRunId?: string;
  readonly sourceEngineId?: string;
}

/** Changes variables from outside; a test seam of the contract. */
export interface SetVariables {
  readonly kind: "set-variables";
  readonly now: EpochMs;
  readonly variables: JsonObject;
}

/** `getVersion` of a node's code: the first asker pins, later ones read. */
export interface PinVersion {
  readonly kind: "pin-version";
  readonly now: EpochMs;
  readonly nodeId: string;
  readonly changeId: string;
  readonly min: number;
  readonly max: number;
}

export type RunInput =
  | StartRun
  | NodeReported
  | NodeFinished
  | Tick
  | ResolveInterrupt
  | CancelRun
  | PauseRun
  | ResumeRun
  | ContinueRun
  | ChildStarted
  | ChildFinished
  | WriteChannel
  | SetVariables
  | PinVersion;
