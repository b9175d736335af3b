/** Reading events back out of the ledger by position, through the marks in the database. */
import type { StoredLine } from "../store.ts";
import type { LineLog } from "./log.ts";
import type { Projections } from "./projections.ts";

const READ_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/** Events after a position, oldest first, at most `limit`. */
export function readLines(
  log: LineLog,
  projections: Projections,
  afterPosition: number,
  limit: number,
): readonly StoredLine[] {
  const { head } = projections.checkpoint;
  const wanted = Math.min(limit, head - afterPosition);
  const lines: StoredLine[] = [];
  if (wanted <= 0) return lines;
  const mark = projections.markBefore(afterPosition + 1);
  let { position, place } = mark;
  let readBytes = READ_BYTES;
  while (lines.length < wanted) {
    const raw = log.read(place, readBytes);
    const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.length);
    const whole = bytes.lastIndexOf(NEWLINE) + 1;
    if (whole === 0 && bytes.length === readBytes) {
      readBytes *= 4;
      continue;
    }
    if (whole === 0) {
      if (place.segment >= log.activeSegment) break;
      place = { segment: place.segment + 1, offset: 0 };
      continue;
    }
    const skips = projections.skipsIn(place.segment, place.offset, place.offset + whole);
    for (let start = 0; start < whole && lines.length < wanted; ) {
      const end = bytes.indexOf(NEWLINE, start);
      const skip = skips.get(place.offset + start);
      if (skip !== "corrupt" && skip !== "duplicate" && !isBlank(bytes, start, end)) {
        if (position > afterPosition) {
          const json = bytes.toString("utf8", start, end);
          lines.push({ position, json, foreign: skip === "foreign" });
        }
        position += 1;
      }
      start = end + 1;
    }
    place = { segment: place.segment, offset: place.offset + whole };
    readBytes = READ_BYTES;
  }
  return lines;
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  // An event is an object; a line that starts with its brace is not blank.
  if (bytes[start] === 0x7b) return false;
  return bytes.toString("utf8", start, end).trim() === "";
}
