/** Checks of a node's `config`, made of the pieces that check definitions. */
import type { NodeProblem, NodeTypeRules } from "../definition/parse.ts";
import type { Check } from "../definition/shape.ts";
import type { WorkflowNode } from "../definition/types.ts";

/** Reports what a check of `config` finds. */
export function configProblems(check: Check, node: WorkflowNode): readonly NodeProblem[] {
  const problems: NodeProblem[] = [];
  check(node.config, "/config", (path, message) => problems.push({ path, message }));
  return problems;
}

/** Rules of a type that is fully described by the shape of its configuration. */
export function configured(check: Check): NodeTypeRules {
  return { problems: (node) => configProblems(check, node) };
}

/** Rules of a type that takes any configuration and ignores what it does not know. */
export const ANY_CONFIG: NodeTypeRules = { problems: () => [] };

/** A problem when the host lacks what the node needs. */
export function needs(capability: string, what: string, path = "/typeId"): NodeProblem {
  return { path, message: `${what} needs the capability ${capability}`, requires: capability };
}
