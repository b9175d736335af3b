/**
 * A definition made ready to run: its nodes in the order in which they are looked at, and its edges
 * told apart. An edge is a *back edge* when it leads back on the way that led to it, in one of the
 * three ways that are allowed: into `core.loop`, from `core.dispatch` to a supervisor, or out of the `refine` output of an
 * approval gate. Without its back edges a graph must have no cycle.
 */
import { components, type Graph, retreating, topological } from "./graph.ts";
import type { TriggerRule, WorkflowDefinition, WorkflowEdge, WorkflowNode } from "./types.ts";

const DEFAULT_OUTPUT = "output";
const DEFAULT_INPUT = "input";
/** Output of an approval gate that sends work back. */
export const REFINE_OUTPUT = "refine";

export interface PlannedEdge {
  readonly edge: WorkflowEdge;
  /** Places of the two nodes in `Workflow.nodes`. */
  readonly source: number;
  readonly target: number;
  readonly sourceOutput: string;
  readonly targetInput: string;
  readonly back: boolean;
}

export interface PlannedNode {
  readonly node: WorkflowNode;
  /** Its place in `Workflow.nodes`. */
  readonly index: number;
  /** In the order of the definition, without back edges. */
  readonly incoming: readonly PlannedEdge[];
  readonly outgoing: readonly PlannedEdge[];
  readonly rule: TriggerRule;
}

/** A definition that can run. Make it with `parseWorkflow`, or `planWorkflow` for one parsed before. */
export interface Workflow {
  readonly definition: WorkflowDefinition;
  /** In topological order; nodes that could stand in any order keep that of the definition. */
  readonly nodes: readonly PlannedNode[];
  readonly byId: ReadonlyMap<string, PlannedNode>;
  /** Forward edges between places in `nodes`. */
  readonly forward: Graph;
}

/** The plan, or the ids of the nodes on cycles that may not be. Edges must name existing nodes. */
export function planWorkflow(
  definition: WorkflowDefinition,
): { readonly workflow: Workflow } | { readonly cycle: readonly string[] } {
  const { nodes, edges } = definition;
  const places = new Map(nodes.map(({ id }, place) => [id, place]));
  const ends = edges.map((edge) => ({
    edge,
    source: places.get(edge.sourceNodeId) ?? 0,
    target: places.get(edge.targetNodeId) ?? 0,
  }));
  const whole = graphOf(nodes.length, ends);
  const retreats = retreating(whole, entriesOf(nodes, whole));
  const told = ends.map((end) => ({
    ...end,
    back:
      end.source !== end.target &&
      retreats[end.source]?.has(end.target) === true &&
      closesLoop(nodes[end.source], nodes[end.target], end.edge),
  }));
  const forward = told.filter(({ back }) => !back);
  const graph = graphOf(nodes.length, forward);
  const order = topological(graph);
  if (order.length < nodes.length) return { cycle: onCycles(nodes, graph) };
  return { workflow: arranged(definition, order, told) };
}

interface Told {
  readonly edge: WorkflowEdge;
  readonly source: number;
  readonly target: number;
  readonly back: boolean;
}

function arranged(
  definition: WorkflowDefinition,
  order: readonly number[],
  told: readonly Told[],
): Workflow {
  const index = Array.from(order, () => 0);
  order.forEach((place, rank) => {
    index[place] = rank;
  });
  const incoming: PlannedEdge[][] = order.map(() => []);
  const outgoing: PlannedEdge[][] = order.map(() => []);
  for (const { edge, back, ...ends } of told) {
    const planned: PlannedEdge = {
      edge,
      back,
      source: index[ends.source] ?? 0,
      target: index[ends.target] ?? 0,
      sourceOutput: edge.sourceOutput ?? DEFAULT_OUTPUT,
      targetInput: edge.targetInput ?? DEFAULT_INPUT,
    };
    outgoing[planned.source]?.push(planned);
    if (!back) incoming[planned.target]?.push(planned);
  }
  const nodes = order.flatMap((place, rank): readonly PlannedNode[] => {
    const node = definition.nodes[place];
    const edges = incoming[rank] ?? [];
    const rule = edges[0]?.edge.triggerRule ?? "all_success";
    if (node === undefined) return [];
    return [{ node, index: rank, incoming: edges, outgoing: outgoing[rank] ?? [], rule }];
  });
  return {
    definition,
    nodes,
    byId: new Map(nodes.map((planned) => [planned.node.id, planned])),
    forward: nodes.map(({ outgoing: edges }) =>
      edges.filter(({ back }) => !back).map(({ target }) => target),
    ),
  };
}

/** Where a run can begin: nodes without edges into them, and the heads of cycles without any. */
function entriesOf(nodes: readonly WorkflowNode[], graph: Graph): readonly number[] {
  const component = components(graph);
  const entered = new Set<number | undefined>();
  graph.forEach((targets, source) => {
    for (const target of targets) {
      if (component[target] !== component[source]) entered.add(component[target]);
    }
  });
  const heads = new Map<number | undefined, number>();
  nodes.forEach(({ typeId }, place) => {
    const held = component[place];
    if (entered.has(held)) return;
    if (!heads.has(held)) heads.set(held, place);
    else if (HEADS.has(typeId) && !HEADS.has(nodes[heads.get(held) ?? 0]?.typeId ?? "")) {
      heads.set(held, place);
    }
  });
  return [...heads.values()].toSorted((one, other) => one - other);
}

const HEADS: ReadonlySet<string> = new Set(["core.loop", "core.orchestrator.supervisor"]);

function closesLoop(
  source: WorkflowNode | undefined,
  target: WorkflowNode | undefined,
  edge: WorkflowEdge,
): boolean {
  if (target?.typeId === "core.loop") return true;
  if (source?.typeId === "core.dispatch") return target?.typeId === "core.orchestrator.supervisor";
  return source?.typeId === "core.approvalGate" && edge.sourceOutput === REFINE_OUTPUT;
}

function graphOf(
  count: number,
  ends: readonly { readonly source: number; readonly target: number }[],
): Graph {
  const graph: number[][] = Array.from({ length: count }, () => []);
  for (const { source, target } of ends) graph[source]?.push(target);
  return graph;
}

function onCycles(nodes: readonly WorkflowNode[], graph: Graph): readonly string[] {
  const component = components(graph);
  const sizes = new Map<number, number>();
  for (const held of component) sizes.set(held, (sizes.get(held) ?? 0) + 1);
  return nodes
    .filter((_, place) => (sizes.get(component[place] ?? -1) ?? 0) > 1)
    .map(({ id }) => id);
}
