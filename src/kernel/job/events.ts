import { sanitiseId } from "../../lib/ids.ts";
import type { JsonObject } from "../../lib/json.ts";

/** Event types of JobSpec v0 (contract: `EventType`). Readers keep others and never fold them. */
export const EVENT_TYPES = [
  "job.accepted",
  "job.claimed",
  "job.heartbeat",
  "job.lease_expired",
  "job.completed",
  "job.failed",
  "job.cancelled",
  "projection.marked_stale",
  "projection.rebuilt",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

const EVENT_TYPE_SET: ReadonlySet<string> = new Set(EVENT_TYPES);

export function isEventType(text: string): text is EventType {
  return EVENT_TYPE_SET.has(text);
}

/**
 * One ledger event in the contract's own words (`LedgerEvent`, digest §8.2). Names are those of the
 * wire, because this object, its ledger line and the answer of `/v1/events` are the same thing.
 * `event_type` is any text: a ledger written by somebody else may hold types we do not know.
 */
export interface LedgerEvent {
  readonly schema_version: 1;
  readonly event_id: string;
  readonly request_id: string;
  readonly job_id: string;
  readonly event_type: string;
  readonly occurred_at: string;
  readonly actor: string;
  readonly payload?: JsonObject;
}

/** What a decision yields: an event that has no position in the ledger yet. */
export interface EventDraft {
  readonly event_type: EventType;
  readonly job_id: string;
  readonly request_id: string;
  readonly occurred_at: string;
  readonly actor: string;
  readonly payload: JsonObject;
}

/** An event and its place: 1 for the first whole line of the ledger, rising without gaps. */
export interface NumberedEvent {
  readonly position: number;
  readonly event: LedgerEvent;
  /** The event as JSON text, when somebody has made it already. */
  readonly json?: string;
}

const POSITION_DIGITS = 6;

/** `evt_<type>_<job>_<position>`, as the contract's golden pair pins it (digest §5.1, §9). */
export function eventIdOf(eventType: string, jobId: string, position: number): string {
  const digits = String(position).padStart(POSITION_DIGITS, "0");
  return `evt_${sanitiseId(eventType)}_${sanitiseId(jobId)}_${digits}`;
}

/** The number that an event's id ends in, when the id is one that `eventIdOf` makes. */
export function numberIn(event: LedgerEvent): number | undefined {
  const digits = /_(\d{6,15})$/.exec(event.event_id)?.[1];
  if (digits === undefined) return undefined;
  const number = Number(digits);
  return eventIdOf(event.event_type, event.job_id, number) === event.event_id ? number : undefined;
}

/**
 * Gives a draft its position and its id. The id ends in `number`, which is the position unless ids
 * in the ledger have run ahead of it. Fields are in the order the contract writes them.
 */
export function numberEvent(
  draft: EventDraft,
  position: number,
  number: number = position,
): NumberedEvent {
  const event: LedgerEvent = {
    schema_version: 1,
    event_id: eventIdOf(draft.event_type, draft.job_id, number),
    request_id: draft.request_id,
    job_id: draft.job_id,
    event_type: draft.event_type,
    occurred_at: draft.occurred_at,
    actor: draft.actor,
    ...(hasKeys(draft.payload) ? { payload: draft.payload } : {}),
  };
  return { position, event };
}

function hasKeys(object: JsonObject): boolean {
  for (const _ in object) return true;
  return false;
}
