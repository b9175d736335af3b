/**
 * Looks through a parsed expression once: refuses what it may not do, and puts the meter into its
 * loops. A loop is a fold in the language's own standard tree, so this does not depend on how the
 * library evaluates it.
 */
import type { parse } from "@bufbuild/cel";
import { err, ok, type Result } from "../../lib/result.ts";
import { CHARGE, callProblem, NEW_LIST, PUSH, RANGE } from "./functions.ts";

type Expr = NonNullable<ReturnType<typeof parse>["expr"]>;
type Kind<C extends Expr["exprKind"]["case"]> = Extract<Expr["exprKind"], { case: C }>["value"];

/** Deeper trees would be a danger to the stack of whoever evaluates them. */
const DEPTH_MAX = 100;

export interface Problem {
  readonly id: bigint;
  readonly message: string;
}

/** The free names of the expression, after changing the tree in place. */
export function rewrite(root: Expr): Result<ReadonlySet<string>, Problem> {
  const names = new Set<string>();
  const problem = visit(root, 0, names);
  return problem === undefined ? ok(names) : err(problem);
}

function visit(expr: Expr, depth: number, names: Set<string>): Problem | undefined {
  if (depth > DEPTH_MAX) {
    return { id: expr.id, message: `is nested more than ${DEPTH_MAX} levels deep` };
  }
  const { exprKind } = expr;
  if (exprKind.case === "identExpr") names.add(exprKind.value.name);
  if (exprKind.case === "structExpr" && exprKind.value.messageName !== "") {
    return { id: expr.id, message: `there is no type ${exprKind.value.messageName}` };
  }
  if (exprKind.case === "callExpr") {
    const { function: name, args } = exprKind.value;
    const message = callProblem(name, args.length);
    if (message !== undefined) return { id: expr.id, message };
  }
  for (const child of childrenOf(expr)) {
    const problem = visit(child, depth + 1, names);
    if (problem !== undefined) return problem;
  }
  if (exprKind.case === "comprehensionExpr") meterLoop(exprKind.value);
  return undefined;
}

function childrenOf({ exprKind }: Expr): readonly Expr[] {
  switch (exprKind.case) {
    case "selectExpr":
      return present(exprKind.value.operand);
    case "callExpr":
      return present(exprKind.value.target, ...exprKind.value.args);
    case "listExpr":
      return exprKind.value.elements;
    case "structExpr":
      return exprKind.value.entries.flatMap(({ keyKind, value }) =>
        present(keyKind.case === "mapKey" ? keyKind.value : undefined, value),
      );
    case "comprehensionExpr": {
      const { iterRange, accuInit, loopCondition, loopStep, result } = exprKind.value;
      return present(iterRange, accuInit, loopCondition, loopStep, result);
    }
    case "constExpr":
    case "identExpr":
    case undefined:
      return [];
  }
}

function present(...exprs: readonly (Expr | undefined)[]): readonly Expr[] {
  return exprs.filter((expr) => expr !== undefined);
}

/** A round costs what its tree is large; an inner loop pays for its own rounds besides. */
function meterLoop(loop: Kind<"comprehensionExpr">): void {
  const { iterRange, accuInit, loopCondition, loopStep } = loop;
  if (!iterRange || !accuInit || !loopCondition || !loopStep) return;
  const steps = 1 + sizeOf(loopStep) + sizeOf(loopCondition);
  loop.iterRange = call(iterRange, RANGE, [iterRange]);
  loop.loopCondition = call(loopCondition, CHARGE, [number(loopCondition, steps), loopCondition]);
  const { exprKind } = accuInit;
  if (exprKind.case !== "listExpr" || exprKind.value.elements.length > 0) return;
  // `map` and `filter` add one item a round; as a sum of lists that would copy all before it.
  loop.accuInit = call(accuInit, NEW_LIST, []);
  gather(loopStep, loop.accuVar);
}

function gather(step: Expr, accuVar: string): void {
  if (step.exprKind.case !== "callExpr") return;
  const added = step.exprKind.value;
  const [list, items] = added.args;
  if (added.function === "_?_:_") {
    for (const branch of added.args.slice(1)) gather(branch, accuVar);
  } else if (added.function === "_+_" && list !== undefined && items !== undefined) {
    const isAccu = list.exprKind.case === "identExpr" && list.exprKind.value.name === accuVar;
    const item = items.exprKind.case === "listExpr" ? items.exprKind.value.elements : [];
    if (!isAccu || item.length !== 1) return;
    added.function = PUSH;
    added.args = [list, ...item];
  }
}

function sizeOf(expr: Expr): number {
  return childrenOf(expr).reduce((size, child) => size + sizeOf(child), 1);
}

function call(at: Expr, name: string, parameters: Expr[]): Expr {
  const value: Kind<"callExpr"> = {
    $typeName: "cel.expr.Expr.Call",
    function: name,
    args: parameters,
  };
  return { $typeName: "cel.expr.Expr", id: at.id, exprKind: { case: "callExpr", value } };
}

function number(at: Expr, count: number): Expr {
  const value: Kind<"constExpr"> = {
    $typeName: "cel.expr.Constant",
    constantKind: { case: "int64Value", value: BigInt(count) },
  };
  return { $typeName: "cel.expr.Expr", id: at.id, exprKind: { case: "constExpr", value } };
}
