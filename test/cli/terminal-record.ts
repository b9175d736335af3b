import type { CliContext } from "../../src/cli/context.ts";
import { runCli } from "../../src/cli/program.ts";
import type { Terminal } from "../../src/cli/terminal.ts";

/** A terminal that remembers what was written; never a live one, never in colour. */
export interface TerminalRecord extends Terminal {
  readonly out: () => string;
  readonly err: () => string;
}

export function recordTerminal(options: { readonly live?: boolean } = {}): TerminalRecord {
  let out = "";
  let err = "";
  return {
    line: (text = "") => {
      out += `${text}\n`;
    },
    note: (text) => {
      err += `${text}\n`;
    },
    raw: (text) => {
      out += typeof text === "string" ? text : Buffer.from(text).toString("utf8");
    },
    status: (text) => {
      err += text === "" ? "" : `${text}\r`;
    },
    paint: (_style, text) => text,
    live: options.live ?? false,
    columns: 120,
    out: () => out,
    err: () => err,
  };
}

export interface CliRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  readonly signal?: AbortSignal;
}

export function testContext(terminal: Terminal, options: RunOptions = {}): CliContext {
  return {
    terminal,
    env: options.env ?? {},
    cwd: options.cwd ?? "/nowhere",
    self: "keelson",
    readInput: () => Promise.resolve(options.input ?? ""),
    interrupted: () => options.signal ?? new AbortController().signal,
  };
}

/** Runs one command line inside this process. */
export async function cli(args: readonly string[], options: RunOptions = {}): Promise<CliRun> {
  const terminal = recordTerminal();
  const code = await runCli(args, testContext(terminal, options));
  return { code, out: terminal.out(), err: terminal.err() };
}
