/** Turns whatever a verb threw into lines and an exit code; the CLI's only catch-all. */
import { isKeelsonError, type KeelsonError } from "@keelson/client";
import { ERROR_CODES, type ErrorCode } from "../errors/codes.ts";
import { isFault, messageOf } from "../errors/fault.ts";
import type { CliContext } from "./context.ts";
import { CliFailure, EXIT, type ExitCode, INTERRUPTED } from "./exit.ts";

/** Writes what went wrong to standard error: text, or one JSON object. */
export function reportFailure(thrown: unknown, json: boolean, context: CliContext): ExitCode {
  const failure = failureOf(thrown, context);
  if (json) {
    const { message: error, code, hints } = failure;
    context.terminal.note(JSON.stringify({ error, code, exit: failure.exit, hints }));
    return failure.exit;
  }
  context.terminal.note(`keelson: ${failure.message}`);
  for (const hint of failure.hints) context.terminal.note(`  ${hint}`);
  return failure.exit;
}

function failureOf(thrown: unknown, context: CliContext): CliFailure {
  if (thrown instanceof Error && thrown.message === INTERRUPTED) {
    return new CliFailure(EXIT.interrupted, INTERRUPTED, { code: "interrupted" });
  }
  if (thrown instanceof CliFailure) return thrown;
  if (isKeelsonError(thrown)) return ofAnswer(thrown, context);
  if (isFault(thrown)) {
    const exit = ERROR_CODES[thrown.code].family === "input" ? EXIT.usage : EXIT.unavailable;
    return new CliFailure(exit, thrown.message, {
      code: thrown.code,
      hints: [ERROR_CODES[thrown.code].fix],
    });
  }
  return new CliFailure(EXIT.unavailable, messageOf(thrown), { cause: thrown });
}

function ofAnswer(error: KeelsonError, context: CliContext): CliFailure {
  const detail = typeof error.detail === "string" ? [error.detail] : [];
  const hints = [...detail, ...hintsOf(error, context)];
  return new CliFailure(exitOf(error), error.message, { code: error.code, hints, cause: error });
}

/** The daemon's advice is for whoever speaks HTTP; where a verb does the same, the verb is named. */
function hintsOf(error: KeelsonError, context: CliContext): readonly string[] {
  if (error.status === 403) return tokenHints(context);
  const ours: Readonly<Record<string, readonly string[]>> = {
    job_not_found: [`See which there are: ${context.self} jobs`],
    artifact_not_found: [`See which there are: ${context.self} job ID`],
    invalid_cursor: [`See the events there are: ${context.self} events`],
    invalid_job_type: [],
    not_ready: [`See why: ${context.self} ready; mend: ${context.self} repair`],
  };
  const known = isErrorCode(error.code) ? ERROR_CODES[error.code].fix : undefined;
  const fix = error.fix ?? known;
  return ours[error.code] ?? (fix === undefined ? [] : [fix]);
}

function exitOf(error: KeelsonError): ExitCode {
  if (error.status === 0) return EXIT.unreachable;
  if (error.status === 403) return EXIT.denied;
  if (error.status === 400 || error.status === 413) return EXIT.usage;
  return error.status >= 500 ? EXIT.unavailable : EXIT.negative;
}

function tokenHints(context: CliContext): readonly string[] {
  return [
    "Give the daemon's token with --token-file FILE or KEELSON_TOKEN.",
    `Where it lies: ${context.self} token`,
  ];
}

function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CODES, text);
}
