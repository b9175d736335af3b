/** What the run engine is lent: expressions by their text, compiled once while they are in use. */
import type { Json, JsonObject } from "../../lib/json.ts";
import { type Compiled, compile } from "./compile.ts";

/** Expressions kept compiled; more are compiled anew when they come again. */
const KEPT_MAX = 1_000;

export type Evaluated =
  | { readonly ok: true; readonly value: Json }
  /** A sentence with the position in it; holds no values. */
  | { readonly ok: false; readonly message: string };

/**
 * A pure function of its two arguments that always ends and never throws; it only remembers what it
 * has compiled.
 */
export function createEvaluate(): (expression: string, bindings: JsonObject) => Evaluated {
  const kept = new Map<string, Compiled>();
  return (expression, bindings) => {
    const compiled = kept.get(expression) ?? compile(expression);
    // Taken out and put in again, the one that was not asked for the longest comes first.
    kept.delete(expression);
    kept.set(expression, compiled);
    if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value ?? "");
    if (!compiled.ok) return { ok: false, message: compiled.fault.message };
    const result = compiled.evaluate(bindings);
    return result.ok ? result : { ok: false, message: result.error.message };
  };
}

/** Why a text is no expression, for the registration of workflows; undefined when it is one. */
export function expressionProblem(expression: string): string | undefined {
  const compiled = compile(expression);
  return compiled.ok ? undefined : compiled.fault.message;
}
