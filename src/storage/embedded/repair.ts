/**
 * Mending a ledger with broken lines: each goes to quarantine as a file of its own, then its segment
 * is written anew without it. Every step is atomic by rename, so a repair that is interrupted leaves
 * the old segment or the new one, and the line is in quarantine before it leaves the ledger.
 */

import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Disk } from "../../lib/disk.ts";
import type { Skip } from "./projections.ts";

export interface RepairOptions {
  readonly disk: Disk;
  readonly dir: string;
  readonly broken: readonly Skip[];
  /** Names of the rotated segments, oldest first. */
  readonly rotated: readonly string[];
}

/** One line that was moved out of the ledger. */
export interface RepairedLine {
  readonly line_number: number;
  readonly error: string;
  readonly quarantine_path: string;
}

const NEWLINE = 0x0a;
const LINE_DIGITS = 6;

export function repairLog(options: RepairOptions): readonly RepairedLine[] {
  const { disk, dir, broken, rotated } = options;
  disk.ensureDir(join(dir, "quarantine"));
  const moved: RepairedLine[] = [];
  const bySegment = Map.groupBy(broken, ({ place }) => place.segment);
  for (const [segment, lines] of bySegment) {
    const name = rotated[segment];
    const path = join(dir, name ?? "ledger.jsonl");
    const isPlain = disk.size(path) !== undefined;
    const file = isPlain ? path : `${path}.gz`;
    const raw = disk.read(file, 0, disk.size(file) ?? 0);
    const text = Buffer.from(isPlain ? raw : gunzipSync(raw));
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
  const path = join(dir, "quarantine", `ledger-line-${number}.json`);
  const raw = text.toString("utf8", line.place.offset, lineEnd(text, line.place.offset));
  const record = { error: line.reason, line_number: line.lineNumber, raw };
  disk.replace(path, Buffer.from(`${JSON.stringify(record, undefined, 2)}\n`));
  return { line_number: line.lineNumber, error: line.reason, quarantine_path: path };
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
