/**
 * Mending a ledger with broken lines: each goes to quarantine as a file of its own, then its segment
 * is written anew without it. Every step is atomic by rename, so a repair that is interrupted leaves
 * the old segment or the new one, and the line is in quarantine before it leaves the ledger.
 */

import { isUtf8 } from "node:buffer";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { Fault, messageOf } from "../../errors/fault.ts";
import { type Disk, isNoSpace } from "../../lib/disk.ts";
import type { RepairedLine } from "../maintenance.ts";
import { judgeLine } from "./line.ts";
import type { Skip } from "./projections.ts";

export interface RepairOptions {
  readonly disk: Disk;
  readonly dir: string;
  readonly broken: readonly Skip[];
  /** Names of the rotated segments, oldest first. */
  readonly rotated: readonly string[];
}

const NEWLINE = 0x0a;
const LINE_DIGITS = 6;

/** Throws a `Fault` when the disk refuses; what was moved until then stays moved. */
export function repairLog(options: RepairOptions): readonly RepairedLine[] {
  try {
    return repairSegments(options);
  } catch (error) {
    const code = isNoSpace(error) ? "no_space" : "ledger_unavailable";
    throw new Fault(code, `the repair stopped half-way: ${messageOf(error)}`, { cause: error });
  }
}

function repairSegments(options: RepairOptions): readonly RepairedLine[] {
  const { disk, dir, broken, rotated } = options;
  disk.ensureDir(join(dir, "quarantine"));
  const moved: RepairedLine[] = [];
  const bySegment = Map.groupBy(broken, ({ place }) => place.segment);
  for (const [segment, skips] of bySegment) {
    const name = rotated[segment];
    const path = join(dir, name ?? "ledger.jsonl");
    const isPlain = disk.size(path) !== undefined;
    const file = isPlain ? path : `${path}.gz`;
    const raw = disk.read(file, 0, disk.size(file) ?? 0);
    const text = Buffer.from(isPlain ? raw : gunzipSync(raw));
    const lines = skips.filter(({ place }) => isBroken(text, place.offset));
    moved.push(...lines.map((line) => quarantine(options, line, text)));
    const mended = withoutLines(
      text,
      lines.map(({ place }) => place.offset),
    );
    disk.replace(file, isPlain ? mended : gzipSync(mended));
  }
  return moved;
}

function quarantine({ disk, dir }: RepairOptions, line: Skip, text: Buffer): RepairedLine {
  const number = String(line.lineNumber).padStart(LINE_DIGITS, "0");
  const raw = text.subarray(line.place.offset, lineEnd(text, line.place.offset));
  const record = {
    error: line.reason,
    line_number: line.lineNumber,
    raw: raw.toString("utf8"),
    // Bytes that are no text would not survive as one.
    ...(isUtf8(raw) ? {} : { raw_base64: raw.toString("base64") }),
  };
  const body = Buffer.from(`${JSON.stringify(record, undefined, 2)}\n`);
  const path = freePath(disk, join(dir, "quarantine", `ledger-line-${number}`), body);
  disk.replace(path, body);
  return { line_number: line.lineNumber, error: line.reason, quarantine_path: path };
}

/** Line numbers fall when lines leave, so a number comes again; what lies there already stays. */
function freePath(disk: Disk, stem: string, body: Buffer): string {
  for (let attempt = 1; ; attempt += 1) {
    const path = attempt === 1 ? `${stem}.json` : `${stem}-${attempt}.json`;
    const size = disk.size(path);
    if (size === undefined || body.equals(disk.read(path, 0, size))) return path;
  }
}

/** An event never leaves the ledger, whatever the read models say about its place. */
function isBroken(text: Buffer, offset: number): boolean {
  const end = lineEnd(text, offset);
  return end === text.length || judgeLine(text.subarray(offset, end), false).kind === "corrupt";
}

function withoutLines(text: Buffer, offsets: readonly number[]): Buffer {
  const kept: Buffer[] = [];
  let from = 0;
  for (const offset of [...offsets].sort((left, right) => left - right)) {
    kept.push(text.subarray(from, offset));
    from = lineEnd(text, offset) + 1;
  }
  kept.push(text.subarray(Math.min(from, text.length)));
  return Buffer.concat(kept);
}

/** Offset of the newline that ends the line at `offset`, or the end of the text. */
function lineEnd(text: Buffer, offset: number): number {
  const newline = text.indexOf(NEWLINE, offset);
  return newline === -1 ? text.length : newline;
}
