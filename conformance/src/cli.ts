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
import { list, text as plain } from "./json.ts";

const HELP = `Usage: keelson-conform [<url>] [options]

Judges a JobSpec v0 daemon over HTTP, level by level: 1 Observe, 2 Enqueue, 3 Execute, 4 Project.
It submits, claims and cancels real jobs: point it at a daemon nobody works with.

Options:
  --token-file FILE   the daemon's mutation token
  --level LIST        levels to judge, such as 1,2 (all four when absent)
  --only LIST         scenarios to run, by id or by the group before the slash; the rest of the
                      requirements is then reported as not attempted
  --start COMMAND     starts a daemon; {root}, {port} and {token_file} are filled in. Needed for
                      what only a restart shows: prepared ledgers, and SIGKILL after a 202.
                      Without <url>, everything runs against daemons started so.
  --root DIR          where the roots of started daemons are made (a temporary directory)
  --answer-ms MS      how long one answer may take (30000)
  --json FILE         the report as JSON; - writes it to standard output
  --junit FILE        the report as JUnit XML
  --html FILE         the report as one HTML page
  --help

A bar on standard error shows how far it is, where that is a terminal.

Exit codes: 0 every attempted level is conformant, 1 something failed or was not exercised,
2 wrong usage, or no daemon to judge.

Examples:
  keelson-conform http://127.0.0.1:8765 --token-file .agents/daemon/token
  keelson-conform --start 'keelson up --root {root} --addr 127.0.0.1:{port} --token-file {token_file}'
  keelson-conform --start './run.sh {root} {port} {token_file}' --only durable,lapses/reclaim
  keelson-conform http://127.0.0.1:8765 --level 1 --html report.html --junit report.xml
`;

const EXIT = { conformant: 0, partial: 1, unusable: 2, interrupted: 130 } as const;

class UsageError extends Error {}

interface Invocation {
  readonly url?: string;
  readonly tokenFile?: string;
  readonly levels?: readonly Level[];
  readonly only?: readonly string[];
  readonly answerMsMax?: number;
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
      only: { type: "string" },
      "answer-ms": { type: "string" },
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
  const { "token-file": tokenFile, "answer-ms": answerMs, level, only, ...rest } = values;
  return {
    ...given(rest),
    ...(url === undefined ? {} : { url: checkedUrl(url) }),
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...(level === undefined ? {} : { levels: level.split(",").map(checkedLevel) }),
    ...(only === undefined ? {} : { only: only.split(",") }),
    ...(answerMs === undefined ? {} : { answerMsMax: checkedMs(answerMs) }),
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

function checkedMs(text: string): number {
  const ms = Number(text);
  if (Number.isInteger(ms) && ms > 0) return ms;
  throw new UsageError(`not a number of milliseconds: ${text}`);
}

/** The kit is read by whatever Node is there; told early, it is not a mystery in the last line. */
const NODE_MAJOR_MIN = 24;

async function main(args: readonly string[]): Promise<number> {
  const { node } = process.versions;
  if (Number.parseInt(node, 10) < NODE_MAJOR_MIN) {
    throw new UsageError(`Node ${node} is too old: install ${NODE_MAJOR_MIN} or later`);
  }
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
  }).finally(clearProgress);
  await writeReports(report, { json, junit, html });
  if (json !== "-") {
    process.stdout.write(terminalReport(report, { colour: wantsColour() }));
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
  const [first] = list(parsed(text), "tokens");
  if (first === undefined) throw new UsageError(`no token in the token file ${path}`);
  return plain(first, "token").trim();
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}

function wantsColour(): boolean {
  return process.stdout.isTTY === true && (process.env["NO_COLOR"] ?? "") === "";
}

const BAR_CHARS = 24;

function showProgress({ done, total, scenario }: Progress): void {
  if (process.stderr.isTTY !== true) return;
  const filled = Math.round((done / total) * BAR_CHARS);
  const bar = "█".repeat(filled).padEnd(BAR_CHARS, "░");
  process.stderr.write(`\r\u001b[2K${bar} ${done}/${total} ${scenario ?? ""}`);
}

function clearProgress(): void {
  if (process.stderr.isTTY === true) process.stderr.write("\r\u001b[2K");
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

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => process.exit(EXIT.interrupted));
}
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!isUsage(error)) throw error;
  process.stderr.write(`keelson-conform: ${error.message}\n`);
  process.exitCode = EXIT.unusable;
}
