/**
 * What a run wants from the world, as a function of its state. After a decision the new ones are to
 * be done; after a restart all of them are (openwop-core §2.7). Each has a key that is free of the
 * run, under which its outcome is to be recorded before it is told.
 */
import type { JsonObject } from "../../lib/json.ts";
import type { EpochMs } from "../../lib/time.ts";
import type { Workflow } from "./definition/plan.ts";
import type { RunHost } from "./host.ts";
import { runDeadline } from "./limit.ts";
import {
  type Answer,
  type ChildState,
  isOverStatus,
  nodeState,
  openInterrupts,
  type RunState,
} from "./state.ts";

export type Effect =
  /** Do a node's work and tell it with `node-finished`. */
  | {
      readonly kind: "run-node";
      readonly key: string;
      readonly nodeId: string;
      readonly typeId: string;
      readonly iteration: number;
      readonly attempt: number;
      /** To be told back with `node-finished`. */
      readonly step: number;
      /** What the node's interrupts were answered with, in the order in which it raised them. */
      readonly answers: readonly Answer[];
      readonly config: JsonObject;
      readonly configurable: JsonObject;
      readonly inputs: JsonObject;
    }
  /** The attempt is over: stop working on it. */
  | { readonly kind: "abort-node"; readonly key: string }
  /**
   * Create a run and tell its id with `child-started`. When that is refused, its parent has ended:
   * the child is to be cancelled.
   */
  | {
      readonly kind: "start-child";
      readonly key: string;
      readonly ref: string;
      readonly nodeId: string;
      readonly workflowId: string;
      readonly inputs: JsonObject;
      /** Of the child; belongs in its `start`. */
      readonly depth: number;
    }
  /** Tell `child-finished` when this run has ended, or has ended already. */
  | {
      readonly kind: "await-child";
      readonly key: string;
      readonly ref: string;
      readonly childRunId: string;
    }
  /** Cancel this run with the parent's id, and tell `child-finished` when it has ended. */
  | {
      readonly kind: "cancel-child";
      readonly key: string;
      readonly ref: string;
      readonly childRunId: string;
    };

/** Everything that is to be done outside as things stand. */
export function outstandingEffects(workflow: Workflow, state: RunState): readonly Effect[] {
  if (state.end?.status === "completed") return [];
  const isStopping = state.end !== undefined || state.cancelling !== undefined;
  const children = childEffects(state, isStopping);
  return isStopping || state.paused !== undefined
    ? children
    : [...nodeEffects(workflow, state), ...children];
}

function nodeEffects(workflow: Workflow, state: RunState): readonly Effect[] {
  const effects: Effect[] = [];
  for (const [nodeId, own] of Object.entries(state.nodes)) {
    if (own.status !== "running" || own.doing !== "effect") continue;
    const node = workflow.byId.get(nodeId)?.node;
    if (node === undefined) continue;
    const { iteration, attempt, answers } = own;
    const step = answers.length;
    effects.push({
      kind: "run-node",
      key: `node/${nodeId}/${iteration}/${attempt}${step === 0 ? "" : `/${step}`}`,
      nodeId,
      typeId: node.typeId,
      iteration,
      attempt,
      step,
      answers,
      config: node.config,
      configurable: state.context.configurable,
      inputs: own.inputs ?? {},
    });
  }
  return effects;
}

function childEffects(state: RunState, isStopping: boolean): readonly Effect[] {
  const depth = (state.context.depth ?? 0) + 1;
  return Object.values(state.children).flatMap((child): readonly Effect[] => {
    const { ref, nodeId, workflowId, inputs, childRunId, status } = child;
    if (isOverStatus(status)) return [];
    if (isStopping) {
      if (childRunId === undefined || !child.propagateCancellation) return [];
      return [{ kind: "cancel-child", key: `cancel/${ref}`, ref, childRunId }];
    }
    const isWanted = child.detached || isCurrent(state, child);
    if (childRunId !== undefined) {
      const named = { ref, childRunId };
      if (!isWanted) return [{ kind: "cancel-child", key: `cancel/${ref}`, ...named }];
      return child.detached ? [] : [{ kind: "await-child", key: `await/${ref}`, ...named }];
    }
    return !isWanted
      ? []
      : [{ kind: "start-child", key: `child/${ref}`, ref, nodeId, workflowId, inputs, depth }];
  });
}

/** True while the attempt waits that asked for the child. */
function isCurrent(state: RunState, { nodeId, ref }: ChildState): boolean {
  const { status, doing, iteration, attempt } = nodeState(state, nodeId);
  const isWaiting = status === "running" && doing === "children";
  return isWaiting && ref.startsWith(`${nodeId}/${iteration}/${attempt}/`);
}

/** What a change of state asks for: effects that are new, and work that nobody waits for now. */
export function newEffects(
  workflow: Workflow,
  before: RunState | undefined,
  after: RunState,
): readonly Effect[] {
  const old = before === undefined ? [] : outstandingEffects(workflow, before);
  const now = outstandingEffects(workflow, after);
  const known = new Set(old.map(({ key }) => key));
  const wanted = new Set(now.map(({ key }) => key));
  return [
    ...old
      .filter(({ kind, key }) => kind === "run-node" && !wanted.has(key))
      .map(({ key }): Effect => ({ kind: "abort-node", key })),
    ...now.filter(({ key }) => !known.has(key)),
  ];
}

/** How long a cancelled run waits for its children. */
const CANCEL_MS = 4000;

export function cancelDeadline(state: RunState): EpochMs | undefined {
  return state.cancelling === undefined ? undefined : state.cancelling.at + CANCEL_MS;
}

/** When the run wants a `tick`: the earliest timer, retry, timeout, expiry or limit. */
export function dueAt(host: RunHost, state: RunState): EpochMs | undefined {
  if (state.end !== undefined || state.paused !== undefined) return undefined;
  const cancelAt = cancelDeadline(state);
  if (cancelAt !== undefined) return cancelAt;
  const times = [
    runDeadline(host, state),
    ...Object.values(state.nodes).flatMap(({ status, wakeAt, deadlineAt }) => {
      // A retry that falls due during a drain waits for the resume.
      const isWaiting = status === "running" || (status === "retrying" && !state.pausing);
      return isWaiting ? [wakeAt, deadlineAt] : [];
    }),
    ...openInterrupts(state).map(({ expiresAt }) => expiresAt),
  ].filter((at) => at !== undefined);
  return times.length === 0 ? undefined : times.reduce((one, other) => Math.min(one, other));
}
