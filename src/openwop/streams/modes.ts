/**
 * Which events of a run's log a reader of each stream mode gets, and as what (openwop-core §5). Pure.
 * Filtering never renumbers: a frame's id is the event's sequence in the log, so gaps are normal.
 */
import type { Frame } from "../../http/event-stream.ts";
import type { RunEvent } from "../events/run-event.ts";

export const STREAM_MODES = ["updates", "values", "messages", "debug"] as const;
export type StreamMode = (typeof STREAM_MODES)[number];

const DEFAULT_MODES: readonly StreamMode[] = ["updates"];

/** Families that `updates` shows whole. */
const UPDATE_FAMILIES: ReadonlySet<string> = new Set([
  "run",
  "approval",
  "clarification",
  "interrupt",
  "eval",
  "deployment",
]);
const UPDATE_TYPES: ReadonlySet<string> = new Set([
  "node.completed",
  "node.failed",
  "node.skipped",
  "node.suspended",
  "node.dispatched",
  "artifact.created",
  "workspace.updated",
]);

/** The modes of a `streamMode` value; undefined when it names none, an unknown one, or mixes `values`. */
export function parseStreamModes(text: string | undefined): readonly StreamMode[] | undefined {
  if (text === undefined) return DEFAULT_MODES;
  const modes: StreamMode[] = [];
  for (const name of text.split(",").map((part) => part.trim())) {
    const mode = STREAM_MODES.find((known) => known === name);
    if (mode === undefined) return undefined;
    if (!modes.includes(mode)) modes.push(mode);
  }
  return modes.includes("values") && modes.length > 1 ? undefined : modes;
}

/** True when the event is a transition that a reader of states wants to see. */
export function isUpdate(type: string): boolean {
  return UPDATE_TYPES.has(type) || UPDATE_FAMILIES.has(type.slice(0, type.indexOf(".")));
}

/**
 * The frame of an event for a reader of `modes`; undefined when none of them shows it. `values` is
 * not answered here, since its frames are states: ask `isUpdate` and send `stateFrame`.
 */
export function frameOf(modes: readonly StreamMode[], event: RunEvent): Frame | undefined {
  const id = String(event.sequence);
  if (modes.includes("debug") || (modes.includes("updates") && isUpdate(event.type))) {
    return { id, event: event.type, data: JSON.stringify(event) };
  }
  if (modes.includes("messages") && event.type === "output.chunk") {
    const message: RunEvent = { ...event, type: "ai.message.chunk" };
    return { id, event: message.type, data: JSON.stringify(message) };
  }
  return undefined;
}

/** The state of a run after one sequence, as `values` readers get it. */
export function stateFrame(atSequence: number, snapshot: object): Frame {
  return {
    id: String(atSequence),
    event: "state.snapshot",
    data: JSON.stringify({ ...snapshot, atSeq: atSequence }),
  };
}
