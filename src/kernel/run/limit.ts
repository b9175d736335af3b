/** What a run may use up, and the one breach that ends it (openwop-core §3.7). */

import type { JsonObject } from "../../lib/json.ts";
import type { EpochMs } from "../../lib/time.ts";
import type { WorkflowNode } from "./definition/types.ts";
import type { RunHost } from "./host.ts";
import type { Session } from "./session.ts";
import type { RunState } from "./state.ts";
import { failRun, stopNodes } from "./terminal.ts";

const NODE_EXECUTIONS = 100;

interface Breach {
  /** One of the contract's kinds of cap. */
  readonly kind: string;
  readonly limit: number;
  readonly observed: number;
  readonly nodeId?: string;
  readonly code: string;
}

/** Ends the run: `cap.breached`, whose `observed` is over the limit, and `run.failed` behind it. */
export function breach(session: Session, { code, ...breached }: Breach): void {
  const { kind, limit, nodeId } = breached;
  stopNodes(session, kind);
  const observed = Math.max(breached.observed, limit + 1);
  const payload = { kind, limit, observed, nodeId };
  const causedBy = session.emit({
    type: "cap.breached",
    payload,
    ...(nodeId === undefined ? {} : { nodeId }),
  });
  failRun(session, {
    error: { code, message: `${kind}: ${observed} is over ${limit}`, retryable: false },
    nodeId,
    causedBy,
  });
}

/** The breach that starting this node now would be; undefined when it may start. */
export function startBreach(session: Session, node: WorkflowNode): Breach | undefined {
  const { counters } = session.state;
  const { id: nodeId, typeId, config } = node;
  const executions = executionLimit(session);
  if (counters.nodeExecutions >= executions) {
    const observed = executions + 1;
    const code = "recursion_limit_exceeded";
    return { kind: "node-executions", limit: executions, observed, nodeId, code };
  }
  const isSupervisor = typeId === "core.orchestrator.supervisor";
  const cap = typeId === "core.dispatch" ? config["iterationCap"] : undefined;
  const limit = isSupervisor ? turnLimit(session) : cap;
  const used = isSupervisor ? counters.turns : counters.dispatches;
  if (typeof limit !== "number" || used < limit) return undefined;
  const code = "loop_limit_exceeded";
  return { kind: "loop-iterations", limit, observed: used + 1, nodeId, code };
}

function executionLimit({ host, state }: Pick<Session, "host" | "state">): number {
  const ceiling = host.limits.maxNodeExecutions;
  const wished = positive(state.context.configurable, "recursionLimit");
  return Math.min(wished ?? ceiling ?? NODE_EXECUTIONS, ceiling ?? Number.POSITIVE_INFINITY);
}

/** Supervisor turns that a run may take. */
function turnLimit({ host, state }: Pick<Session, "host" | "state">): number {
  const wished = positive(state.context.configurable, "maxLoopIterations");
  const none = Number.POSITIVE_INFINITY;
  return Math.min(wished ?? none, host.limits.maxLoopIterations ?? none);
}

export function durationLimit(host: RunHost, state: RunState): number | undefined {
  const wished = positive(state.context.configurable, "runTimeoutMs");
  const ceiling = host.limits.maxRunDurationMs;
  if (wished === undefined) return ceiling;
  return Math.min(wished, ceiling ?? wished);
}

/** When the run has lasted too long; the time that it was paused does not count. */
export function runDeadline(host: RunHost, state: RunState): EpochMs | undefined {
  const limit = durationLimit(host, state);
  return limit === undefined ? undefined : state.startedAt + state.pausedMs + limit;
}

function positive(configurable: JsonObject, name: string): number | undefined {
  const value = configurable[name];
  return typeof value === "number" && value >= 1 ? value : undefined;
}
