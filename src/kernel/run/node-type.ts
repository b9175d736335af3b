/** What a node type is to the kernel: the check of its configuration, and what it does with inputs. */
import type { JsonObject } from "../../lib/json.ts";
import type { EpochMs } from "../../lib/time.ts";
import type { NodeTypeRules } from "./definition/parse.ts";
import type { PlannedNode, Workflow } from "./definition/plan.ts";
import type { EventFacts } from "./events.ts";
import type { RunHost } from "./host.ts";
import type { InterruptRequest, NodeFinished, RunError } from "./input.ts";
import type { ChildState, NodeState, RunState } from "./state.ts";

export interface NodeContext {
  readonly host: RunHost;
  readonly workflow: Workflow;
  readonly planned: PlannedNode;
  readonly state: RunState;
  /** Of this node, with the answers to its interrupts so far. */
  readonly own: NodeState;
  readonly inputs: JsonObject;
  /** Of this attempt, also before it has started. */
  readonly attempt: number;
  readonly now: EpochMs;
}

/** An event that a node writes between its start and its end. */
export interface NodeEvent {
  readonly type: string;
  readonly payload: JsonObject;
  readonly facts?: EventFacts;
  /** Sequence of its cause; the node's start when absent. */
  readonly causedBy?: number;
  /** Its cause is the event so many places before it in the same list. */
  readonly causedByEarlier?: number;
}

export type Outcome = { readonly events?: readonly NodeEvent[] } & (
  | {
      readonly kind: "complete";
      readonly outputs: JsonObject;
      /** Outputs that lead on; all when absent. */
      readonly ports?: readonly string[];
      /** The node runs again later, so its other outputs are not decided yet. */
      readonly again?: boolean;
      readonly turn?: number;
      /** Back edges are not taken. */
      readonly endsLoop?: boolean;
      /** Inputs for the nodes that back edges lead to. */
      readonly feedback?: JsonObject;
    }
  | { readonly kind: "fail"; readonly error: RunError }
  | { readonly kind: "suspend"; readonly interrupt: InterruptRequest }
  /** Goes on at an instant through `woken`. */
  | { readonly kind: "wait"; readonly wakeAt: EpochMs }
  /** Somebody outside does the work, and says so with `node-finished`. */
  | { readonly kind: "effect"; readonly inputs: JsonObject }
  /** Goes on when its child runs do. */
  | { readonly kind: "stay" }
);

/** What has become of a child run that a node asked for. */
export type ChildNews =
  | { readonly kind: "started"; readonly child: ChildState }
  | { readonly kind: "refused"; readonly child: ChildState; readonly error: RunError }
  | {
      readonly kind: "ended";
      readonly child: ChildState;
      readonly status: "completed" | "failed" | "cancelled";
      readonly variables: JsonObject;
      readonly outputs: JsonObject;
      readonly error?: RunError;
    };

export interface NodeType extends NodeTypeRules {
  /** Called when an attempt starts, and again after each answer to its interrupts. */
  run(context: NodeContext): Outcome;
  /** Default: completes with the outputs that came. */
  finish?(context: NodeContext, finished: NodeFinished): Outcome;
  woken?(context: NodeContext): Outcome;
  child?(context: NodeContext, news: ChildNews): Outcome;
}
