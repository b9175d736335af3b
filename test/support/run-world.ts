/**
 * Runs of workflows in memory, with a clock that only moves when told: the kernel's decisions, and
 * the simplest interpreter of their effects. Every event is held against the contract's schema.
 */

import type { RunContext } from "../../src/kernel/run/context.ts";
import { type Decision, decide } from "../../src/kernel/run/decide.ts";
import { parseWorkflow } from "../../src/kernel/run/definition/parse.ts";
import type { Workflow } from "../../src/kernel/run/definition/plan.ts";
import { eventDocument } from "../../src/kernel/run/document.ts";
import { dueAt, type Effect, outstandingEffects } from "../../src/kernel/run/effect.ts";
import type { LoggedEvent } from "../../src/kernel/run/events.ts";
import { foldAll } from "../../src/kernel/run/fold.ts";
import type { Evaluate, RunHost, RunLimits } from "../../src/kernel/run/host.ts";
import type { NodeFinished, RunInput } from "../../src/kernel/run/input.ts";
import { nodeTypeOf } from "../../src/kernel/run/nodes/catalogue.ts";
import { effectNode } from "../../src/kernel/run/nodes/probes.ts";
import type { RunRejection } from "../../src/kernel/run/rejection.ts";
import type { RunPlan } from "../../src/kernel/run/session.ts";
import type { RunState } from "../../src/kernel/run/state.ts";
import type { Result } from "../../src/lib/result.ts";
import { checkEvent } from "./run-schemas.ts";

export const T0 = Date.UTC(2026, 0, 1);

export const CAPABILITIES: ReadonlySet<string> = new Set([
  "agents.orchestrator",
  "agents.dispatch",
  "agents.dispatchMapping",
  "subWorkflow.inputMapping",
  "conversationPrimitive",
  "conformance.mockAgent",
  "conformance.probes",
]);

const OPERATORS: Readonly<Record<string, (left: never, right: never) => unknown>> = {
  "==": (left, right) => left === right,
  "!=": (left, right) => left !== right,
  "<": (left, right) => left < right,
  ">": (left, right) => left > right,
  "+": (left: number, right: number) => left + right,
};

/** As much of an expression language as the tests need: `path`, or `path operator literal`. */
export const evaluate: Evaluate = (expression, bindings) => {
  if (expression === "subject.matches(pattern)") {
    const { subject, pattern } = bindings;
    return { ok: true, value: new RegExp(String(pattern)).test(String(subject)) };
  }
  const [left = "", operator, ...rest] = expression.split(" ");
  const value = operand(left, bindings);
  if (value === undefined) return { ok: false, message: `no ${left}` };
  if (operator === undefined) return { ok: true, value };
  const operation = OPERATORS[operator];
  if (operation === undefined) return { ok: false, message: `no operator ${operator}` };
  return { ok: true, value: operation(value as never, operand(rest.join(" "), bindings) as never) };
};

function operand(text: string, bindings: Readonly<Record<string, unknown>>): unknown {
  if (/^(?:-?\d+|true|false|null|".*")$/.test(text)) return JSON.parse(text) as unknown;
  let value: unknown = bindings;
  for (const step of text.split("."))
    value = (value as Record<string, unknown> | undefined)?.[step];
  return value;
}

export function hostWith(limits: RunLimits = {}): RunHost {
  const work = effectNode();
  return {
    evaluate,
    limits,
    capabilities: CAPABILITIES,
    typeOf: (typeId) => nodeTypeOf(typeId) ?? (typeId.startsWith("test.") ? work : undefined),
  };
}

export function workflowOf(definition: unknown): Workflow {
  const parsed = parseWorkflow(definition, {
    typeOf: hostWith().typeOf,
    capabilities: CAPABILITIES,
    expressionProblem: () => undefined,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

interface DefinitionParts {
  readonly id?: string;
  readonly nodes: readonly (Partial<Record<string, unknown>> & { readonly id: string })[];
  /** `a -> b`, with an output as in `a:body -> b`; or a whole edge. */
  readonly edges?: readonly (string | Readonly<Record<string, unknown>>)[];
  readonly variables?: readonly unknown[];
  readonly channels?: Readonly<Record<string, unknown>>;
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** A definition with everything that is required and of no interest. */
export function definitionOf(parts: DefinitionParts): Record<string, unknown> {
  const { id = "w", nodes, edges = [], variables = [], channels, settings = {} } = parts;
  return {
    id,
    name: id,
    version: "1",
    nodes: nodes.map((node) => ({
      typeId: "core.noop",
      name: node.id,
      position: { x: 0, y: 0 },
      config: {},
      inputs: {},
      ...node,
    })),
    edges: edges.map(edgeOf),
    triggers: [],
    variables,
    metadata: {},
    settings,
    ...(channels === undefined ? {} : { channels }),
  };
}

function edgeOf(edge: string | Readonly<Record<string, unknown>>, index: number): unknown {
  if (typeof edge !== "string") return { id: `e${index}`, ...edge };
  const [source = "", targetNodeId = ""] = edge.split(" -> ");
  const [sourceNodeId = "", sourceOutput] = source.split(":");
  return {
    id: `e${index}`,
    sourceNodeId,
    targetNodeId,
    ...(sourceOutput === undefined ? {} : { sourceOutput }),
  };
}

/** Work of a node outside: what it comes to. Absent means that nobody does it. */
export type Work = (
  effect: Effect & { readonly kind: "run-node" },
) => Pick<NodeFinished, "outcome" | "events" | "variables" | "writes"> | undefined;

interface Run {
  readonly plan: RunPlan;
  log: LoggedEvent[];
  state: RunState;
}

interface Watcher {
  readonly runId: string;
  readonly ref: string;
}

interface WorldOptions {
  readonly work?: Work;
  readonly limits?: RunLimits;
}

const ROUNDS_MAX = 10_000;
const DONE: Work = () => ({ outcome: { ok: true, outputs: {} } });

export class RunWorld {
  now = T0;
  readonly runs = new Map<string, Run>();
  readonly #workflows = new Map<string, Workflow>();
  readonly #work: Work;
  readonly #host: RunHost;
  readonly #watchers = new Map<string, readonly Watcher[]>();
  readonly #effects: { readonly runId: string; readonly effect: Effect }[] = [];
  /** Effects that were asked for, in order. */
  readonly asked: Effect[] = [];

  constructor(definitions: readonly unknown[], { work = DONE, limits = {} }: WorldOptions = {}) {
    for (const definition of definitions) {
      const workflow = workflowOf(definition);
      this.#workflows.set(workflow.definition.id, workflow);
    }
    this.#work = work;
    this.#host = hostWith(limits);
  }

  plan(workflowId: string): RunPlan {
    const workflow = this.#workflows.get(workflowId);
    if (workflow === undefined) throw new Error(`no workflow ${workflowId}`);
    return { workflow, host: this.#host };
  }

  start(workflowId: string, options: { inputs?: object; configurable?: object } = {}): string {
    const runId = `run-${this.runs.size + 1}`;
    const started = this.#create(runId, workflowId, options);
    if (!started.ok) throw new Error(started.error.message);
    return runId;
  }

  #create(
    runId: string,
    workflowId: string,
    options: {
      inputs?: object;
      configurable?: object;
      parent?: RunContext["parent"];
      depth?: number;
    },
  ): Result<Decision, RunRejection> {
    const { inputs = {}, configurable = {}, parent, depth = 0 } = options;
    const plan = this.plan(workflowId);
    const decision = decide(plan, undefined, {
      kind: "start",
      now: this.now,
      run: {
        runId,
        inputs: { ...inputs },
        configurable: { ...configurable },
        ...(parent === undefined ? {} : { parent, depth }),
      },
    });
    if (!decision.ok) return decision;
    this.runs.set(runId, { plan, log: [], state: decision.value.state });
    this.#take(runId, decision.value);
    return decision;
  }

  send(runId: string, input: RunInput): Result<Decision, RunRejection> {
    const run = this.run(runId);
    const decision = decide(run.plan, run.state, input);
    if (decision.ok) this.#take(runId, decision.value);
    return decision;
  }

  /** Takes a run that was made elsewhere, for example by a fork. */
  adopt(runId: string, workflowId: string, decision: Decision): void {
    const plan = this.plan(workflowId);
    this.runs.set(runId, { plan, log: [], state: decision.state });
    this.#take(runId, decision);
  }

  #take(runId: string, { events, effects, state }: Decision): void {
    const run = this.run(runId);
    const from = run.log.length;
    run.log.push(...events);
    run.state = state;
    events.forEach((event, index) => {
      checkEvent(eventDocument(runId, from + index, event));
    });
    for (const effect of effects) {
      this.asked.push(effect);
      this.#effects.push({ runId, effect });
    }
    if (state.end === undefined || events.length === 0) return;
    for (const watcher of this.#watchers.get(runId) ?? []) this.#tell(watcher, state);
  }

  #tell({ runId, ref }: Watcher, { end, variables }: RunState): void {
    if (end === undefined) return;
    this.send(runId, {
      kind: "child-finished",
      now: this.now,
      ref,
      status: end.status,
      variables,
      outputs: end.outputs ?? {},
      ...(end.error === undefined ? {} : { error: end.error }),
    });
  }

  /** Tells a run when its child has ended, or at once when it has already. */
  #watch(childRunId: string, watcher: Watcher): void {
    const { state } = this.run(childRunId);
    if (state.end !== undefined) this.#tell(watcher, state);
    else this.#watchers.set(childRunId, [...(this.#watchers.get(childRunId) ?? []), watcher]);
  }

  run(runId: string): Run {
    const run = this.runs.get(runId);
    if (run === undefined) throw new Error(`no run ${runId}`);
    return run;
  }

  /** Carries out effects until none is left. Time stands still. */
  settle(): void {
    for (let next = this.#effects.shift(); next !== undefined; next = this.#effects.shift()) {
      this.#carryOut(next.runId, next.effect);
    }
  }

  #carryOut(runId: string, effect: Effect): void {
    const { now } = this;
    if (effect.kind === "run-node") {
      const { nodeId, iteration, attempt, step } = effect;
      const done = this.#work(effect);
      const input = { kind: "node-finished", now, nodeId, iteration, attempt, step } as const;
      if (done !== undefined) this.send(runId, { ...input, ...done });
    } else if (effect.kind === "start-child") {
      this.#startChild(runId, effect);
    } else if (effect.kind === "await-child") {
      this.#watch(effect.childRunId, { runId, ref: effect.ref });
    } else if (effect.kind === "cancel-child") {
      this.send(effect.childRunId, { kind: "cancel", now, parentRunId: runId });
      this.#watch(effect.childRunId, { runId, ref: effect.ref });
    }
  }

  #startChild(runId: string, effect: Effect & { readonly kind: "start-child" }): void {
    const { ref, workflowId, inputs, nodeId, depth } = effect;
    const { now } = this;
    if (!this.#workflows.has(workflowId)) {
      const error = { code: "unknown_child_workflow", message: `no workflow ${workflowId}` };
      this.send(runId, { kind: "child-started", now, ref, started: { error } });
      return;
    }
    const childRunId = `run-${this.runs.size + 1}`;
    const started = { childRunId, status: "running" };
    const created = this.#create(childRunId, workflowId, {
      inputs,
      depth,
      parent: { runId, nodeId },
    });
    if (!created.ok) {
      const { code, message } = created.error;
      this.send(runId, { kind: "child-started", now, ref, started: { error: { code, message } } });
      return;
    }
    const told = this.send(runId, { kind: "child-started", now, ref, started });
    // The parent has ended in the meantime: nobody waits for this child.
    if (!told.ok) this.send(childRunId, { kind: "cancel", now, parentRunId: runId });
  }

  /** Moves the clock on, and lets every run do what is due on the way. */
  pass(ms: number): void {
    const until = this.now + ms;
    let rounds = 0;
    for (;;) {
      this.settle();
      const due = this.#earliest();
      if (due === undefined || due > until) break;
      this.now = Math.max(this.now, due);
      for (const runId of this.runs.keys()) this.send(runId, { kind: "tick", now: this.now });
      rounds += 1;
      if (rounds > ROUNDS_MAX) throw new Error("a run is due again and again without moving");
    }
    this.now = until;
  }

  #earliest(): number | undefined {
    const times = [...this.runs.values()]
      .map(({ state, plan }) => dueAt(plan.host, state))
      .filter((at) => at !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** As after a death: everything in memory is gone, the log is not. */
  restart(): void {
    this.#effects.length = 0;
    this.#watchers.clear();
    for (const [runId, run] of this.runs) {
      const state = foldAll(run.log);
      if (state === undefined) throw new Error("a log without a start");
      run.state = state;
      if (state.end !== undefined) continue;
      this.send(runId, { kind: "continue", now: this.now, cause: "takeover" });
      for (const effect of outstandingEffects(run.plan.workflow, run.state)) {
        this.#effects.push({ runId, effect });
      }
    }
  }

  log(runId: string): readonly LoggedEvent[] {
    return this.run(runId).log;
  }

  types(runId: string): readonly string[] {
    return this.log(runId).map(({ type, nodeId }) =>
      nodeId === undefined ? type : `${type} ${nodeId}`,
    );
  }

  state(runId: string): RunState {
    return this.run(runId).state;
  }
}

/** Starts one definition and lets everything happen that can without anybody's help. */
export function ran(
  definition: unknown,
  options: WorldOptions & { inputs?: object } = {},
): RunWorld {
  const { inputs = {}, ...rest } = options;
  const world = new RunWorld([definition], rest);
  world.start((definition as { id: string }).id, { inputs });
  world.pass(3_600_000);
  return world;
}
