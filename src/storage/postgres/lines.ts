/** The ledger itself: appending a batch, reading by position, finding a position by id. */
import { isEventType, type NumberedEvent } from "../../kernel/job/events.ts";
import type { StoredLine } from "../store.ts";
import { boolArray, int8Array, textArray } from "./arrays.ts";
import { columnText } from "./column-text.ts";
import type { Row, Statement } from "./connection.ts";

/** Appends a batch; `turn` marks its first row, by which its writer can find it again. */
export function appendLines(turn: string, events: readonly NumberedEvent[]): Statement {
  return {
    text: `INSERT INTO ledger (position, turn, is_foreign, json)
      SELECT $1::int8 + ord, CASE ord WHEN 1 THEN $2::uuid END, is_foreign, json
      FROM unnest($3::bool[], $4::text[]) WITH ORDINALITY AS new (is_foreign, json, ord)`,
    values: [
      (events[0]?.position ?? 1) - 1,
      turn,
      boolArray(events.map(({ event }) => !isEventType(event.event_type))),
      textArray(events.map(({ event, json }) => json ?? JSON.stringify(event))),
    ],
  };
}

/** Keeps the ids that do not say their position; undefined when all do. */
export function keepForeignIds(events: readonly NumberedEvent[]): Statement | undefined {
  const foreign = events.filter(({ event, position }) => positionIn(event.event_id) !== position);
  if (foreign.length === 0) return undefined;
  return {
    text: `INSERT INTO foreign_event_ids (event_id, position)
      SELECT * FROM unnest($1::text[], $2::int8[]) ON CONFLICT DO NOTHING`,
    values: [
      textArray(foreign.map(({ event }) => columnText(event.event_id))),
      int8Array(foreign.map(({ position }) => position)),
    ],
  };
}

export function linesAfter(position: number, limit: number): Statement {
  return {
    text: `SELECT position, is_foreign, json FROM ledger WHERE position > $1::int8
      ORDER BY position LIMIT $2::int8`,
    values: [position, Math.max(0, limit)],
  };
}

export function lineOf(row: Row): StoredLine {
  return {
    position: Number(row["position"]),
    json: String(row["json"]),
    foreign: row["is_foreign"] === true,
  };
}

/** Which turn wrote the batch that starts at a position. */
export function turnAt(position: number): Statement {
  return { text: "SELECT turn FROM ledger WHERE position = $1::int8", values: [position] };
}

/** Where an id may be: where another writer put it, and where it says itself that it is. */
export function placesOf(eventId: string): Statement {
  return {
    text: `SELECT position, NULL AS json FROM foreign_event_ids
        WHERE tenant = 'local' AND event_id = $1::text
      UNION ALL SELECT position, json FROM ledger WHERE position = $2::int8`,
    values: [columnText(eventId), positionIn(eventId) ?? 0],
  };
}

/** Chooses among the rows of `placesOf`. */
export function placeOf(eventId: string, rows: readonly Row[]): number | undefined {
  for (const { position, json } of rows) {
    if (typeof json !== "string") return Number(position);
    const event = JSON.parse(json) as { readonly event_id: string };
    if (event.event_id === eventId) return Number(position);
  }
  return undefined;
}

/** The number an event id ends in, or undefined. */
function positionIn(eventId: string): number | undefined {
  const digits = /_(\d{6,15})$/.exec(eventId)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
