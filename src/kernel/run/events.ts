/**
 * The entries of a run's stream. Entry by entry they are the events that readers see (openwop-core
 * §2.3): the event of version `v` has the sequence `v - 1`. What the fold needs beyond the payload
 * stands in `facts`, which no reader is shown.
 *
 * Nothing here is redacted or held against a schema: whoever appends does both, first.
 */
import type { JsonObject } from "../../lib/json.ts";
import type { EpochMs } from "../../lib/time.ts";
import type { RunContext } from "./context.ts";
import type { RunInput } from "./input.ts";

export interface LoggedEvent {
  readonly type: string;
  readonly at: EpochMs;
  readonly payload: JsonObject;
  readonly nodeId?: string;
  /** Sequence of the event that caused this one. */
  readonly causedBy?: number;
  readonly facts?: EventFacts;
}

/** What a running node is waiting for; a pure node waits for nothing. */
export type Doing = "effect" | "timer" | "children";

export interface EventFacts {
  /** On the first event: everything that stays the same for the whole run. */
  readonly run?: RunContext;
  /** On the first event of a commit: what the commit decided. Replay feeds it again. */
  readonly input?: RunInput;
  readonly iteration?: number;
  readonly doing?: Doing;
  /** Inputs of a node whose work is done outside. */
  readonly inputs?: JsonObject;
  /** When a timer fires, a retry begins, an interrupt expires. */
  readonly wakeAt?: EpochMs;
  /** When an attempt is given up. */
  readonly deadlineAt?: EpochMs;
  /** Outputs that lead on; absent when all do. */
  readonly ports?: readonly string[];
  /** The node will run again, so its other outputs are not decided yet. */
  readonly again?: boolean;
  /** Edges whose condition did not hold. */
  readonly declined?: readonly string[];
  /** A back edge was taken. */
  readonly loop?: Loopback;
  /** How far a loop has come. */
  readonly turn?: number;
  /** Of a channel write: bounds as they were declared when it was written. */
  readonly ttlMs?: number;
  readonly maxSize?: number;
  readonly initial?: unknown;
  /** Of an interrupt that only a bearer of a key may answer. */
  readonly authRequired?: boolean;
  readonly interruptId?: string;
  /** Of a child run: how its parent calls it. */
  readonly ref?: string;
  readonly childStatus?: string;
  /** Pause: nodes that were stopped and start again. */
  readonly stopped?: readonly string[];
}

export interface Loopback {
  /** Nodes that become pending again, in their next iteration. */
  readonly reset: readonly string[];
  /** Inputs that come over the back edges, by node. */
  readonly deliver: Readonly<Record<string, JsonObject>>;
  /** Loops that keep their count; all others among `reset` begin anew. */
  readonly keeps: readonly string[];
}

const TERMINAL: ReadonlySet<string> = new Set(["run.completed", "run.failed", "run.cancelled"]);

/** True for the one event that ends a run's log. */
export function isTerminalType(type: string): boolean {
  return TERMINAL.has(type);
}
