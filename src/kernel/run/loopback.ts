/**
 * Where a completed node leads: which of its edges do not hold, and what its back edges begin anew.
 * Everything behind a loop's head that has run becomes pending in its next iteration.
 */
import type { JsonObject } from "../../lib/json.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { holds } from "./condition.ts";
import { reachable } from "./definition/graph.ts";
import { type PlannedEdge, type PlannedNode, REFINE_OUTPUT } from "./definition/plan.ts";
import type { Loopback } from "./events.ts";
import type { RunError } from "./input.ts";
import type { Outcome } from "./node-type.ts";
import { bindingsOf } from "./ports.ts";
import type { Session } from "./session.ts";
import { nodeState, own } from "./state.ts";

const LOOPBACKS = 5;

interface Route {
  readonly declined: readonly string[];
  readonly loop?: Loopback;
}

type Completion = Outcome & { readonly kind: "complete" };

/** The route, or the error that the node fails with instead of completing. */
export function routeOf(
  session: Session,
  planned: PlannedNode,
  outcome: Completion,
): Result<Route, RunError> {
  const declined: string[] = [];
  for (const { edge, sourceOutput } of planned.outgoing) {
    if (edge.condition === undefined || !leadsOn(outcome, sourceOutput)) continue;
    const bindings = {
      ...bindingsOf(session.state, session.workflow, planned),
      ...outcome.outputs,
      outputs: outcome.outputs,
      status: "completed",
    };
    const held = holds(edge.condition, bindings, session.host.evaluate);
    if (!held.ok) {
      const message = `condition of edge "${edge.id}": ${held.error}`;
      return err({ code: "condition_failed", message, retryable: false });
    }
    if (!held.value) declined.push(edge.id);
  }
  const taken = targetsOf(planned, outcome, declined);
  if (taken.length === 0) return ok({ declined });
  const error = isPolicedLoop(session, planned) ? limitError(session, planned) : undefined;
  return error === undefined
    ? ok({ declined, loop: loopback(session, planned, { outcome, taken }) })
    : err(error);
}

function leadsOn({ ports }: Completion, output: string): boolean {
  return ports === undefined || ports.includes(output);
}

interface Taken {
  readonly target: number;
  /** Absent where a gate sends work back without an edge that says so. */
  readonly edge?: PlannedEdge;
}

function targetsOf(
  planned: PlannedNode,
  outcome: Completion,
  declined: readonly string[],
): readonly Taken[] {
  if (outcome.endsLoop === true) return [];
  const back = planned.outgoing.filter(
    ({ back: isBack, edge, sourceOutput }) =>
      isBack && leadsOn(outcome, sourceOutput) && !declined.includes(edge.id),
  );
  if (back.length > 0) return back.map((edge) => ({ target: edge.target, edge }));
  const refines = outcome.again === true && outcome.ports?.includes(REFINE_OUTPUT) === true;
  // A refusal with feedback goes to whoever made the thing, also where no edge was drawn for it.
  return refines ? planned.incoming.map(({ source }) => ({ target: source })) : [];
}

/** Dispatch and counted loops have limits of their own. */
function isPolicedLoop(session: Session, planned: PlannedNode): boolean {
  if (planned.node.typeId === "core.dispatch") return false;
  const heads = planned.outgoing
    .filter(({ back }) => back)
    .map(({ target }) => session.workflow.nodes[target]?.node.typeId);
  return !heads.includes("core.loop");
}

function limitError(session: Session, { node }: PlannedNode): RunError | undefined {
  const limit = session.workflow.definition.settings.maxLoopbackIterations ?? LOOPBACKS;
  const iterations = (own(session.state.loopbacks, node.id) ?? 0) + 1;
  if (iterations <= limit) return undefined;
  session.emit({
    type: "workflow.loopback-limit",
    nodeId: node.id,
    payload: { nodeId: node.id, iterations, limit },
  });
  const message = `sent back ${iterations} times, ${limit} are allowed`;
  return { code: "loop_limit_exceeded", message, retryable: false };
}

function loopback(
  session: Session,
  planned: PlannedNode,
  { outcome, taken }: { readonly outcome: Completion; readonly taken: readonly Taken[] },
): Loopback {
  const { workflow, state } = session;
  const places = new Set([planned.index]);
  for (const { target } of taken) {
    for (const place of reachable(workflow.forward, target)) places.add(place);
  }
  const reset = [...places]
    .toSorted((one, other) => one - other)
    .flatMap((place) => workflow.nodes[place]?.node.id ?? [])
    .filter((nodeId) => nodeId === planned.node.id || isOver(session, nodeId));
  const deliver: Record<string, JsonObject> = {};
  const keeps: string[] = [];
  for (const { target, edge } of taken) {
    const head = workflow.nodes[target]?.node;
    if (head === undefined) continue;
    const value = edge === undefined ? undefined : own(outcome.outputs, edge.sourceOutput);
    deliver[head.id] = {
      ...nodeState(state, head.id).delivered,
      ...(edge === undefined || value === undefined ? {} : { [edge.targetInput]: value }),
      ...outcome.feedback,
    };
    if (head.typeId === "core.loop") keeps.push(head.id);
  }
  return { reset, deliver, keeps };
}

function isOver({ state }: Session, nodeId: string): boolean {
  const { status } = nodeState(state, nodeId);
  return status === "completed" || status === "failed" || status === "skipped";
}
