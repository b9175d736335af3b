/** A run's first commit (openwop-core §1.4, §3.2, §3.8). */
import { exceedsDepth, isJsonObject, type JsonObject } from "../../lib/json.ts";
import { ok, type Result } from "../../lib/result.ts";
import type { EpochMs } from "../../lib/time.ts";
import type { RunContext } from "./context.ts";
import type { WorkflowDefinition } from "./definition/types.ts";
import type { LoggedEvent } from "./events.ts";
import type { StartRun } from "./input.ts";
import { type RunRejection, refuse } from "./rejection.ts";
import type { RunPlan } from "./session.ts";
import { variableProblem } from "./variable.ts";

const DEPTH_MAX = 64;
const CHILD_DEPTH_MAX = 16;
const TAGS_MAX = 100;
const TAG_CHARS_MAX = 256;
const METADATA_CHARS_MAX = 8192;
const METADATA_DEPTH_MAX = 4;

type Bound = readonly [min: number, max: number, whole: boolean];

/** Reserved keys of `configurable` that are numbers, with their bounds. */
const NUMBERS: ReadonlyMap<string, Bound> = new Map([
  ["recursionLimit", [1, Number.MAX_SAFE_INTEGER, true]],
  ["maxTokens", [1, Number.MAX_SAFE_INTEGER, true]],
  ["runTimeoutMs", [1, Number.MAX_SAFE_INTEGER, true]],
  ["maxLoopIterations", [1, Number.MAX_SAFE_INTEGER, true]],
  ["temperature", [0, 2, false]],
  ["escalationThreshold", [0, 1, false]],
]);

/** `run.started`, or why these inputs cannot start the workflow. */
export function startedEvent(
  { workflow, host }: RunPlan,
  { run, now }: StartRun,
): Result<LoggedEvent, RunRejection> {
  const { definition } = workflow;
  const depthMax = host.limits.childDepthMax ?? CHILD_DEPTH_MAX;
  if ((run.depth ?? 0) > depthMax) {
    return refuse("validation_error", `more than ${depthMax} runs would have started one another`);
  }
  const problem =
    inputProblem(definition, run.inputs) ??
    labelProblem(run) ??
    configurableProblem(run.configurable) ??
    Object.entries(run.inputs)
      .map(([name, value]) => variableProblem(host, name, value))
      .find((found) => found !== undefined);
  if (problem !== undefined) return refuse("validation_error", problem);
  const context: RunContext = {
    ...run,
    workflowId: definition.id,
    workflowVersion: definition.version,
    defaults: defaultsOf(definition, run.inputs),
    createdAt: now,
  };
  return ok({ type: "run.started", at: now, payload: payloadOf(context), facts: { run: context } });
}

function payloadOf(context: RunContext): JsonObject {
  const { workflowId, inputs, transport, engineVersion, owner, tags, metadata, parent } = context;
  const fields = { workflowId, inputs, transport, engineVersion, owner, tags, metadata };
  const linked = { ...fields, parentRunId: parent?.runId, parentNodeId: parent?.nodeId };
  return Object.fromEntries(Object.entries(linked).filter(([, value]) => value !== undefined));
}

function defaultsOf(definition: WorkflowDefinition, inputs: JsonObject): JsonObject {
  return Object.fromEntries(
    definition.variables
      .filter(
        ({ name, defaultValue }) => defaultValue !== undefined && !Object.hasOwn(inputs, name),
      )
      .map(({ name, defaultValue }) => [name, defaultValue]),
  );
}

function inputProblem(definition: WorkflowDefinition, inputs: JsonObject): string | undefined {
  if (exceedsDepth(inputs, DEPTH_MAX)) return `inputs are nested deeper than ${DEPTH_MAX} levels`;
  for (const { name, required, defaultValue } of definition.variables) {
    const missing = inputs[name] === undefined && defaultValue === undefined;
    if (required === true && missing) return `inputs.${name} is required`;
  }
  const channel = Object.keys(inputs).find((name) =>
    Object.hasOwn(definition.channels ?? {}, name),
  );
  return channel === undefined ? undefined : `inputs.${channel} is a channel, not a variable`;
}

function labelProblem({ tags = [], metadata }: StartRun["run"]): string | undefined {
  if (tags.length > TAGS_MAX) return `tags must have at most ${TAGS_MAX} items`;
  if (tags.some((tag) => tag === "" || tag.length > TAG_CHARS_MAX)) {
    return `each tag must have 1 to ${TAG_CHARS_MAX} characters`;
  }
  if (metadata === undefined) return undefined;
  if (exceedsDepth(metadata, METADATA_DEPTH_MAX)) {
    return `metadata may be nested ${METADATA_DEPTH_MAX} levels deep`;
  }
  const tooLong = JSON.stringify(metadata).length > METADATA_CHARS_MAX;
  return tooLong ? `metadata may have ${METADATA_CHARS_MAX} characters` : undefined;
}

/** Why these run options are out of bounds; undefined when they are not. */
function configurableProblem(configurable: JsonObject): string | undefined {
  for (const [name, [min, max, whole]] of NUMBERS) {
    const value = configurable[name];
    if (value === undefined) continue;
    const fits = typeof value === "number" && value >= min && value <= max;
    if (!fits || (whole && !Number.isSafeInteger(value))) {
      return `configurable.${name} must be ${whole ? "an integer" : "a number"} of at least ${min}${
        max < Number.MAX_SAFE_INTEGER ? ` and at most ${max}` : ""
      }`;
    }
  }
  const { model, promptOverrides } = configurable;
  if (model !== undefined && (typeof model !== "string" || model === "")) {
    return "configurable.model must be a text";
  }
  if (promptOverrides !== undefined && !isJsonObject(promptOverrides)) {
    return "configurable.promptOverrides must be an object";
  }
  return undefined;
}

/** The input that starts a run with this context. */
export function startOf(context: RunContext, now: EpochMs): StartRun {
  const { defaults: _, createdAt: __, workflowId: ___, workflowVersion: ____, ...run } = context;
  return { kind: "start", now, run };
}
