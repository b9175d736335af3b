import { isUtf8 } from "node:buffer";
import { isEventType, type LedgerEvent } from "../../kernel/job/events.ts";
import { isJsonObject } from "../../lib/json.ts";
import { fromIso } from "../../lib/time.ts";

/** What a line of the ledger turned out to be (digest §8.2, §8.5). */
export type LineVerdict =
  | { readonly kind: "event"; readonly event: LedgerEvent; readonly foreign: boolean }
  | { readonly kind: "blank" }
  | { readonly kind: "corrupt"; readonly reason: string };

/** Longer lines are not read (digest §23). */
const LINE_BYTES_MAX = 16 * 1024 * 1024;

const BLANK: LineVerdict = { kind: "blank" };
const TEXT_FIELDS = [
  "event_id",
  "request_id",
  "job_id",
  "event_type",
  "occurred_at",
  "actor",
] as const;

/** Judges one line, newline excluded. `knownUtf8` saves the check when the whole chunk passed. */
export function judgeLine(bytes: Buffer, knownUtf8: boolean): LineVerdict {
  if (bytes.length > LINE_BYTES_MAX) return corrupt("line is longer than 16 MiB");
  if (!knownUtf8 && !isUtf8(bytes)) return corrupt("line is not UTF-8 text");
  const text = bytes.toString("utf8");
  // An event is an object; a line that starts with its brace is not blank.
  if (bytes[0] !== 0x7b && text.trim() === "") return BLANK;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return corrupt("line is not JSON");
  }
  return judgeEvent(value);
}

function judgeEvent(value: unknown): LineVerdict {
  if (!isJsonObject(value)) return corrupt("line is not a JSON object");
  if (value["schema_version"] !== 1) return corrupt("schema_version is not 1");
  for (const field of TEXT_FIELDS) {
    const text = value[field];
    if (typeof text !== "string" || text.trim() === "") return corrupt(`${field} is missing`);
  }
  const event = value as unknown as LedgerEvent;
  if (/[ \t\r\n]/.test(event.request_id.trim())) return corrupt("request_id contains whitespace");
  if (fromIso(event.occurred_at) === undefined) return corrupt("occurred_at is not a date-time");
  if (event.payload !== undefined && !isJsonObject(event.payload)) {
    return corrupt("payload is not an object");
  }
  return { kind: "event", event, foreign: !isEventType(event.event_type) };
}

function corrupt(reason: string): LineVerdict {
  return { kind: "corrupt", reason };
}
