/** What a host lends to decisions. All of it is pure; nothing here may read a clock or the world. */
import type { JsonObject } from "../../lib/json.ts";
import type { NodeType } from "./node-type.ts";

/**
 * Evaluates an expression of the workflow's author over plain JSON. It must end, whatever the
 * expression says, and give the same for the same arguments; the language is CEL, for which
 * `subject.matches(pattern)` is linear in the subject.
 */
export type Evaluate = (
  expression: string,
  bindings: Readonly<Record<string, unknown>>,
) =>
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string };

export interface RunLimits {
  /** Default and ceiling of a run's `configurable.recursionLimit`; 100 when absent. */
  readonly maxNodeExecutions?: number;
  /** Ceiling of `configurable.runTimeoutMs`; none when absent. */
  readonly maxRunDurationMs?: number;
  /** Ceiling of `configurable.maxLoopIterations`: supervisor turns; none when absent. */
  readonly maxLoopIterations?: number;
  /** Ceiling of runs that start one another; 16 when absent. */
  readonly childDepthMax?: number;
  /** Of one variable, in characters of its JSON; 262,144 when absent. */
  readonly variableCharsMax?: number;
}

export interface RunHost {
  readonly evaluate: Evaluate;
  /** `nodeTypeOf` for the core types, and what packs bring. */
  readonly typeOf: (typeId: string) => NodeType | undefined;
  readonly limits: RunLimits;
  /** Why a value does not fit a JSON Schema; without it the schemas of channels are not held. */
  readonly schemaProblem?: (schema: JsonObject, value: unknown) => string | undefined;
  readonly capabilities: ReadonlySet<string>;
  /** A decision whose confidence is below it is not dispatched; at least 0.5, which is the default. */
  readonly confidenceFloor?: number;
}
