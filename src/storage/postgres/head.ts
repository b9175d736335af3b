/** The one row that says how far the ledger goes. Whoever has it locked has the turn. */
import type { NumberedEvent } from "../../kernel/job/events.ts";
import { isEventType, numberIn } from "../../kernel/job/events.ts";
import { foldStale } from "../../kernel/job/projection.ts";
import type { LedgerCounts } from "../store.ts";
import type { Row, Statement } from "./connection.ts";

export interface Head {
  readonly head: number;
  readonly lastEventId: string | undefined;
  readonly known: number;
  readonly foreign: number;
  readonly stale: readonly string[];
  /** The highest number that an event id ends in, at least `head`. */
  readonly lastNumber: number;
  /** Last position that a partition exists for. */
  readonly room: number;
}

export const EMPTY_HEAD: Head = {
  head: 0,
  lastEventId: undefined,
  known: 0,
  foreign: 0,
  stale: [],
  lastNumber: 0,
  room: 0,
};

const COLUMNS = "head, last_event_id, known, foreign_events, stale, last_number, room";

export const readHead: Statement = { text: `SELECT ${COLUMNS} FROM ledger_head` };

/**
 * Waits for the turn. A statement of its own: what is read in the same transaction must be seen by
 * a statement that starts after the wait.
 */
export const lockHead: Statement = { text: `SELECT ${COLUMNS} FROM ledger_head FOR UPDATE` };

export function headOf(row: Row | undefined): Head {
  if (row === undefined) throw new TypeError("the database has no ledger_head row");
  const lastEventId = row["last_event_id"];
  return {
    head: Number(row["head"]),
    // As JSON: an id of another writer may hold what a text column cannot.
    lastEventId: typeof lastEventId === "string" ? (JSON.parse(lastEventId) as string) : undefined,
    known: Number(row["known"]),
    foreign: Number(row["foreign_events"]),
    stale: JSON.parse(String(row["stale"])) as readonly string[],
    lastNumber: Number(row["last_number"]),
    room: Number(row["room"]),
  };
}

/** The head after a batch. */
export function advanced(head: Head, events: readonly NumberedEvent[]): Head {
  const known = events.filter(({ event }) => isEventType(event.event_type)).length;
  return {
    ...head,
    head: head.head + events.length,
    lastEventId: events.at(-1)?.event.event_id ?? head.lastEventId,
    known: head.known + known,
    foreign: head.foreign + events.length - known,
    stale: events.reduce((stale, { event }) => foldStale(stale, event), head.stale),
    lastNumber: events.reduce(
      (last, { position, event }) => Math.max(last, position, numberIn(event) ?? 0),
      head.lastNumber,
    ),
  };
}

export function writeHead(head: Head): Statement {
  const { lastEventId } = head;
  return {
    text: `UPDATE ledger_head SET head = $1::int8, last_event_id = $2::text, known = $3::int8,
      foreign_events = $4::int8, stale = $5::text, last_number = $6::int8, room = $7::int8`,
    values: [
      head.head,
      lastEventId === undefined ? null : JSON.stringify(lastEventId),
      head.known,
      head.foreign,
      JSON.stringify(head.stale),
      head.lastNumber,
      head.room,
    ],
  };
}

export function countsOf(head: Head): LedgerCounts {
  const { head: position, lastEventId, known, foreign, stale } = head;
  return { head: position, lastEventId, known, foreign, corrupt: 0, stale };
}
