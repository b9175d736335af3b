import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { claimedProfiles, platformClaim } from "../src/openwop/profiles.ts";

const CORE = {
  protocolVersion: "1.0",
  supportedEnvelopes: [] as string[],
  schemaVersions: {},
  limits: { clarificationRounds: 3, schemaRounds: 2, envelopesPerTurn: 5 },
};
const OF_EVERY_CORE = [
  "openwop-core",
  "openwop-stream-sse",
  "openwop-stream-poll",
  "openwop-node-packs",
];

describe("profiles", () => {
  it("of the smallest host are those that every core claims", () => {
    expect(claimedProfiles(CORE)).toEqual(OF_EVERY_CORE);
  });

  it.each<[string, object]>([
    ["another major", { protocolVersion: "2.0" }],
    ["no envelopes", { supportedEnvelopes: undefined }],
    ["versions that are a list", { schemaVersions: [] }],
    ["a limit that is missing", { limits: { clarificationRounds: 3, schemaRounds: 2 } }],
    ["a negative limit", { limits: { ...CORE.limits, schemaRounds: -1 } }],
    ["half a round", { limits: { ...CORE.limits, schemaRounds: 0.5 } }],
  ])("are none for %s", (_what, change) => {
    expect(claimedProfiles({ ...CORE, ...change })).toEqual([]);
  });

  it.each<[string, object]>([
    ["openwop-interrupts", { supportedEnvelopes: ["clarification.request"] }],
    ["openwop-secrets", { secrets: { supported: true, scopes: ["user"] } }],
    ["openwop-provider-policy", { aiProviders: { policies: { modes: ["optional"] } } }],
    ["openwop-replay-fork", { replay: { supported: true, modes: ["replay"] } }],
    ["openwop-fixtures", { fixtures: ["conformance-noop"] }],
    ["openwop-discovery-auth-scoped", { discovery: { authScoped: { supported: true } } }],
    ["openwop-memory", { memory: { supported: true }, agents: { memoryBackends: ["long-term"] } }],
    [
      "openwop-trigger-bridge",
      {
        triggerBridge: { supported: true },
        deadLetter: { supported: true },
        webhooks: { durable: true },
      },
    ],
    ["openwop-experimental", { multiAgent: { executionModel: { tier: "experimental" } } }],
  ])("have %s for what it asks", (profile, change) => {
    const document = { ...CORE, ...change };
    expect(claimedProfiles(document)).toEqual(expect.arrayContaining([...OF_EVERY_CORE, profile]));
    expect(claimedProfiles(document)).toHaveLength(OF_EVERY_CORE.length + 1);
  });

  it.each<[string, object]>([
    ["replay without modes", { replay: { supported: true, modes: [] } }],
    ["secrets of another scope", { secrets: { supported: true, scopes: ["tenant"] } }],
    ["a memory that cannot be written", { memory: { supported: true, writable: false } }],
    ["a bridge that nothing feeds", { triggerBridge: { supported: true }, deadLetter: true }],
    ["a word where a flag belongs", { discovery: { authScoped: { supported: "yes" } } }],
  ])("do not come from %s", (_what, change) => {
    expect(claimedProfiles({ ...CORE, ...change })).toEqual(OF_EVERY_CORE);
  });

  it("leave streams out when the host says that it has no REST", () => {
    expect(claimedProfiles({ ...CORE, supportedTransports: ["grpc"] })).toEqual([
      "openwop-core",
      "openwop-node-packs",
    ]);
  });

  it("are found in any document without a fault", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (document) => {
        expect(claimedProfiles(document)).toBeInstanceOf(Array);
        expect(platformClaim(document).status).toBe("none");
      }),
    );
  });
});

const FLOOR = {
  ...CORE,
  agents: { manifestRuntime: { supported: true }, liveRuntime: { supported: true } },
  toolCatalog: { supported: true },
  toolHooks: { supported: true },
  httpClient: { safeFetch: { supported: true } },
  providerUsage: { supported: true },
  prompts: { supported: true },
  memory: { supported: true },
  feedback: { supported: true },
  replay: { supported: true, modes: ["replay"] },
};
const FULL = {
  ...FLOOR,
  authorization: { supported: true },
  agents: {
    manifestRuntime: { supported: true, installScope: "tenant" },
    liveRuntime: { supported: true },
  },
  memory: { supported: true, attribution: { supported: true } },
  debugBundle: { supported: true },
  triggerBridge: { supported: true },
  httpClient: { safeFetch: { supported: true }, egressPolicy: { supported: true } },
};

describe("the agent platform", () => {
  it("has sixteen terms, ten of them its floor", () => {
    expect(platformClaim(FULL)).toMatchObject({ status: "full", missingTerms: [] });
    expect(platformClaim(FULL).satisfiedTerms).toHaveLength(16);
    const floor = platformClaim(FLOOR);
    expect([floor.status, floor.satisfiedTerms.length]).toEqual(["partial", 10]);
  });

  it.each(Object.keys(FLOOR).filter((key) => !(key in CORE)))("is none without %s", (family) => {
    const claim = platformClaim({ ...FULL, [family]: undefined });
    expect(claim.status).toBe("none");
    expect(claim.missingTerms.length).toBeGreaterThan(0);
  });

  it("is none where the core is not there, whatever else is", () => {
    const claim = platformClaim({ ...FULL, limits: {} });
    expect([claim.status, claim.satisfiedTerms.length]).toEqual(["none", 16]);
  });

  it("takes declared nondeterminism for replay, and no bundle below production", () => {
    const other = { ...FULL, replay: undefined, nondeterminismPolicy: { declared: true } };
    expect(platformClaim(other).status).toBe("full");
    const nested = {
      ...FULL,
      debugBundle: undefined,
      production: { debugBundle: { supported: true } },
    };
    expect(platformClaim(nested).missingTerms).toEqual(["full:debugBundle"]);
  });
});
