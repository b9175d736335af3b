/** How two runs differ (openwop-core §1.9): a pure function of their logs. */
import { type JsonObject, jsonEqual } from "../../lib/json.ts";
import { type RunLog, sameEvent } from "./compare.ts";
import { type EventDocument, eventDocument } from "./document.ts";
import { foldAll } from "./fold.ts";
import { type RunState, runStatus } from "./state.ts";

const EVENT_DIFFS_MAX = 1000;

export interface EventDiff {
  readonly seq: number;
  readonly op: "added" | "removed" | "changed";
  readonly aEvent?: EventDocument;
  readonly bEvent?: EventDocument;
}

export interface RunDiff {
  readonly a: string;
  readonly b: string;
  /** The first sequence at which they differ; `null` when they do not. */
  readonly divergedAtSeq: number | null;
  readonly eventDiffs: readonly EventDiff[];
  /** By field, with a dotted path: what each of the two has. */
  readonly stateDiff: JsonObject;
  readonly truncated?: boolean;
}

/** Compares event by event. Ids, run ids, times and causes do not count. */
export function diffRuns(a: RunLog, b: RunLog): RunDiff {
  const eventDiffs: EventDiff[] = [];
  const length = Math.max(a.log.length, b.log.length);
  let truncated = false;
  for (let seq = 0; seq < length && !truncated; seq += 1) {
    const found = eventDiff(seq, a, b);
    if (found === undefined) continue;
    if (eventDiffs.length === EVENT_DIFFS_MAX) truncated = true;
    else eventDiffs.push(found);
  }
  return {
    a: a.runId,
    b: b.runId,
    divergedAtSeq: eventDiffs[0]?.seq ?? null,
    eventDiffs,
    stateDiff: stateDiff(foldAll(a.log), foldAll(b.log)),
    ...(truncated ? { truncated } : {}),
  };
}

function eventDiff(seq: number, a: RunLog, b: RunLog): EventDiff | undefined {
  const one = a.log[seq];
  const other = b.log[seq];
  const aEvent = one === undefined ? {} : { aEvent: eventDocument(a.runId, seq, one) };
  const bEvent = other === undefined ? {} : { bEvent: eventDocument(b.runId, seq, other) };
  if (one === undefined) return { seq, op: "added", ...bEvent };
  if (other === undefined) return { seq, op: "removed", ...aEvent };
  const isSame = sameEvent({ runId: a.runId, event: one }, { runId: b.runId, event: other });
  return isSame ? undefined : { seq, op: "changed", ...aEvent, ...bEvent };
}

function stateDiff(a: RunState | undefined, b: RunState | undefined): JsonObject {
  const one = flat(a);
  const other = flat(b);
  const found: Record<string, unknown> = {};
  for (const path of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const values = { a: one[path] ?? null, b: other[path] ?? null };
    if (!jsonEqual(values.a, values.b)) found[path] = values;
  }
  return found;
}

function flat(state: RunState | undefined): Record<string, unknown> {
  if (state === undefined) return {};
  const under = (prefix: string, fields: JsonObject): [string, unknown][] =>
    Object.entries(fields).map(([name, value]) => [`${prefix}.${name}`, value]);
  const channels = Object.entries(state.channels).map(([name, { value }]) => [name, value]);
  const nodes = Object.entries(state.nodes).map(([id, { status, outputs, iteration }]) => [
    id,
    { status, iteration, ...(outputs === undefined ? {} : { outputs }) },
  ]);
  return Object.fromEntries([
    ["status", runStatus(state)],
    ["outputs", state.end?.outputs],
    ["error", state.end?.error],
    ...under("variables", state.variables),
    ...under("channels", Object.fromEntries(channels) as JsonObject),
    ...under("nodes", Object.fromEntries(nodes) as JsonObject),
  ]);
}
