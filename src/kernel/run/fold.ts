/**
 * The fold of a run's events. It needs no definition: what an event means is in the event. It is
 * total: an event of an unknown type, or of a type that makes no sense where it stands, changes
 * nothing but the version.
 */
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { fromIso } from "../../lib/time.ts";
import { reduce } from "./channel.ts";
import type { RunContext } from "./context.ts";
import { isTerminalType, type LoggedEvent } from "./events.ts";
import { FOLD_NODE } from "./fold-node.ts";
import { FOLD_CHILD, FOLD_INTERRUPT } from "./fold-outside.ts";
import type { RunError } from "./input.ts";
import type { RunState } from "./state.ts";
import { nameOf, textOf } from "./value.ts";

/** A state under construction: its maps are its own and may be changed, what they hold may not. */
export type Draft = { -readonly [K in keyof RunState]: Mutable<RunState[K]> };
type Mutable<T> =
  T extends Readonly<Record<string, infer V>>
    ? string extends keyof T
      ? Record<string, V>
      : T
    : T;

export type FoldCase = (draft: Draft, event: LoggedEvent) => void;

/** One event more. Undefined until the run has started. */
export function fold(state: RunState | undefined, event: LoggedEvent): RunState | undefined {
  return foldAll([event], state);
}

/** Many events at once, at the price of one copy. */
export function foldAll(events: Iterable<LoggedEvent>, state?: RunState): RunState | undefined {
  let draft = state === undefined ? undefined : draftOf(state);
  for (const event of events) {
    if (draft !== undefined) foldInto(draft, event);
    else if (event.type === "run.started") draft = begun(event);
  }
  return draft;
}

export function draftOf(state: RunState): Draft {
  return {
    ...state,
    variables: { ...state.variables },
    channels: { ...state.channels },
    nodes: { ...state.nodes },
    interrupts: { ...state.interrupts },
    children: { ...state.children },
    pins: { ...state.pins },
    loopbacks: { ...state.loopbacks },
    decisions: { ...state.decisions },
  };
}

/** The state right after `run.started`. */
export function begun(event: LoggedEvent): Draft {
  const context = event.facts?.run ?? contextOf(event);
  return {
    context,
    version: 1,
    at: event.at,
    startedAt: event.at,
    pausedMs: 0,
    variables: { ...context.defaults, ...context.inputs },
    channels: {},
    nodes: {},
    interrupts: {},
    children: {},
    pins: {},
    counters: { nodeExecutions: 0, turns: 0, dispatches: 0 },
    loopbacks: {},
    decisions: {},
  };
}

/** What a log from elsewhere, without our facts, says about its run. */
function contextOf({ payload, at }: LoggedEvent): RunContext {
  const inputs = payload["inputs"];
  return {
    runId: "unknown",
    workflowId: nameOf(payload["workflowId"]),
    workflowVersion: "",
    inputs: isJsonObject(inputs) ? inputs : {},
    configurable: {},
    defaults: {},
    createdAt: at,
  };
}

/** Folds an event into a draft that the caller owns. */
export function foldInto(draft: Draft, event: LoggedEvent): void {
  draft.version += 1;
  draft.at = Math.max(draft.at, event.at);
  if (draft.end !== undefined) return;
  if (isTerminalType(event.type)) end(draft, event);
  else CASES.get(event.type)?.(draft, event);
}

const RUN: Readonly<Record<string, FoldCase>> = {
  "run.paused": (draft, { at, payload, facts }) => {
    delete draft.pausing;
    draft.paused = { at, drainPolicy: textOf(payload["drainPolicy"]) ?? "drain-current-node" };
    for (const nodeId of facts?.stopped ?? []) {
      const node = draft.nodes[nodeId];
      if (node?.status === "running") draft.nodes[nodeId] = { ...node, status: "stopped" };
    }
  },
  "run.resumed": (draft, { at, payload }) => {
    // Another process has taken the run over; what was asked of the run still stands.
    if (payload["reason"] === "takeover") return;
    if (draft.paused !== undefined) draft.pausedMs += Math.max(0, at - draft.paused.at);
    delete draft.paused;
    delete draft.pausing;
  },
  "keelson.pause.requested": (draft, { at, payload }) => {
    draft.pausing = { at, ...reasonOf(payload) };
  },
  "keelson.cancel.requested": (draft, { at, payload }) => {
    const by = payload["cancelledBy"];
    const parentRunId = payload["parentRunId"];
    draft.cancelling = {
      at,
      ...reasonOf(payload),
      ...(typeof by === "string" ? { by } : {}),
      ...(typeof parentRunId === "string" ? { parentRunId } : {}),
    };
  },
  "variable.changed": (draft, { payload }) => {
    draft.variables = { ...draft.variables, [nameOf(payload["name"])]: payload["next"] };
  },
  "channel.written": (draft, { payload, facts, at }) => {
    const name = nameOf(payload["channel"]);
    const version = payload["schemaVersion"];
    const before = Object.hasOwn(draft.channels, name) ? draft.channels[name] : undefined;
    const after = reduce(before, {
      reducer: nameOf(payload["reducer"]),
      value: payload["value"],
      at: fromIso(nameOf(payload["writtenAt"])) ?? at,
      schemaVersion: typeof version === "number" ? version : 1,
      ...(facts?.ttlMs === undefined ? {} : { ttlMs: facts.ttlMs }),
      ...(facts?.maxSize === undefined ? {} : { maxSize: facts.maxSize }),
      ...(facts?.initial === undefined ? {} : { initial: facts.initial }),
    });
    draft.channels = { ...draft.channels, [name]: after };
  },
  "version.pinned": (draft, { payload }) => {
    const { changeId, version } = payload;
    if (typeof version !== "number") return;
    draft.pins = { ...draft.pins, [nameOf(changeId)]: version };
  },
  "runOrchestrator.decided": (draft, { payload, nodeId }) => {
    const { decision, agentId } = payload;
    if (nodeId === undefined || !isJsonObject(decision)) return;
    const count = Object.hasOwn(draft.decisions, nodeId) ? (draft.decisions[nodeId] ?? 0) : 0;
    draft.decisions = { ...draft.decisions, [nodeId]: count + 1 };
    draft.counters = { ...draft.counters, turns: draft.counters.turns + 1 };
    draft.decision = { sequence: draft.version - 1, nodeId, agentId: nameOf(agentId), decision };
  },
};

const CASES: ReadonlyMap<string, FoldCase> = new Map(
  Object.entries({ ...RUN, ...FOLD_NODE, ...FOLD_INTERRUPT, ...FOLD_CHILD }),
);

function reasonOf(payload: JsonObject): { reason?: string } {
  const { reason } = payload;
  return typeof reason === "string" ? { reason } : {};
}

function end(draft: Draft, { type, at, payload }: LoggedEvent): void {
  const { outputs, error } = payload;
  draft.end = {
    status: type.slice("run.".length) as "completed" | "failed" | "cancelled",
    at,
    ...(isJsonObject(outputs) ? { outputs } : {}),
    ...(isJsonObject(error) ? { error: error as unknown as RunError } : {}),
    ...reasonOf(payload),
  };
  delete draft.paused;
  delete draft.pausing;
  delete draft.cancelling;
  for (const [id, interrupt] of Object.entries(draft.interrupts)) {
    if (interrupt.status === "open") draft.interrupts[id] = { ...interrupt, status: "cancelled" };
  }
}
