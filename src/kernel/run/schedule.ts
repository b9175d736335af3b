/**
 * Which nodes run next (openwop-core §3.4): trigger rules, skips, and the order of ready nodes, which
 * is that of `Workflow.nodes`.
 */
import { startNode } from "./attempt.ts";
import type { PlannedNode } from "./definition/plan.ts";
import type { TriggerRule } from "./definition/types.ts";
import { edgeState } from "./ports.ts";
import type { Session } from "./session.ts";
import { nodeState } from "./state.ts";

type Verdict = "ready" | "skip" | "wait";

interface Upstream {
  readonly undecided: number;
  readonly success: number;
  readonly failed: number;
}

const RULES: Readonly<Record<TriggerRule, (upstream: Upstream) => Verdict>> = {
  all_success: ({ undecided, success, failed }) => {
    if (undecided > 0) return "wait";
    return failed === 0 && success > 0 ? "ready" : "skip";
  },
  any_success: ({ undecided, success }) => {
    if (success > 0) return "ready";
    return undecided > 0 ? "wait" : "skip";
  },
  all_complete: ({ undecided }) => (undecided > 0 ? "wait" : "ready"),
  none_failed: ({ undecided, failed }) => {
    if (failed > 0) return "skip";
    return undecided > 0 ? "wait" : "ready";
  },
  any_failed: ({ undecided, failed }) => {
    if (failed > 0) return "ready";
    return undecided > 0 ? "wait" : "skip";
  },
};

/** Starts, skips or leaves every node that is to be looked at, until nothing moves. */
export function advance(session: Session): void {
  while (session.isOpen) {
    const planned = session.next();
    if (planned === undefined) return;
    if (nodeState(session.state, planned.node.id).status === "pending") consider(session, planned);
  }
}

function consider(session: Session, planned: PlannedNode): void {
  const verdict = RULES[planned.rule](upstreamOf(session, planned));
  const isRoot = planned.incoming.length === 0;
  if (verdict === "wait" && !isRoot) return;
  if (planned.node.disabled === true) skip(session, planned, "disabled");
  else if (verdict === "ready" || isRoot) startNode(session, planned);
  else skip(session, planned, `trigger rule ${planned.rule} cannot be met`);
}

function upstreamOf(session: Session, { incoming }: PlannedNode): Upstream {
  let undecided = 0;
  let success = 0;
  let failed = 0;
  for (const edge of incoming) {
    const state = edgeState(nodeState(session.state, edge.edge.sourceNodeId), edge);
    if (state === "undecided") undecided += 1;
    else if (state === "success") success += 1;
    else if (state === "failed") failed += 1;
  }
  return { undecided, success, failed };
}

function skip(session: Session, planned: PlannedNode, reason: string): void {
  const nodeId = planned.node.id;
  session.emit({ type: "node.skipped", nodeId, payload: { nodeId, reason } });
  session.lookAfter(planned);
}

/** Looks at every node: after a start, a resume, or a log that ends anywhere. */
export function lookAtAll(session: Session): void {
  for (const { index, node } of session.workflow.nodes) {
    if (nodeState(session.state, node.id).status === "pending") session.look(index);
  }
}
