#!/usr/bin/env node
/** keelson-conform: the kit on the command line. */
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import {
  htmlReport,
  isConformant,
  jsonReport,
  junitReport,
  type Level,
  type Progress,
  type Report,
  runConformance,
  terminalReport,
  Unreachable,
} from "./conformance.ts";

const HELP = `Usage: keelson-conform [<url>] [options]

Judges a JobSpec v0 daemon over HTTP, level by level: 1 Observe, 2 Enqueue, 3 Execute, 4 Project.
It submits, claims and cancels real jobs: point it at a daemon nobody works with.

Options:
  --token-file FILE   the daemon's mutation token
  --level LIST        levels to judge, such as 1,2 (all four when absent)
  --start COMMAND     starts a daemon; {root}, {port} and {token_file} are filled in. Needed for
                      what only a restart shows: prepared ledgers, and SIGKILL after a 202.
                      Without <url>, everything runs against daemons started so.
  --root DIR          where the roots of started daemons are made (a temporary directory)
  --json FILE         the report as JSON; - writes it to standard output
  --junit FILE        the report as JUnit XML
  --html FILE         the report as one HTML page
  --help

Exit codes: 0 every attempted level is conformant, 1 something failed or was not exercised,
2 wrong usage or no daemon.

Examples:
  keelson-conform http://127.0.0.1:8765 --token-file .agents/daemon/token
  keelson-conform --start 'keelson up --root {root} --addr 127.0.0.1:{port} --token-file {token_file}'
`;

const EXIT = { conformant: 0, partial: 1, unusable: 2 } as const;

class UsageError extends Error {}

interface Invocation {
  readonly url?: string;
  readonly tokenFile?: string;
  readonly levels?: readonly Level[];
  readonly start?: string;
  readonly root?: string;
  readonly json?: string;
  readonly junit?: string;
  readonly html?: string;
}

function invocation(args: readonly string[]): Invocation | "help" {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      "token-file": { type: "string" },
      level: { type: "string" },
      start: { type: "string" },
      root: { type: "string" },
      json: { type: "string" },
      junit: { type: "string" },
      html: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) return "help";
  const [url, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`one URL, not ${positionals.length}`);
  if (url === undefined && values.start === undefined) {
    throw new UsageError("give a URL, or a command with --start");
  }
  const { "token-file": tokenFile, level, ...rest } = values;
  return {
    ...given(rest),
    ...(url === undefined ? {} : { url: checkedUrl(url) }),
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...(level === undefined ? {} : { levels: level.split(",").map(checkedLevel) }),
  };
}

function given(
  values: Readonly<Record<string, string | boolean | undefined>>,
): Partial<Invocation> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function checkedUrl(url: string): string {
  const protocol = URL.canParse(url) ? new URL(url).protocol : "";
  if (protocol === "http:" || protocol === "https:") return url;
  throw new UsageError(`not an http URL: ${url}`);
}

function checkedLevel(text: string): Level {
  const level = Number(text);
  if (level === 1 || level === 2 || level === 3 || level === 4) return level;
  throw new UsageError(`no such level: ${text}`);
}

async function main(args: readonly string[]): Promise<number> {
  const asked = invocation(args);
  if (asked === "help") {
    process.stdout.write(HELP);
    return EXIT.conformant;
  }
  const { tokenFile, json, junit, html, ...options } = asked;
  const token = tokenFile === undefined ? undefined : await tokenIn(tokenFile);
  const report = await runConformance({
    ...options,
    ...(token === undefined ? {} : { token }),
    onProgress: showProgress,
  });
  await writeReports(report, { json, junit, html });
  if (json !== "-") {
    process.stdout.write(terminalReport(report, { colour: process.stdout.isTTY === true }));
  }
  return isConformant(report) ? EXIT.conformant : EXIT.partial;
}

async function tokenIn(path: string): Promise<string> {
  const text = (
    await readFile(path, "utf8").catch(() => {
      throw new UsageError(`cannot read the token file ${path}`);
    })
  ).trim();
  if (!text.startsWith("{")) return text;
  const { tokens } = JSON.parse(text) as { tokens?: { token?: string }[] };
  return tokens?.[0]?.token ?? "";
}

const BAR_CHARS = 24;

function showProgress({ done, total, scenario }: Progress): void {
  if (process.stderr.isTTY !== true) return;
  const filled = Math.round((done / total) * BAR_CHARS);
  const bar = "█".repeat(filled).padEnd(BAR_CHARS, "░");
  const line = scenario === undefined ? "" : `${bar} ${done}/${total} ${scenario}`;
  process.stderr.write(`\r\u001b[2K${line}`);
}

async function writeReports(
  report: Report,
  files: { json: string | undefined; junit: string | undefined; html: string | undefined },
): Promise<void> {
  if (files.json === "-") process.stdout.write(jsonReport(report));
  else if (files.json !== undefined) await writeFile(files.json, jsonReport(report));
  if (files.junit !== undefined) await writeFile(files.junit, junitReport(report));
  if (files.html !== undefined) await writeFile(files.html, htmlReport(report));
}

function isUsage(error: unknown): error is Error {
  if (error instanceof UsageError || error instanceof Unreachable) return true;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return code.startsWith("ERR_PARSE_ARGS");
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!isUsage(error)) throw error;
  process.stderr.write(`keelson-conform: ${error.message}\n`);
  process.exitCode = EXIT.unusable;
}
