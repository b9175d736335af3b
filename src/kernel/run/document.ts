/** The event that a reader gets of an entry of the log (openwop-core §2.3). */
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { fromIso, toIso } from "../../lib/time.ts";
import type { LoggedEvent } from "./events.ts";

const SCHEMA_VERSION = 1;

export interface EventDocument {
  readonly eventId: string;
  readonly runId: string;
  readonly type: string;
  readonly payload: JsonObject;
  readonly timestamp: string;
  readonly sequence: number;
  readonly schemaVersion: number;
  readonly nodeId?: string;
  readonly causationId?: string;
  readonly engineVersion?: string;
}

/** Unique, because run ids are; the same for the same place in the log. */
export function eventIdOf(runId: string, sequence: number): string {
  return `${runId.slice(0, 110)}.${sequence}`;
}

export function eventDocument(
  runId: string,
  sequence: number,
  event: LoggedEvent,
  engineVersion?: string,
): EventDocument {
  const { type, at, payload, nodeId, causedBy } = event;
  return {
    eventId: eventIdOf(runId, sequence),
    runId,
    type,
    payload,
    timestamp: toIso(at),
    sequence,
    schemaVersion: SCHEMA_VERSION,
    ...(nodeId === undefined ? {} : { nodeId }),
    ...(causedBy === undefined ? {} : { causationId: eventIdOf(runId, causedBy) }),
    ...(engineVersion === undefined ? {} : { engineVersion }),
  };
}

/** The data of a stream entry that holds this event; `type` and the time of the append stand beside it. */
export function entryData({ at, payload, nodeId, causedBy, facts }: LoggedEvent): JsonObject {
  return {
    at: toIso(at),
    payload,
    ...(nodeId === undefined ? {} : { nodeId }),
    ...(causedBy === undefined ? {} : { causedBy }),
    ...(facts === undefined ? {} : { facts }),
  };
}

/** The event in a stream entry. Total: data of another shape gives an event that folds to nothing. */
export function entryEvent(entry: {
  readonly type: string;
  readonly time: string;
  readonly data: JsonObject;
}): LoggedEvent {
  const { at, payload, nodeId, causedBy, facts } = entry.data;
  return {
    type: entry.type,
    at: fromIso(typeof at === "string" ? at : entry.time) ?? 0,
    payload: isJsonObject(payload) ? payload : {},
    ...(typeof nodeId === "string" ? { nodeId } : {}),
    ...(typeof causedBy === "number" ? { causedBy } : {}),
    ...(isJsonObject(facts) ? { facts } : {}),
  };
}
