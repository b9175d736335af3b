/** Conditions of edges and of `core.conditional`. A missing value is compared as `null`. */
import { isJsonObject, type JsonObject, jsonEqual } from "../../lib/json.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import type { EdgeCondition } from "./definition/types.ts";
import type { Evaluate } from "./host.ts";

/** Whether the condition holds for the bindings, or why that cannot be said. */
export function holds(
  condition: EdgeCondition,
  bindings: JsonObject,
  evaluate: Evaluate,
): Result<boolean, string> {
  const { expression, left = "", right } = condition;
  const type = condition.type ?? (expression === undefined ? "equals" : "expression");
  if (type === "expression") return truth(evaluate, expression ?? "", bindings);
  const value = valueAt(bindings, left);
  switch (type) {
    case "equals":
      return ok(jsonEqual(value ?? null, right ?? null));
    case "notEquals":
      return ok(!jsonEqual(value ?? null, right ?? null));
    case "contains":
      return ok(contains(value, right));
    case "regex":
      if (typeof value !== "string") return ok(false);
      return truth(evaluate, "subject.matches(pattern)", { subject: value, pattern: right });
  }
}

function truth(
  evaluate: Evaluate,
  expression: string,
  bindings: JsonObject,
): Result<boolean, string> {
  const result = evaluate(expression, bindings);
  if (!result.ok) return err(result.message);
  if (typeof result.value === "boolean") return ok(result.value);
  return err(`the expression gives ${typeof result.value}, not true or false`);
}

function contains(value: unknown, part: unknown): boolean {
  if (typeof value === "string") return typeof part === "string" && value.includes(part);
  if (Array.isArray(value)) return value.some((item) => jsonEqual(item, part));
  return isJsonObject(value) && typeof part === "string" && Object.hasOwn(value, part);
}

/** The value at a dotted path; numbers are places in arrays. Never reads what is not the data's own. */
function valueAt(root: unknown, path: string): unknown {
  let value = root;
  for (const step of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) {
      return undefined;
    }
    value = (value as Readonly<Record<string, unknown>>)[step];
  }
  return value;
}
