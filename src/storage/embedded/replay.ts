/**
 * Folding lines of the ledger into read models: the tail after a checkpoint at boot, everything for
 * a rebuild or a verification. Works in chunks, one transaction each, and gives the thread back
 * between them, so that a daemon that rebuilds still answers.
 */
import { isUtf8 } from "node:buffer";
import { crc32 } from "node:zlib";
import { type LedgerEvent, numberIn } from "../../kernel/job/events.ts";
import { foldStale } from "../../kernel/job/projection.ts";
import { fold, type JobState } from "../../kernel/job/state.ts";
import type { Progress } from "../maintenance.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { judgeLine } from "./line.ts";
import type { LineLog, LogPlace } from "./log.ts";
import type { Projections, SkipKind } from "./projections.ts";

const CHUNK_BYTES = 2 * 1024 * 1024;
const NEWLINE = 0x0a;

/** An id that is not its position's appeared: the database must be made again with an id index. */
export class NeedsIdIndex extends Error {
  override readonly name = "NeedsIdIndex";
}

/** Folds one chunk. Returns false when the read models have reached the end of the log. */
function replayChunk(log: LineLog, projections: Projections): boolean {
  const { place } = projections.checkpoint;
  const chunk = nextChunk(log, place);
  if (chunk === undefined) return false;
  projections.transaction(() => new ChunkFold(projections, chunk).run(log));
  return true;
}

/** Folds everything the log holds beyond the checkpoint, without a pause. */
export function replayAll(log: LineLog, projections: Projections): void {
  while (replayChunk(log, projections));
}

/** Folds everything beyond the checkpoint, pausing between chunks. */
export async function replayPolitely(
  log: LineLog,
  projections: Projections,
  onProgress?: Progress,
): Promise<void> {
  const sizes = Array.from({ length: log.activeSegment + 1 }, (_, i) => log.segmentSize(i));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const startOf = (segment: number): number =>
    sizes.slice(0, segment).reduce((sum, size) => sum + size, 0);
  while (replayChunk(log, projections)) {
    const { segment, offset } = projections.checkpoint.place;
    onProgress?.(startOf(segment) + offset, total);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

interface Chunk {
  readonly bytes: Buffer;
  /** Where the bytes start. */
  readonly place: LogPlace;
  /** Where reading goes on after them. */
  readonly next: LogPlace;
}

/** The next stretch of whole lines, or undefined at the end of the log. */
function nextChunk(log: LineLog, place: LogPlace): Chunk | undefined {
  for (let want = CHUNK_BYTES; ; want *= 4) {
    const raw = log.read(place, want);
    const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.length);
    const whole = bytes.lastIndexOf(NEWLINE) + 1;
    if (whole > 0) {
      const next = { segment: place.segment, offset: place.offset + whole };
      return { bytes: bytes.subarray(0, whole), place, next };
    }
    if (bytes.length === want) continue; // One line longer than the stretch: read more of it.
    if (place.segment === log.activeSegment) return undefined;
    const next = { segment: place.segment + 1, offset: 0 };
    // What is left of a rotated segment, if anything, is a line without an end.
    return { bytes, place, next };
  }
}

type Counts = {
  -readonly [K in "lines" | "head" | "lastNumber" | "known" | "foreign" | "corrupt"]: Checkpoint[K];
} & { lastEventId: string; stale: readonly string[] };

/** Folds one chunk inside one transaction. */
class ChunkFold {
  readonly #projections: Projections;
  readonly #chunk: Chunk;
  readonly #before: Map<string, JobState | undefined> = new Map();
  readonly #after: Map<string, JobState> = new Map();
  readonly #counts: Counts;

  constructor(projections: Projections, chunk: Chunk) {
    this.#projections = projections;
    this.#chunk = chunk;
    const { lines, head, lastNumber, known, foreign, corrupt } = projections.checkpoint;
    const { lastEventId, stale } = projections.checkpoint;
    this.#counts = { lines, head, lastNumber, known, foreign, corrupt, lastEventId, stale };
  }

  run(log: LineLog): void {
    const { bytes, place, next } = this.#chunk;
    const allUtf8 = isUtf8(bytes);
    for (let start = 0; start < bytes.length; ) {
      const newline = bytes.indexOf(NEWLINE, start);
      const end = newline === -1 ? bytes.length : newline;
      const at = { segment: place.segment, offset: place.offset + start };
      this.#counts.lines += 1;
      if (newline === -1) this.#skip("corrupt", "partial trailing line at EOF", at);
      else this.#line(bytes.subarray(start, end), allUtf8, at);
      start = end + 1;
    }
    for (const [jobId, after] of this.#after) {
      const before = this.#before.get(jobId);
      this.#projections.change(before === undefined ? { after } : { before, after });
    }
    const { checkpoint } = this.#projections;
    const crc = next.segment === place.segment ? crc32(bytes, checkpoint.crc) : 0;
    const previousSegment = log.rotated[next.segment - 1] ?? "";
    this.#projections.reach({
      ...checkpoint,
      ...this.#counts,
      place: next,
      crc,
      previousSegment,
    });
  }

  #line(bytes: Buffer, knownUtf8: boolean, at: LogPlace): void {
    const verdict = judgeLine(bytes, knownUtf8);
    if (verdict.kind === "blank") return;
    if (verdict.kind === "corrupt") {
      this.#skip("corrupt", verdict.reason, at);
      return;
    }
    const { event, foreign } = verdict;
    const position = this.#counts.head + 1;
    if (this.#isDuplicate(event, position)) {
      this.#skip("duplicate", `event_id ${event.event_id} was seen before`, at);
      return;
    }
    this.#projections.place({ position, event }, at);
    this.#counts.head = position;
    this.#counts.lastNumber = Math.max(this.#counts.lastNumber, this.#numberOf(event, position));
    this.#counts.lastEventId = event.event_id;
    if (foreign) {
      this.#skip("foreign", event.event_type, at);
      return;
    }
    this.#counts.known += 1;
    this.#fold(event, position);
  }

  #fold(event: LedgerEvent, position: number): void {
    this.#counts.stale = foldStale(this.#counts.stale, event);
    const { job_id: jobId } = event;
    let state = this.#after.get(jobId);
    if (state === undefined && !this.#before.has(jobId)) {
      state = this.#projections.rows.byId(jobId);
      this.#before.set(jobId, state);
    }
    const folded = fold(state, { position, event });
    if (folded !== undefined && folded !== state) this.#after.set(jobId, folded);
  }

  /** Duplicates can only hide behind ids that do not end in their own position. */
  #isDuplicate(event: LedgerEvent, position: number): boolean {
    if (this.#projections.checkpoint.indexesIds) {
      return this.#projections.indexedPositionOf(event.event_id) !== undefined;
    }
    if (positionIn(event.event_id) !== position) throw new NeedsIdIndex(event.event_id);
    return false;
  }

  /** Without an index of ids every id ends in its position. */
  #numberOf(event: LedgerEvent, position: number): number {
    if (!this.#projections.checkpoint.indexesIds) return position;
    return Math.max(position, numberIn(event) ?? 0);
  }

  #skip(kind: SkipKind, reason: string, place: LogPlace): void {
    if (kind === "corrupt") this.#counts.corrupt += 1;
    if (kind === "foreign") this.#counts.foreign += 1;
    this.#projections.skip({ place, lineNumber: this.#counts.lines, kind, reason });
  }
}

/** The number an event id ends in, or undefined. */
export function positionIn(eventId: string): number | undefined {
  const digits = /_(\d{6,15})$/.exec(eventId)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
