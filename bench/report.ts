/** Results as tables on the terminal and as JSON. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";

/** One line of a table: column name to figure. */
export type Row = Readonly<Record<string, string | number>>;

export interface Result {
  readonly scenario: string;
  /** What was measured, in one line. */
  readonly title: string;
  /** What the design asks for, where it does. */
  readonly goal?: string;
  readonly rows: readonly Row[];
}

export function printResult({ title, goal, rows }: Result): void {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = rows.map((row) => columns.map((column) => cell(row[column])));
  const widths = columns.map((column, i) =>
    Math.max(column.length, ...lines.map((line) => line[i]?.length ?? 0)),
  );
  const text = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ");
  process.stdout.write(`\n${title}${goal === undefined ? "" : ` (goal: ${goal})`}\n`);
  for (const line of [columns, widths.map((width) => "-".repeat(width)), ...lines]) {
    process.stdout.write(`  ${text(line)}\n`);
  }
}

function cell(value: string | number | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  if (!Number.isFinite(value)) return "-";
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(2);
}

/** What the figures were measured on. */
export function machine(): Row {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  };
}

/** Writes everything to `<dir>/<time>.json` and gives its path. */
export function writeResults(dir: string, command: string, results: readonly Result[]): string {
  mkdirSync(dir, { recursive: true });
  const at = new Date().toISOString();
  const path = join(dir, `${at.replaceAll(":", "-")}.json`);
  const all = { at, command, machine: machine(), results };
  writeFileSync(path, `${JSON.stringify(all, null, 2)}\n`);
  return path;
}
