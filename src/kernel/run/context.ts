import type { JsonObject } from "../../lib/json.ts";
import type { EpochMs } from "../../lib/time.ts";

/** Everything about a run that is settled when it starts. */
export interface RunContext {
  readonly runId: string;
  readonly workflowId: string;
  readonly workflowVersion: string;
  readonly inputs: JsonObject;
  readonly configurable: JsonObject;
  readonly owner?: JsonObject;
  readonly tags?: readonly string[];
  readonly metadata?: JsonObject;
  readonly transport?: string;
  readonly engineVersion?: string;
  /** The run and the node that started this one. */
  readonly parent?: { readonly runId: string; readonly nodeId: string };
  /** How many runs started one another down to this one; 0 when absent. */
  readonly depth?: number;
  /** Under which the host finds the definition again as it was when the run started. */
  readonly definitionRef?: string;
  /** Present on a fork. */
  readonly fork?: RunFork;
  /** Values of variables that no input has named. */
  readonly defaults: JsonObject;
  readonly createdAt: EpochMs;
}

export type ForkMode = "replay" | "branch";

export interface RunFork {
  readonly sourceRunId: string;
  readonly fromSeq: number;
  readonly mode: ForkMode;
}
