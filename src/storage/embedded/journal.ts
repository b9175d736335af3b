/**
 * `journal.jsonl`: every stream that is not a JobSpec job, one line an entry, each with the digest
 * of the line before it, so that a line that was changed, removed or put in between shows. Shares
 * its file handling with the ledger (`log.ts`).
 */
import { createHash } from "node:crypto";
import { Fault } from "../../errors/fault.ts";
import type { JsonObject } from "../../lib/json.ts";
import { isJsonObject } from "../../lib/json.ts";
import { LineLog, type LogOptions, type LogPlace } from "./log.ts";

/** What a caller appends; the journal adds position and chain. */
export interface JournalDraft {
  readonly stream: string;
  /** Version of the stream after this entry, 1 for its first. */
  readonly version: number;
  readonly type: string;
  /** RFC 3339. */
  readonly time: string;
  readonly tenant: string;
  readonly data: JsonObject;
}

export interface JournalEntry extends JournalDraft {
  readonly position: number;
  /** SHA-256 of the line before, without its newline; 64 zeros for the first. */
  readonly previous: string;
}

/** Where the chain of a journal breaks. */
export interface BrokenLink {
  readonly lineNumber: number;
  readonly reason: string;
}

const NEWLINE = 0x0a;
const NO_PREVIOUS = "0".repeat(64);
const READ_BYTES = 1024 * 1024;

export class Journal {
  readonly #log: LineLog;
  #position = 0;
  #previous = NO_PREVIOUS;

  /** Opens and reads the chain. Throws a `Fault` (`ledger_unavailable`) at the first broken link. */
  static async open(options: Omit<LogOptions, "name">): Promise<Journal> {
    const log = await LineLog.open({ ...options, name: "journal" });
    try {
      return new Journal(log);
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  private constructor(log: LineLog) {
    this.#log = log;
    for (const { line, lineNumber } of lines(this.#log)) {
      const broken = this.#follow(line, lineNumber);
      if (broken === undefined) continue;
      throw new Fault(
        "ledger_unavailable",
        `${this.#log.path} line ${broken.lineNumber}: ${broken.reason}`,
        { details: { line_number: broken.lineNumber } },
      );
    }
  }

  /** Position of the last entry. */
  get head(): number {
    return this.#position;
  }

  /** Appends entries durably, in order. Throws what `LineLog.append` throws. */
  async append(drafts: readonly JournalDraft[]): Promise<readonly JournalEntry[]> {
    const entries: JournalEntry[] = [];
    let previous = this.#previous;
    let text = "";
    for (const draft of drafts) {
      const entry = { position: this.#position + entries.length + 1, previous, ...draft };
      const line = JSON.stringify(entry);
      previous = digestOf(line);
      text += `${line}\n`;
      entries.push(entry);
    }
    if (entries.length === 0) return entries;
    await this.#log.append(Buffer.from(text));
    this.#position += entries.length;
    this.#previous = previous;
    return entries;
  }

  /** Every entry, oldest first. */
  *entries(): Generator<JournalEntry> {
    for (const { line } of lines(this.#log)) yield JSON.parse(line) as JournalEntry;
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  #follow(line: string, lineNumber: number): BrokenLink | undefined {
    let entry: unknown;
    try {
      entry = JSON.parse(line);
    } catch {
      return { lineNumber, reason: "line is not JSON" };
    }
    if (!isJsonObject(entry)) return { lineNumber, reason: "line is not a JSON object" };
    if (entry["previous"] !== this.#previous) {
      return { lineNumber, reason: "the line before it was changed, removed or put in" };
    }
    if (entry["position"] !== this.#position + 1) {
      return { lineNumber, reason: `position is not ${this.#position + 1}` };
    }
    this.#position += 1;
    this.#previous = digestOf(line);
    return undefined;
  }
}

function digestOf(line: string): string {
  return createHash("sha256").update(line).digest("hex");
}

function* lines(log: LineLog): Generator<{ line: string; lineNumber: number }> {
  let lineNumber = 0;
  for (let segment = 0; segment <= log.activeSegment; segment += 1) {
    let place: LogPlace = { segment, offset: 0 };
    for (let want = READ_BYTES; ; ) {
      const raw = log.read(place, want);
      const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.length);
      const whole = bytes.lastIndexOf(NEWLINE) + 1;
      if (whole === 0 && bytes.length < want) break;
      if (whole === 0) {
        want *= 2;
        continue;
      }
      for (let start = 0; start < whole; ) {
        const end = bytes.indexOf(NEWLINE, start);
        lineNumber += 1;
        yield { line: bytes.toString("utf8", start, end), lineNumber };
        start = end + 1;
      }
      place = { segment, offset: place.offset + whole };
      want = READ_BYTES;
    }
  }
}
