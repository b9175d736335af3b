/**
 * POST /v1/runs: what may stand in the body (openwop-core §1.4, §3.8). The schema says what each
 * field is; `createProblem` says what schemas cannot: sizes, depths, and who may ask for what.
 */
import { type TSchema, Type } from "typebox";
import { exceedsDepth, type JsonObject } from "../../lib/json.ts";
import { closed, nonEmpty, object, open } from "../events/shapes.ts";
import { invalid, type Problem } from "../problem.ts";

const positive = Type.Integer({ minimum: 1 });

/** Keys that mean the same in every workflow; others pass through to its nodes. */
const CONFIGURABLE = open(
  {},
  {
    recursionLimit: positive,
    model: nonEmpty,
    temperature: Type.Number({ minimum: 0, maximum: 2 }),
    maxTokens: positive,
    promptOverrides: Type.Unsafe({ type: "object", additionalProperties: { type: "string" } }),
    mockProvider: closed({ id: Type.String({ minLength: 1, maxLength: 128 }) }, { config: object }),
    "ai.provider": nonEmpty,
    "ai.model": nonEmpty,
    "ai.credentialRef": nonEmpty,
    escalationThreshold: Type.Number({ minimum: 0, maximum: 1 }),
    reasoningVerbosity: Type.Unsafe({ type: "string", enum: ["summary", "full", "off"] }),
    runTimeoutMs: positive,
    maxLoopIterations: positive,
    "distillation.tokenBudget": positive,
  },
);

const TAGS = Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { maxItems: 100 });

export const CREATE_RUN: TSchema = closed(
  { workflowId: nonEmpty },
  {
    inputs: object,
    tenantId: nonEmpty,
    scopeId: nonEmpty,
    callbackUrl: nonEmpty,
    configurable: CONFIGURABLE,
    tags: TAGS,
    metadata: object,
  },
);

/** Options that a branch lays over those of its source. */
export const OPTIONS_OVERLAY: TSchema = closed(
  {},
  { inputs: object, configurable: CONFIGURABLE, tags: TAGS, metadata: object },
);

const METADATA_BYTES_MAX = 8192;
const METADATA_DEPTH_MAX = 4;

/** What is wrong with a body that fits the schema. */
export function createProblem(
  body: JsonObject,
  asker: { readonly isTestKey: boolean; readonly mockProviders: readonly string[] },
): Problem | undefined {
  return metadataProblem(body["metadata"]) ?? mockProblem(body["configurable"], asker);
}

function metadataProblem(metadata: unknown): Problem | undefined {
  if (metadata === undefined) return undefined;
  const bytes = Buffer.byteLength(JSON.stringify(metadata));
  if (bytes > METADATA_BYTES_MAX) {
    return invalid("metadata", `must be at most ${METADATA_BYTES_MAX} bytes; it has ${bytes}`);
  }
  return exceedsDepth(metadata, METADATA_DEPTH_MAX)
    ? invalid("metadata", `must be nested at most ${METADATA_DEPTH_MAX} levels deep`)
    : undefined;
}

function mockProblem(
  configurable: unknown,
  asker: { readonly isTestKey: boolean; readonly mockProviders: readonly string[] },
): Problem | undefined {
  const { mockProvider } = (configurable ?? {}) as {
    readonly mockProvider?: { readonly id: string };
  };
  if (mockProvider === undefined) return undefined;
  if (!asker.isTestKey) {
    return {
      code: "mock_provider_forbidden",
      message: "configurable.mockProvider is for test keys; make one: keelson key create --test",
    };
  }
  if (asker.mockProviders.includes(mockProvider.id)) return undefined;
  return {
    code: "unsupported_mock_provider",
    message: `no mock provider ${JSON.stringify(mockProvider.id)}; there are: ${asker.mockProviders.join(", ")}`,
    details: { supported: [...asker.mockProviders] },
  };
}
