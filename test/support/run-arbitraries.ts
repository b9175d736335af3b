/** Random workflows of every kind of node, and a world that drives them to their end by itself. */
import fc from "fast-check";
import { TRIGGER_RULES } from "../../src/kernel/run/definition/types.ts";
import { openInterrupts } from "../../src/kernel/run/state.ts";
import { definitionOf, RunWorld, type Work } from "./run-world.ts";

export const CHILD = definitionOf({
  id: "child",
  nodes: [
    { id: "wait", typeId: "core.delay", config: { ms: 50 } },
    { id: "set", typeId: "core.setVariable", config: { name: "result", value: "made" } },
  ],
  edges: ["wait -> set"],
});

const NODES: readonly Readonly<Record<string, unknown>>[] = [
  {},
  { typeId: "core.identity" },
  { disabled: true },
  { typeId: "core.delay", config: { ms: 100 } },
  { typeId: "core.setVariable", config: { name: "v", value: 1 } },
  { typeId: "core.channelWrite", config: { channelName: "log", value: "x" } },
  { typeId: "core.conditional", config: { condition: { left: "variables.v", right: 1 } } },
  { typeId: "core.merge", config: { mode: "array" } },
  { typeId: "test.work" },
  { typeId: "test.work", settings: { maxRetries: 1, retryBackoffMs: 10 } },
  { typeId: "test.work", settings: { timeout: 30, maxRetries: 1 } },
  { typeId: "test.ask", settings: { maxRetries: 1, retryBackoffMs: 10 } },
  { typeId: "core.approvalGate" },
  { typeId: "core.clarificationGate", config: { questions: [{ id: "q", question: "?" }] } },
  {
    typeId: "core.subWorkflow",
    config: { workflowId: "child", outputMapping: { fromChild: "result" } },
  },
  { typeId: "core.subWorkflow", config: { workflowId: "child", waitForCompletion: false } },
  { typeId: "core.conversationGate", config: { mockAutoResume: true, turnCount: 2 } },
  { typeId: "core.fail" },
];

interface Shape {
  readonly kinds: readonly number[];
  readonly edges: readonly {
    readonly from: number;
    readonly to: number;
    readonly output: number;
  }[];
  readonly rules: readonly number[];
  readonly loops: boolean;
}

const shapes: fc.Arbitrary<Shape> = fc.record({
  kinds: fc.array(fc.nat({ max: NODES.length - 1 }), { minLength: 1, maxLength: 8 }),
  edges: fc.array(
    fc.record({ from: fc.nat({ max: 7 }), to: fc.nat({ max: 7 }), output: fc.nat({ max: 5 }) }),
    { maxLength: 12 },
  ),
  rules: fc.array(fc.nat({ max: TRIGGER_RULES.length - 1 }), { minLength: 8, maxLength: 8 }),
  loops: fc.boolean(),
});

const OUTPUTS = [undefined, undefined, undefined, "true", "false", "reject"] as const;

function definitionFrom({ kinds, edges, rules, loops }: Shape): Record<string, unknown> {
  const nodes = kinds.map((kind, index) => ({ id: `n${index}`, ...NODES[kind] }));
  const drawn = edges
    .map(({ from, to, output }) => ({ from: from % kinds.length, to: to % kinds.length, output }))
    .filter(({ from, to }) => from < to)
    .map(({ from, to, output }) => ({
      sourceNodeId: `n${from}`,
      targetNodeId: `n${to}`,
      triggerRule: TRIGGER_RULES[rules[to] ?? 0],
      ...(OUTPUTS[output] === undefined ? {} : { sourceOutput: OUTPUTS[output] }),
    }));
  const loop = [
    { id: "loop", typeId: "core.loop", config: { count: 2 } },
    { id: "body", typeId: "test.work" },
  ];
  return definitionOf({
    nodes: loops ? [...nodes, ...loop] : nodes,
    edges: loops ? [...drawn, "n0 -> loop", "loop:body -> body", "body -> loop"] : drawn,
    channels: { log: { reducer: "append", ttlMs: 120 }, talk: { reducer: "message" } },
  });
}

export const workflows: fc.Arbitrary<Record<string, unknown>> = shapes.map(definitionFrom);

/** Asks first where it is to ask, and fails the first attempt of every other node. */
export const work: Work = ({ nodeId, typeId, attempt, iteration, inputs, step }) => {
  if (typeId === "test.ask" && step === 0) {
    const data = { questions: [{ id: "q", question: "?" }] };
    return { outcome: { ok: false, suspend: { kind: "clarification", data } } };
  }
  if (attempt === 0 && Number(nodeId.slice(1)) % 2 === 1) {
    return { outcome: { ok: false, error: { code: "flaky", message: "not this time" } } };
  }
  return {
    outcome: { ok: true, outputs: { output: `${nodeId}/${iteration}`, inputs } },
    events: [{ type: "log.appended", payload: { level: "info", message: nodeId } }],
    variables: { [`by-${nodeId}`]: iteration },
  };
};

export interface Control {
  readonly step: number;
  readonly kind: "cancel" | "pause" | "stop" | "resume";
}

/** What an operator does while a run goes on; a pause is always followed by a resume. */
export const controls: fc.Arbitrary<readonly Control[]> = fc
  .array(
    fc.record({
      step: fc.nat({ max: 25 }),
      kind: fc.constantFrom("pause", "pause", "stop", "stop", "cancel"),
    }),
    { maxLength: 3 },
  )
  .map((drawn) =>
    drawn.flatMap((control): readonly Control[] =>
      control.kind === "cancel" ? [control] : [control, { step: control.step + 3, kind: "resume" }],
    ),
  );

function operate(world: RunWorld, { kind }: Control): void {
  const { now } = world;
  if (kind === "cancel") world.send("run-1", { kind, now, by: "ann" });
  else if (kind === "resume") world.send("run-1", { kind, now });
  else {
    const drainPolicy = kind === "pause" ? "drain-current-node" : "immediate";
    world.send("run-1", { kind: "pause", now, drainPolicy });
  }
}

const STEP_MS = 10;
const STEPS_MAX = 400;

/** Runs until everything has ended, answering whatever is asked. `between` is called at each step. */
export function drive(
  world: RunWorld,
  operations: readonly Control[] = [],
  between: (step: number) => void = () => undefined,
): void {
  for (let step = 0; step < STEPS_MAX; step += 1) {
    world.pass(STEP_MS);
    for (const control of operations) if (control.step === step) operate(world, control);
    between(step);
    for (const [runId, { state }] of world.runs) {
      const [open] = openInterrupts(state);
      if (open === undefined) continue;
      const value = open.kind === "approval" ? { action: "accept" } : { answers: { q: "a" } };
      world.send(runId, {
        kind: "resolve",
        now: world.now,
        target: { interruptId: open.interruptId },
        value,
        by: "ann",
        via: "bearer",
      });
    }
    if ([...world.runs.values()].every(({ state }) => state.end !== undefined)) return;
  }
}

/** A world in which this workflow has started. */
export function worldOf(definition: Record<string, unknown>): RunWorld {
  const world = new RunWorld([definition, CHILD], { work });
  world.start("w", { inputs: { v: 1 } });
  return world;
}
