/** Variables and channels as nodes write them: what may be written, and the event of it. */
import { exceedsDepth, type JsonObject } from "../../lib/json.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { type EpochMs, toIso } from "../../lib/time.ts";
import { mayAccess, reduce, sizeProblem, unreadableVersions, writeProblem } from "./channel.ts";
import type { WorkflowDefinition } from "./definition/types.ts";
import type { EventFacts } from "./events.ts";
import type { RunHost } from "./host.ts";
import type { RunError } from "./input.ts";
import type { NodeEvent } from "./node-type.ts";
import { own, type RunState } from "./state.ts";

const CHARS_MAX = 262_144;
const DEPTH_MAX = 64;

/** Why a value is too large to be a variable or a channel's. */
export function variableProblem(
  { limits }: Pick<RunHost, "limits">,
  name: string,
  value: unknown,
): string | undefined {
  const max = limits.variableCharsMax ?? CHARS_MAX;
  if (name === "__proto__") return "__proto__ cannot be a name";
  if (exceedsDepth(value, DEPTH_MAX)) return `${name} is nested deeper than ${DEPTH_MAX} levels`;
  const size = value === undefined ? 0 : JSON.stringify(value).length;
  return size > max ? `${name} has ${size} characters, ${max} are allowed` : undefined;
}

interface Scope {
  readonly host: Pick<RunHost, "limits" | "schemaProblem">;
  readonly state: RunState;
  readonly definition: WorkflowDefinition;
  readonly now: EpochMs;
}

/** `variable.changed`, or the error of the node that tried. */
export function variableChanged(
  { host, state, definition }: Scope,
  nodeId: string | undefined,
  name: string,
  next: unknown,
): Result<NodeEvent, RunError> {
  if (Object.hasOwn(definition.channels ?? {}, name)) {
    return err(invalid(`"${name}" is a channel and cannot be written as a variable`));
  }
  const problem = variableProblem(host, name, next);
  if (problem !== undefined) return err(invalid(problem));
  const previous = own(state.variables, name);
  return ok({ type: "variable.changed", payload: defined({ name, previous, next, nodeId }) });
}

interface Write {
  readonly channel: string;
  readonly value: unknown;
  /** For a channel that is not declared. */
  readonly reducer?: string;
  readonly ttlMs?: number;
  readonly sourceRunId?: string;
  readonly sourceEngineId?: string;
}

/** `channel.written`, or the error of the node that tried. `who` is undefined for outsiders. */
export function channelWritten(
  scope: Scope,
  write: Write,
  who: { readonly nodeId: string; readonly typeId: string } | undefined,
): Result<NodeEvent, RunError> {
  const { definition, state, now, host } = scope;
  const { channel, value, sourceRunId, sourceEngineId } = write;
  const declared = own(definition.channels ?? {}, channel);
  const before = own(state.channels, channel);
  if (!mayAccess(declared, "writers", who)) {
    const message = `${who?.nodeId ?? "an outsider"} may not write the channel "${channel}"`;
    return err({ code: "channel_access_denied", message, retryable: false });
  }
  const reducer = declared?.reducer ?? write.reducer ?? before?.reducer ?? "replace";
  const problem = variableProblem(host, channel, value) ?? writeProblem(reducer, before, value);
  if (problem !== undefined) return err(invalid(`channel "${channel}": ${problem}`));
  if (declared !== undefined && before !== undefined) {
    const broken = breakingChange(channel, unreadableVersions(declared, before));
    if (broken !== undefined) return err(broken);
  }
  const schemaVersion = declared?.schemaVersion;
  const facts: EventFacts = defined({
    ttlMs: declared?.ttlMs ?? write.ttlMs,
    maxSize: declared?.maxSize,
    initial: declared?.default,
  });
  const after = reduce(before, { reducer, value, at: now, schemaVersion: 1, ...facts });
  const full =
    sizeProblem(after, declared?.maxSize) ??
    (declared?.schema === undefined
      ? undefined
      : host.schemaProblem?.(declared.schema, after.value));
  if (full !== undefined) return err(invalid(`channel "${channel}": ${full}`));
  const payload = defined({
    channel,
    value,
    reducer,
    nodeId: who?.nodeId,
    writtenAt: toIso(now),
    schemaVersion,
    sourceEngineId,
    sourceRunId,
  });
  return ok({ type: "channel.written", payload, facts });
}

/** The hard error of a channel whose past its declaration no longer reads. */
function breakingChange(channel: string, versions: readonly number[]): RunError | undefined {
  if (versions.length === 0) return undefined;
  return {
    code: "channel_schema_breaking_change",
    message: `channel "${channel}" holds writes of schema version ${versions.join(", ")}`,
    retryable: false,
  };
}

function invalid(message: string): RunError {
  return { code: "validation_error", message, retryable: false };
}

function defined(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
