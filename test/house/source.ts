/** The project's own source as data: files, imports, functions. Read once per test run. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { type Program, parseSync, Visitor } from "oxc-parser";

export interface SourceFile {
  /** From the project's root, forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  readonly functions: readonly FunctionSpan[];
  readonly program: Program;
}

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** The file it names, when it is one of ours. */
  readonly target: string | undefined;
  readonly typeOnly: boolean;
}

export interface FunctionSpan {
  readonly line: number;
  readonly lines: number;
}

/** Every file git knows or would add, below the given folders. */
export function sourceFiles(...folders: readonly string[]): readonly SourceFile[] {
  const listed = execFileSync(
    "git",
    ["ls-files", "--cached", "--others", "--exclude-standard", "--", ...folders],
    { encoding: "utf8" },
  );
  return [...new Set(listed.split("\n"))]
    .filter((path) => /\.(?:ts|mjs)$/.test(path) && !path.includes("/generated/"))
    .flatMap((path) => {
      const text = readIfThere(path);
      return text === undefined ? [] : [parseSource(path, text)];
    });
}

/** Reads one source text; tests of the rules pass planted ones. */
export function parseSource(path: string, text: string): SourceFile {
  const { program } = parseSync(path, text);
  const imports: Import[] = [];
  const functions: FunctionSpan[] = [];
  const span = (node: { start: number; end: number }): void => {
    const line = lineAt(text, node.start);
    functions.push({ line, lines: codeLines(text.slice(node.start, node.end)) });
  };
  const note = (specifier: string, typeOnly: boolean): void => {
    imports.push({ specifier, target: targetOf(path, specifier), typeOnly });
  };
  new Visitor({
    ImportDeclaration: (node) => note(node.source.value, node.importKind === "type"),
    ExportNamedDeclaration: (node) => {
      if (node.source !== null) note(node.source.value, node.exportKind === "type");
    },
    ExportAllDeclaration: (node) => note(node.source.value, node.exportKind === "type"),
    ImportExpression: (node) => {
      if (node.source.type === "Literal") note(String(node.source.value), false);
    },
    FunctionDeclaration: span,
    FunctionExpression: span,
    ArrowFunctionExpression: span,
  }).visit(program);
  return { path, text, imports, functions, program };
}

/** The room of a file: `src/storage/embedded`, `src/jobspec`, `client` … */
export function roomOf(path: string): string {
  const parts = path.split("/");
  if (parts[0] !== "src") return parts[0] ?? "";
  if (parts[1] === "storage" && parts.length > 3) return parts.slice(0, 3).join("/");
  return parts.slice(0, 2).join("/");
}

export function isTest(path: string): boolean {
  return path.startsWith("test/") || path.includes("/test/") || path.endsWith(".test.ts");
}

function targetOf(path: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return normalize(join(dirname(path), specifier)).replaceAll("\\", "/");
}

function codeLines(text: string): number {
  return text.split("\n").filter((line) => !/^\s*(?:\/\/|\/?\*|$)/.test(line)).length;
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // Deleted, but not yet in the index.
  }
}
