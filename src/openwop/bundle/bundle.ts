/**
 * A run as one document to hand to somebody (openwop-core §7.4): a prefix of its log exactly as
 * readers get it, and its state. The log holds no secrets, since they were replaced before the append;
 * what people passed in is left out all the same, because nobody promised that it may be handed on.
 */
import { isJsonObject, type Json, type JsonObject } from "../../lib/json.ts";
import type { RunEvent } from "../events/run-event.ts";

const BUNDLE_BYTES_MAX = 8 * 1024 * 1024;

export interface BundleSource {
  readonly version: string;
  /** RFC 3339. */
  readonly generatedAt: string;
  /** The run as GET /v1/runs/{runId} shows it. */
  readonly snapshot: JsonObject;
  readonly events: readonly RunEvent[];
  readonly annotations: readonly Json[];
  readonly redactionMode: "mask" | "omit" | "hash" | "passthrough";
  /** Events at the most; all when absent. */
  readonly maxEvents?: number;
}

/** The states that the public schema of bundles knows, for those that it does not. */
const STATUSES: Readonly<Record<string, string>> = {
  paused: "running",
  cancelling: "running",
  "waiting-input": "waiting-clarification",
  "waiting-external": "running",
};

/** Left out: what people passed in, and tokens that would let a reader answer for them. */
const NEVER_HANDED_ON: ReadonlySet<string> = new Set(["inputs", "interrupt", "configurable"]);

export function debugBundle(source: BundleSource): JsonObject {
  const { snapshot, events, maxEvents } = source;
  const wanted = maxEvents === undefined ? events : events.slice(0, maxEvents);
  const shell = shellOf(source, wanted.length);
  const room = BUNDLE_BYTES_MAX - Buffer.byteLength(JSON.stringify(shell));
  const kept = prefixWithin(wanted, room);
  const reason =
    kept.length < wanted.length
      ? "events_truncated_to_size_cap"
      : kept.length < events.length
        ? "events_truncated_to_max_events"
        : undefined;
  return {
    ...shell,
    events: kept.map((event) => ({ ...event })),
    metrics: {
      nodeCount: nodeCountOf(snapshot),
      // Cut by the reader's own wish, the true total is what the reader does not know.
      eventCount: reason === "events_truncated_to_size_cap" ? kept.length : events.length,
    },
    ...(reason === undefined ? {} : { truncated: true, truncatedReason: reason }),
  };
}

function shellOf(source: BundleSource, eventCount: number): JsonObject {
  const { snapshot, redactionMode } = source;
  return {
    bundleVersion: "1.0",
    generatedAt: source.generatedAt,
    host: { name: "keelson", version: source.version },
    run: runOf(snapshot),
    annotations: [...source.annotations],
    redactionApplied: redactionMode !== "passthrough",
    redactionMode,
    metrics: { nodeCount: nodeCountOf(snapshot), eventCount },
  };
}

function runOf(snapshot: JsonObject): JsonObject {
  const { inputs, variables, status } = snapshot;
  const kept = Object.entries(snapshot).filter(([field]) => !NEVER_HANDED_ON.has(field));
  return {
    ...Object.fromEntries(kept),
    ...(isJsonObject(variables) ? { variables: without(variables, inputs) } : {}),
    status: STATUSES[String(status)] ?? status,
  };
}

/** The variables that no input filled. */
function without(variables: JsonObject, inputs: unknown): JsonObject {
  if (!isJsonObject(inputs)) return variables;
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !(name in inputs)));
}

function nodeCountOf({ nodeStates }: JsonObject): number {
  return isJsonObject(nodeStates) ? Object.keys(nodeStates).length : 0;
}

/** As many events from the first on as fit into so many bytes of JSON. */
function prefixWithin(events: readonly RunEvent[], bytes: number): readonly RunEvent[] {
  let used = 0;
  for (const [index, event] of events.entries()) {
    used += Buffer.byteLength(JSON.stringify(event)) + 1;
    if (used > bytes) return events.slice(0, index);
  }
  return events;
}
