/** Why an agent ended without finishing, in the contract's codes and in words that help. */
import { constants } from "node:os";
import type { Failure } from "../kernel/job/state.ts";
import type { FailureCode } from "../kernel/job/types.ts";
import type { ChildEnd } from "./child.ts";
import type { RetryCause } from "./config-schema.ts";
import { lastLines } from "./output.ts";

/** Everything that is known about the end of an attempt. */
export interface Ending {
  readonly program: string;
  readonly end: ChildEnd;
  /** Set when we ended it, because its time was over. */
  readonly timedOutAfterS?: number;
  /** The end of its output. */
  readonly tail: string;
  /** The kernel's count of processes killed for lack of memory rose meanwhile. */
  readonly sawOomKill: boolean;
}

export interface Diagnosis {
  readonly failure: Failure;
  /** Which `retry_on` entry this end belongs to; undefined when another attempt cannot help. */
  readonly cause: RetryCause | undefined;
}

interface Finding {
  readonly code: FailureCode;
  readonly cause: RetryCause | undefined;
  /** What happened: "exit code 3". */
  readonly what: string;
  readonly hint?: string;
}

/** What shells answer for a command that is not there, and for one that cannot be run. */
const EXIT_NOT_EXECUTABLE = 126;
const EXIT_NOT_FOUND = 127;
/** A shell reports its child's death by a signal as this plus the signal's number. */
const EXIT_SIGNAL_BASE = 128;

const NOT_LOGGED_IN: readonly RegExp[] = [
  /not (?:currently )?logged in/i,
  /please (?:run|use) [`'"]?(?:\/login|(?:claude|codex)(?: auth)? login)/i,
  /invalid api key/i,
  /oauth (?:token|session) (?:has )?expired/i,
  /authentication_error|invalid x-api-key/i,
  /\b401 unauthorized\b/i,
  /no api key (?:found|provided|was)|missing (?:the )?api key/i,
];

const UNREACHABLE: readonly RegExp[] = [
  /\b(?:ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ENETUNREACH)\b/,
  /could not resolve host|network is unreachable|connection refused/i,
  /\boverloaded_error\b|\brate[_ ]limit(?:_error|ed| reached| exceeded)/i,
  /api error: connection error|error sending request for url/i,
  /usage limit reached|you've hit your usage limit/i,
];

const OUT_OF_MEMORY: readonly RegExp[] = [
  /heap out of memory/i,
  /cannot allocate memory|out of memory|\bENOMEM\b/i,
  /^MemoryError\b/m,
];

/** Judges an end that is not exit code 0. */
export function diagnose(ending: Ending): Diagnosis {
  const { code, cause, what, hint } = findingOf(ending);
  const said = lastLines(ending.tail);
  const message = [
    `${ending.program}: ${what}${hint === undefined ? "" : ` (${hint})`}`,
    ...(said === "" ? ["it said nothing"] : ["its last output:", said]),
  ].join("\n");
  const retryable = cause !== undefined || code === "provider_unreachable";
  return { failure: { code, message, retryable }, cause };
}

function findingOf(ending: Ending): Finding {
  const { end, timedOutAfterS } = ending;
  if (timedOutAfterS !== undefined) {
    return {
      code: "lost",
      cause: "timeout",
      what: `stopped after its timeout of ${timedOutAfterS} s`,
      hint: "raise timeout_s, or give it less to do",
    };
  }
  if (end.how === "unstarted") return unstarted(end);
  if (end.how === "signal") return killed(ending, end.signal, `killed by ${end.signal}`);
  const signal = signalOf(end.code - EXIT_SIGNAL_BASE);
  if (signal !== undefined) {
    return killed(ending, signal, `exit code ${end.code}, a shell's word for ${signal}`);
  }
  return exited(ending, end.code);
}

function unstarted(end: ChildEnd & { readonly how: "unstarted" }): Finding {
  const base = { code: "request_rejected", cause: undefined } as const;
  if (end.code === "ENOENT") {
    const hint = "check `command` in keelson.json and the daemon's PATH";
    return { ...base, what: "command not found", hint };
  }
  if (end.code === "EACCES") {
    return { ...base, what: "not executable", hint: "make the file executable (chmod +x)" };
  }
  return { ...base, what: `could not be started: ${end.message}` };
}

function killed(ending: Ending, signal: string, what: string): Finding {
  const base = { code: "lost", cause: "signal", what } as const;
  if (ending.sawOomKill) {
    return { ...base, hint: "out of memory: the kernel killed a process of this group meanwhile" };
  }
  if (signs(OUT_OF_MEMORY, ending.tail)) {
    return { ...base, hint: "out of memory: its output says so" };
  }
  if (signal === "SIGKILL") {
    const hint = "often the machine was out of memory, else somebody killed it";
    return { ...base, hint };
  }
  return base;
}

function exited(ending: Ending, exitCode: number): Finding {
  const what = `exit code ${exitCode}`;
  if (exitCode === EXIT_NOT_FOUND) {
    const hint = "command not found: check `command` in keelson.json and the daemon's PATH";
    return { code: "request_rejected", cause: undefined, what, hint };
  }
  if (exitCode === EXIT_NOT_EXECUTABLE) {
    const hint = "not executable: make the file executable (chmod +x)";
    return { code: "request_rejected", cause: undefined, what, hint };
  }
  if (signs(NOT_LOGGED_IN, ending.tail)) {
    const hint =
      "not logged in: log in as the daemon's user, or hand its key on with `env.pass` in keelson.json";
    return { code: "provider_unreachable", cause: "exit", what, hint };
  }
  if (signs(UNREACHABLE, ending.tail)) {
    const hint = "its provider could not be reached, or took no more requests";
    return { code: "provider_unreachable", cause: "exit", what, hint };
  }
  if (ending.sawOomKill || signs(OUT_OF_MEMORY, ending.tail)) {
    return { code: "lost", cause: "exit", what, hint: "out of memory" };
  }
  return { code: "request_rejected", cause: "exit", what };
}

function signs(patterns: readonly RegExp[], text: string): boolean {
  return patterns.some((pattern) => pattern.test(text));
}

function signalOf(number: number): string | undefined {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
}
