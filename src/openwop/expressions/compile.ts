/**
 * Expressions of conditions and mappings: the Common Expression Language, which has no loops without
 * an end, no assignments and no way to reach the program that evaluates it. Evaluation is a pure
 * function of the expression and the values it names: no clock, no randomness, no locale.
 * `docs/decisions/0010-expressions-are-cel.md` says why.
 */
import { type CelError, type CelInput, isCelError, parse, plan } from "@bufbuild/cel";
import { messageOf } from "../../errors/fault.ts";
import type { Json, JsonObject } from "../../lib/json.ts";
import { err, type Result } from "../../lib/result.ts";
import { meteredEnv } from "./functions.ts";
import { Meter } from "./meter.ts";
import { rewrite } from "./rewrite.ts";
import { fromJson, toJson } from "./values.ts";

/** UTF-16 units of one expression. */
export const EXPRESSION_CHARS_MAX = 4_096;
/** What one evaluation may do; a step is about one operation, or 64 characters of text. */
const EXPRESSION_STEPS_MAX = 250_000;
const MESSAGE_CHARS_MAX = 200;

export type ExpressionFaultCode =
  /** The text is no expression, or calls something that does not exist. */
  | "expression_invalid"
  /** The text is longer or more deeply nested than allowed. */
  | "expression_too_large"
  /** The evaluation met a missing name, a wrong type or an operation without a result. */
  | "expression_failed"
  /** The evaluation used up its steps. */
  | "expression_exhausted";

export interface ExpressionFault {
  readonly code: ExpressionFaultCode;
  /** A sentence with the position in it. Holds no values, for they may be secret. */
  readonly message: string;
  /** Where in the text; absent when it concerns the whole. */
  readonly position?: Position;
}

export interface Position {
  /** UTF-16 units from the start. */
  readonly offset: number;
  /** Both counted from 1. */
  readonly line: number;
  readonly column: number;
}

export type Compiled =
  | {
      readonly ok: true;
      /** Evaluates over an object of JSON values, each under its name. Never throws. */
      readonly evaluate: (bindings: JsonObject) => Result<Json, ExpressionFault>;
    }
  | { readonly ok: false; readonly fault: ExpressionFault };

/** Reads an expression once, so that it can be evaluated many times. Never throws. */
export function compile(expression: string): Compiled {
  if (expression.length > EXPRESSION_CHARS_MAX) {
    const message = `the expression is longer than ${EXPRESSION_CHARS_MAX} characters`;
    return { ok: false, fault: { code: "expression_too_large", message } };
  }
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(expression);
  } catch (error) {
    return { ok: false, fault: parseFault(expression, error) };
  }
  const root = parsed.expr;
  const placeOf = (id: bigint | number | undefined): Position | undefined => {
    const offset = id === undefined ? undefined : parsed.sourceInfo?.positions[String(id)];
    return offset === undefined ? undefined : positionAt(expression, offset);
  };
  if (root === undefined) return { ok: false, fault: fault("expression_invalid", "is empty") };
  const names = rewrite(root);
  if (!names.ok) {
    const code = names.error.message.includes("nested") ? "expression_too_large" : undefined;
    const at = placeOf(names.error.id);
    return { ok: false, fault: fault(code ?? "expression_invalid", names.error.message, at) };
  }
  return { ok: true, evaluate: evaluator(parsed, names.value, placeOf) };
}

type PlaceOf = (id: bigint | number | undefined) => Position | undefined;

function evaluator(
  parsed: ReturnType<typeof parse>,
  names: ReadonlySet<string>,
  placeOf: PlaceOf,
): (bindings: JsonObject) => Result<Json, ExpressionFault> {
  const meter = new Meter();
  let failedAt: number | undefined;
  const run = plan(
    meteredEnv(meter, (id) => {
      failedAt ??= id;
    }),
    parsed,
  );
  const exhausted = (): Result<Json, ExpressionFault> => {
    const message = `takes more than ${EXPRESSION_STEPS_MAX} steps over these values`;
    return err(fault("expression_exhausted", message));
  };
  return (bindings) => {
    meter.start(EXPRESSION_STEPS_MAX);
    failedAt = undefined;
    try {
      const result = run(visible(bindings, names, meter));
      if (meter.isExhausted) return exhausted();
      if (isCelError(result)) {
        const at = placeOf(result.exprId) ?? placeOf(failedAt);
        return err(fault("expression_failed", meaning(result), at));
      }
      const json = toJson(result, meter);
      return json.ok ? json : err(fault("expression_failed", `results in ${json.error}`));
    } catch (error) {
      if (meter.isExhausted) return exhausted();
      return err(fault("expression_failed", `cannot be evaluated: ${messageOf(error)}`));
    }
  };
}

/** Only what the expression names, so that large values beside it cost nothing. */
function visible(
  bindings: JsonObject,
  names: ReadonlySet<string>,
  meter: Meter,
): Record<string, CelInput> {
  const values = Object.create(null) as Record<string, CelInput>;
  for (const name of names) {
    if (!Object.hasOwn(bindings, name) || bindings[name] === undefined) continue;
    values[name] = fromJson(bindings[name], meter) as CelInput;
  }
  return values;
}

/** In our words where the library's might repeat a value. */
function meaning(error: CelError): string {
  const text = error.message;
  if (text.startsWith("found no matching overload")) return `is not possible: ${text}`;
  if (text.startsWith("unresolved attribute")) return "names something that has no value here";
  if (/^(?:field not found|index )/.test(text))
    return "asks for a key or an index that is not there";
  if (text.includes("divide by zero")) return "divides by zero";
  if (text.includes("longer than")) return "makes a text that is too long";
  return "fails here";
}

function parseFault(expression: string, error: unknown): ExpressionFault {
  if (error instanceof RangeError) return fault("expression_too_large", "is nested too deeply");
  const start = offsetOf(error);
  const at = start === undefined ? undefined : positionAt(expression, start);
  const raw = messageOf(error).replace(/^<input>:\d+:\d+: /, "");
  return fault("expression_invalid", `cannot be read: ${raw}`, at);
}

function offsetOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("location" in error)) return undefined;
  const { location } = error as { location?: { start?: { offset?: unknown } } };
  const offset = location?.start?.offset;
  return typeof offset === "number" ? offset : undefined;
}

/** The parser counts the space before an operator as part of it. */
function positionAt(text: string, start: number): Position {
  const offset = start + (/^\s*/.exec(text.slice(start))?.[0].length ?? 0);
  const before = text.slice(0, offset).split("\n");
  return { offset, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function fault(code: ExpressionFaultCode, what: string, position?: Position): ExpressionFault {
  const where = position === undefined ? "" : ` at ${position.line}:${position.column}`;
  const message = `the expression${where} ${what}`;
  const short =
    message.length > MESSAGE_CHARS_MAX ? `${message.slice(0, MESSAGE_CHARS_MAX)}…` : message;
  return position === undefined ? { code, message: short } : { code, message: short, position };
}
