/**
 * The reference daemon's ledger: one file, one line per event, written before anybody is told. It is
 * not synced: a process that is killed loses nothing by that, and the kit cannot cut the power.
 */
import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { isObject, type Json, text } from "../../src/json.ts";
import type { Flaws } from "./flaws.ts";

export interface LedgerEvent {
  readonly schema_version: 1;
  readonly event_id: string;
  readonly request_id: string;
  readonly job_id: string;
  readonly event_type: string;
  readonly occurred_at: string;
  readonly actor: string;
  readonly payload: Json;
}

export interface CorruptLine {
  readonly line_number: number;
  readonly error: string;
}

/** There is no room for the line; the file is as it was. */
export class NoRoom extends Error {}

const TYPES: ReadonlySet<string> = new Set([
  "job.accepted",
  "job.claimed",
  "job.heartbeat",
  "job.lease_expired",
  "job.completed",
  "job.failed",
  "job.cancelled",
  "projection.marked_stale",
  "projection.rebuilt",
]);
const TEXTS = ["event_id", "request_id", "job_id", "event_type", "occurred_at", "actor"] as const;
/** More than the kit's load leaves unanswered, so that an acknowledged line is always among them. */
const FORGOTTEN_LINES = 17;

export class Ledger {
  readonly events: LedgerEvent[] = [];
  readonly corrupt: CorruptLine[] = [];
  readonly path: string;
  readonly #flaws: Flaws;
  readonly #bytesMax: number;
  readonly #file: number;
  #bytes: number;
  #held = "";

  constructor(root: string, flaws: Flaws, bytesMax: number) {
    this.path = join(root, ".agents", "daemon", "ledger.jsonl");
    this.#flaws = flaws;
    this.#bytesMax = bytesMax;
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    this.#file = openSync(this.path, "a", 0o600);
    const bytes = readFileSync(this.path);
    this.#bytes = bytes.length;
    const end = bytes.lastIndexOf(0x0a) + 1;
    if (end < bytes.length && !flaws.has("appends-to-a-torn-line")) this.#cut(end);
    this.#read(bytes.subarray(0, end).toString("utf8"));
  }

  append(event: LedgerEvent): void {
    const line = `${JSON.stringify(event)}\n`;
    this.events.push(event);
    if (this.#flaws.has("writes-when-stopped")) {
      this.#held += line;
      return;
    }
    try {
      this.#write(line);
    } catch (error) {
      if (this.#flaws.has("acknowledges-without-room")) return;
      this.events.pop();
      throw error;
    }
  }

  /** In good order, or as a SIGKILL leaves it. */
  close(orderly: boolean): void {
    if (orderly && this.#held !== "") this.#write(this.#held);
    closeSync(this.#file);
    if (orderly || !this.#flaws.has("forgets-its-end-when-killed")) return;
    const lines = readFileSync(this.path, "utf8").split("\n").slice(0, -1);
    const kept = lines.slice(0, -FORGOTTEN_LINES).map((line) => `${line}\n`);
    truncateSync(this.path, Buffer.byteLength(kept.join("")));
  }

  /** Copies the broken lines aside, as only a writer may. */
  quarantine(): void {
    const folder = this.#quarantineFolder();
    for (const { line_number, error } of this.corrupt) {
      writeFileSync(join(folder, `line-${line_number}.json`), error);
    }
  }

  #quarantineFolder(): string {
    const folder = join(dirname(this.path), "quarantine");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  }

  #write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#bytes + bytes.length > this.#bytesMax) throw new NoRoom("the disk is full");
    try {
      if (writeSync(this.#file, bytes) < bytes.length) throw new NoRoom("half a line was written");
    } catch (error) {
      ftruncateSync(this.#file, this.#bytes);
      throw new NoRoom(error instanceof Error ? error.message : String(error));
    }
    this.#bytes += bytes.length;
  }

  #cut(end: number): void {
    copyFileSync(this.path, join(this.#quarantineFolder(), "torn-ledger.jsonl"));
    ftruncateSync(this.#file, end);
    this.#bytes = end;
  }

  #read(whole: string): void {
    const seen = new Set<string>();
    const repeats = this.#flaws.has("counts-repeated-lines");
    for (const [index, line] of whole.split("\n").slice(0, -1).entries()) {
      if (line.trim() === "") continue;
      const event = eventIn(line);
      if (event === undefined) {
        const line_number = this.#flaws.has("misnumbers-broken-lines") ? 1 : index + 1;
        this.corrupt.push({ line_number, error: "not an event of the ledger's format" });
      } else if (repeats || !seen.has(event.event_id)) {
        seen.add(event.event_id);
        this.events.push(event);
      }
    }
    if (this.#flaws.has("orders-by-time")) this.events.sort(byTime);
  }
}

function byTime(first: LedgerEvent, second: LedgerEvent): number {
  return Date.parse(first.occurred_at) - Date.parse(second.occurred_at);
}

function eventIn(line: string): LedgerEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const whole =
    isObject(value) &&
    value["schema_version"] === 1 &&
    TEXTS.every((field) => text(value, field).trim() !== "") &&
    TYPES.has(text(value, "event_type"));
  return whole ? ({ payload: {}, ...(value as object) } as LedgerEvent) : undefined;
}
