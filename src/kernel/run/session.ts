/**
 * One decision under way: the state with every event so far folded in, and the nodes that are to be
 * looked at next. It lives as long as one call of `decide` and is seen by nobody outside.
 */
import type { EpochMs } from "../../lib/time.ts";
import { MinHeap } from "./definition/graph.ts";
import type { PlannedNode, Workflow } from "./definition/plan.ts";
import type { EventFacts, LoggedEvent } from "./events.ts";
import { begun, type Draft, draftOf, foldInto } from "./fold.ts";
import type { RunHost } from "./host.ts";
import type { NodeContext } from "./node-type.ts";
import { nodeState, type RunState } from "./state.ts";

export interface Emission {
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly nodeId?: string;
  readonly causedBy?: number | undefined;
  readonly facts?: EventFacts | undefined;
}

export interface RunPlan {
  readonly workflow: Workflow;
  readonly host: RunHost;
}

export class Session {
  readonly workflow: Workflow;
  readonly host: RunHost;
  /** Never before the last event of the log, whatever the clock says. */
  readonly now: EpochMs;
  readonly events: LoggedEvent[] = [];
  readonly state: Draft;
  readonly #ready = new MinHeap();

  private constructor({ workflow, host }: RunPlan, now: EpochMs, state: Draft) {
    this.workflow = workflow;
    this.host = host;
    this.now = now;
    this.state = state;
  }

  static on(plan: RunPlan, state: RunState, now: EpochMs): Session {
    return new Session(plan, Math.max(now, state.at), draftOf(state));
  }

  /** A session whose first event is `started`. */
  static begin(plan: RunPlan, started: LoggedEvent): Session {
    const session = new Session(plan, started.at, begun(started));
    session.events.push(started);
    return session;
  }

  /** Writes an event and gives its sequence. */
  emit({ type, payload, nodeId, causedBy, facts }: Emission): number {
    const event: LoggedEvent = {
      type,
      at: this.now,
      payload: withoutUndefined(payload),
      ...(nodeId === undefined ? {} : { nodeId }),
      ...(causedBy === undefined ? {} : { causedBy }),
      ...(facts === undefined ? {} : { facts }),
    };
    this.events.push(event);
    foldInto(this.state, event);
    return this.state.version - 1;
  }

  /** Sequence of the last event. */
  get last(): number {
    return this.state.version - 1;
  }

  /** Puts a node among those to be looked at. */
  look(index: number): void {
    this.#ready.push(index);
  }

  lookAfter({ outgoing }: PlannedNode): void {
    for (const edge of outgoing) if (!edge.back) this.look(edge.target);
  }

  next(): PlannedNode | undefined {
    const index = this.#ready.pop();
    return index === undefined ? undefined : this.workflow.nodes[index];
  }

  /** True while new nodes may start. */
  get isOpen(): boolean {
    const { end, paused, pausing, cancelling } = this.state;
    return !(end ?? paused ?? pausing ?? cancelling);
  }

  context(planned: PlannedNode, inputs: NodeContext["inputs"], attempt?: number): NodeContext {
    const { host, workflow, state, now } = this;
    const own = nodeState(state, planned.node.id);
    return { host, workflow, planned, state, own, inputs, now, attempt: attempt ?? own.attempt };
  }
}

/** Payloads are JSON: a field without a value is not there. */
function withoutUndefined(payload: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== undefined));
}
