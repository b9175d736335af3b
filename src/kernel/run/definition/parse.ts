/**
 * From JSON of unknown origin to a workflow that can run, or every reason why not (openwop-core
 * §3.1). What is accepted is kept as it was written, field by field.
 */
import { exceedsDepth, type JsonObject } from "../../../lib/json.ts";
import { err, ok, type Result } from "../../../lib/result.ts";
import { reachable } from "./graph.ts";
import { planWorkflow, type Workflow } from "./plan.ts";
import { pointer } from "./shape.ts";
import type {
  DefinitionProblem,
  EdgeCondition,
  WorkflowDefinition,
  WorkflowNode,
} from "./types.ts";
import { workflowShape } from "./workflow-shape.ts";

/** A fault in one node; `path` is relative to the node. */
export interface NodeProblem {
  readonly path: string;
  readonly message: string;
  /** The host could run it if it offered this. */
  readonly requires?: string;
}

/** What registration must know of a node type. */
export interface NodeTypeRules {
  problems(node: WorkflowNode, workflowId: string): readonly NodeProblem[];
}

export interface ParseRules {
  /** Undefined for a type that this host does not have. */
  readonly typeOf: (typeId: string) => NodeTypeRules | undefined;
  /** Capabilities that this host offers, for example `agents.dispatch`. */
  readonly capabilities: ReadonlySet<string>;
  /** Why an expression cannot be evaluated; undefined when it can. */
  readonly expressionProblem: (expression: string) => string | undefined;
}

const DEPTH_MAX = 64;
const PROBLEMS_MAX = 100;

/** The workflow, or its faults: at most 100, those of shape before those of meaning. */
export function parseWorkflow(
  value: unknown,
  rules: ParseRules,
): Result<Workflow, readonly DefinitionProblem[]> {
  const problems: DefinitionProblem[] = [];
  const report = (path: string, message: string): void => {
    if (problems.length < PROBLEMS_MAX) problems.push({ path, message, code: "validation_error" });
  };
  if (exceedsDepth(value, DEPTH_MAX)) report("", `is nested deeper than ${DEPTH_MAX} levels`);
  else workflowShape(value, "", report);
  if (problems.length > 0) return err(problems);
  const definition = value as WorkflowDefinition;
  uniqueness(definition, report);
  endpoints(definition, report);
  expressions(definition, rules, report);
  nodeTypes(definition, rules, problems);
  if (problems.length > 0) return err(problems.slice(0, PROBLEMS_MAX));
  const planned = planWorkflow(definition);
  if ("cycle" in planned) {
    report("/edges", `may not form a cycle through ${planned.cycle.slice(0, 10).join(", ")}`);
    return err(problems);
  }
  connections(planned.workflow, report);
  return problems.length > 0 ? err(problems) : ok(planned.workflow);
}

type Report = (path: string, message: string) => void;

function uniqueness(definition: WorkflowDefinition, report: Report): void {
  const repeated = (list: string, values: readonly string[], field: string): void => {
    const seen = new Set<string>();
    values.forEach((value, index) => {
      if (seen.has(value)) report(`/${list}/${index}/${field}`, `"${value}" is used twice`);
      seen.add(value);
    });
  };
  const { nodes, edges, variables, channels = {} } = definition;
  repeated(
    "nodes",
    nodes.map(({ id }) => id),
    "id",
  );
  repeated(
    "edges",
    edges.map(({ id }) => id),
    "id",
  );
  repeated(
    "variables",
    variables.map(({ name }) => name),
    "name",
  );
  variables.forEach(({ name, type, defaultValue }, index) => {
    const path = `/variables/${index}`;
    if (Object.hasOwn(channels, name)) report(`${path}/name`, `"${name}" is a channel`);
    if (defaultValue !== undefined && typeName(defaultValue) !== type) {
      report(`${path}/defaultValue`, `must be of type ${type}`);
    }
  });
}

/** The contract's name for the type of a JSON value. */
function typeName(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

function endpoints(definition: WorkflowDefinition, report: Report): void {
  const known = new Set(definition.nodes.map(({ id }) => id));
  const rules = new Map<string, string>();
  definition.edges.forEach((edge, index) => {
    const path = `/edges/${index}`;
    for (const end of ["sourceNodeId", "targetNodeId"] as const) {
      if (!known.has(edge[end])) report(`${path}/${end}`, `no node "${edge[end]}"`);
    }
    if (edge.sourceNodeId === edge.targetNodeId) report(path, "leads from a node to itself");
    const rule = edge.triggerRule ?? "all_success";
    const first = rules.get(edge.targetNodeId) ?? rule;
    rules.set(edge.targetNodeId, first);
    if (rule !== first) {
      report(
        `${path}/triggerRule`,
        `all edges into "${edge.targetNodeId}" must have one rule, an earlier one has ${first}`,
      );
    }
  });
}

function expressions(definition: WorkflowDefinition, rules: ParseRules, report: Report): void {
  const check = (path: string, expression: string): void => {
    const problem = rules.expressionProblem(expression);
    if (problem !== undefined) report(path, problem);
  };
  definition.edges.forEach(({ condition }, index) => {
    if (condition === undefined) return;
    const path = `/edges/${index}/condition`;
    const missing = conditionProblem(condition);
    if (missing !== undefined) report(path, missing);
    if (condition.expression !== undefined) check(`${path}/expression`, condition.expression);
  });
  definition.nodes.forEach(({ inputs }, index) => {
    for (const [port, value] of Object.entries(inputs)) {
      if (value.type !== "expression") continue;
      check(`${pointer(`/nodes/${index}/inputs`, port)}/expression`, value.expression);
    }
  });
}

/** What a condition lacks to be one. */
export function conditionProblem(condition: EdgeCondition): string | undefined {
  const { type, left, right, expression } = condition;
  if (type === "expression" || (type === undefined && expression !== undefined)) {
    return expression === undefined ? "needs an expression" : undefined;
  }
  if (left === undefined || left === "") return "needs a left operand";
  if (type === "regex" && typeof right !== "string") return "needs a pattern on the right";
  return undefined;
}

function nodeTypes(
  definition: WorkflowDefinition,
  rules: ParseRules,
  problems: DefinitionProblem[],
): void {
  definition.nodes.forEach((node, index) => {
    const path = `/nodes/${index}`;
    const type = rules.typeOf(node.typeId);
    if (type === undefined) {
      const message = `no node type ${node.typeId}`;
      problems.push({ path: `${path}/typeId`, message, code: "validation_error" });
      return;
    }
    for (const problem of type.problems(node, definition.id)) {
      const { requires, message } = problem;
      if (requires === undefined) {
        problems.push({ path: path + problem.path, message, code: "validation_error" });
      } else if (!rules.capabilities.has(requires)) {
        const details = {
          requiredCapability: requires,
          offendingTypeId: node.typeId,
          nodeId: node.id,
        };
        problems.push({ path: path + problem.path, message, code: "capability_required", details });
      }
    }
  });
}

/** A connection reads what ran before; to anything else it would depend on chance. */
function connections(workflow: Workflow, report: Report): void {
  const backward: number[][] = workflow.nodes.map(() => []);
  for (const { outgoing } of workflow.nodes) {
    for (const { source, target } of outgoing) backward[target]?.push(source);
  }
  workflow.definition.nodes.forEach((node, place) => {
    const ports = Object.entries(node.inputs).filter(([, { type }]) => type === "connection");
    const index = workflow.byId.get(node.id)?.index;
    if (ports.length === 0 || index === undefined) return;
    const upstream = reachable(backward, index);
    for (const [port, value] of ports) {
      const { nodeId } = value as JsonObject & { readonly nodeId: string };
      const source = workflow.byId.get(nodeId);
      if (source !== undefined && source.index !== index && upstream.has(source.index)) continue;
      const path = `${pointer(`/nodes/${place}/inputs`, port)}/nodeId`;
      report(path, source === undefined ? `no node "${nodeId}"` : `"${nodeId}" is not upstream`);
    }
  });
}
