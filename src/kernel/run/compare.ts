/** When two events of two runs say the same: whatever their ids and times (openwop-core §6.3). */
import { isJsonObject, jsonEqual } from "../../lib/json.ts";
import type { LoggedEvent } from "./events.ts";

/** Fields of payloads that tell when or how long, and not what. */
const TIMES = /^(?:durationMs|elapsedMs|[a-z]\w*At)$/;

/** One run's log. */
export interface RunLog {
  readonly runId: string;
  readonly log: readonly LoggedEvent[];
}

export function sameEvent(
  one: { readonly runId: string; readonly event: LoggedEvent },
  other: { readonly runId: string; readonly event: LoggedEvent },
): boolean {
  if (one.event.type !== other.event.type || one.event.nodeId !== other.event.nodeId) return false;
  return jsonEqual(plain(one.event.payload, one.runId), plain(other.event.payload, other.runId));
}

/** The value without times, and with its own run's id called by one name. */
function plain(value: unknown, runId: string): unknown {
  if (typeof value === "string") {
    if (value === runId) return "<run>";
    return value.startsWith(`${runId}:`) ? `<run>${value.slice(runId.length)}` : value;
  }
  if (Array.isArray(value)) return value.map((item: unknown) => plain(item, runId));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !TIMES.test(name))
      .map(([name, held]) => [name, plain(held, runId)]),
  );
}
