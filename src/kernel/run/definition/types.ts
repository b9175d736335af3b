/** A workflow as its author wrote it (openwop-core §3.1). Names are the contract's. */
import type { JsonObject } from "../../../lib/json.ts";

export const TRIGGER_RULES = [
  "all_success",
  "any_success",
  "all_complete",
  "none_failed",
  "any_failed",
] as const;
export type TriggerRule = (typeof TRIGGER_RULES)[number];

export type PortValue =
  | { readonly type: "static"; readonly value: unknown }
  | { readonly type: "expression"; readonly expression: string }
  | {
      readonly type: "connection";
      readonly nodeId: string;
      readonly outputKey: string;
      readonly optional?: boolean;
    }
  | { readonly type: "variable"; readonly variableName: string; readonly optional?: boolean };

export interface WorkflowNode {
  readonly id: string;
  readonly typeId: string;
  readonly name: string;
  readonly config: JsonObject;
  readonly inputs: Readonly<Record<string, PortValue>>;
  readonly settings?: JsonObject;
  readonly disabled?: boolean;
  readonly agent?: { readonly agentId: string } & JsonObject;
  readonly artifactType?: string;
}

export interface EdgeCondition {
  readonly type?: "expression" | "equals" | "notEquals" | "contains" | "regex";
  readonly left?: string;
  readonly right?: unknown;
  readonly expression?: string;
}

export interface WorkflowEdge {
  readonly id: string;
  readonly sourceNodeId: string;
  readonly sourceOutput?: string;
  readonly targetNodeId: string;
  readonly targetInput?: string;
  readonly condition?: EdgeCondition;
  readonly triggerRule?: TriggerRule;
}

export interface WorkflowVariable {
  readonly name: string;
  readonly type: "string" | "number" | "boolean" | "object" | "array";
  readonly required?: boolean;
  readonly defaultValue?: unknown;
}

export interface ChannelDeclaration {
  readonly reducer: string;
  /** Of the channel's value, not of one write. */
  readonly schema?: JsonObject;
  readonly default?: unknown;
  readonly maxSize?: number;
  readonly ttlMs?: number;
  readonly access?:
    | "public"
    | "private"
    | { readonly readers?: readonly string[]; readonly writers?: readonly string[] };
  readonly schemaVersion?: number;
  readonly compatibleWith?: readonly number[];
}

export interface WorkflowDefinition {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly nodes: readonly WorkflowNode[];
  readonly edges: readonly WorkflowEdge[];
  readonly variables: readonly WorkflowVariable[];
  readonly channels?: Readonly<Record<string, ChannelDeclaration>>;
  readonly configurableSchema?: JsonObject;
  readonly settings: {
    readonly timeout?: number;
    readonly maxRetries?: number;
    readonly maxLoopbackIterations?: number;
  };
}

/** Why a definition cannot be registered. */
export interface DefinitionProblem {
  /** RFC 6901 pointer to the fault, `""` for the whole. */
  readonly path: string;
  readonly message: string;
  /** `capability_required` when the host could run it if it offered `details.requiredCapability`. */
  readonly code: "validation_error" | "capability_required";
  readonly details?: Readonly<Record<string, string>>;
}
