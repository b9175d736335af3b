/**
 * What an OpenWOP host claims, derived from its discovery document alone (openwop-core §8.1, agent
 * platform §1.1). Every predicate is pure: a shape that is served is a claim, whatever was meant.
 */
import { at, isObject, text } from "../json.ts";

type Document = unknown;

interface Predicate {
  readonly id: string;
  readonly holds: (document: Document) => boolean;
}

const yes =
  (...path: readonly string[]) =>
  (document: Document): boolean =>
    at(document, ...path) === true;

function texts(document: Document, ...path: readonly string[]): readonly string[] {
  const found = at(document, ...path);
  return Array.isArray(found) ? found.filter((each) => typeof each === "string") : [];
}

const isCore = (document: Document): boolean =>
  text(document, "protocolVersion").startsWith("1.") &&
  Array.isArray(at(document, "supportedEnvelopes")) &&
  isObject(at(document, "schemaVersions")) &&
  ["clarificationRounds", "schemaRounds", "envelopesPerTurn"].every((limit) => {
    const value = at(document, "limits", limit);
    return typeof value === "number" && Number.isInteger(value) && value >= 0;
  });

const isRest = (document: Document): boolean =>
  isCore(document) &&
  (at(document, "supportedTransports") === undefined ||
    texts(document, "supportedTransports").includes("rest"));

const feedsTriggers = (document: Document): boolean =>
  yes("queueBus", "supported")(document) ||
  yes("webhooks", "durable")(document) ||
  yes("scheduling", "supported")(document);

/** The catalogue, in its order. */
const PROFILES: readonly Predicate[] = [
  { id: "openwop-core", holds: isCore },
  {
    id: "openwop-interrupts",
    holds: (document) =>
      isCore(document) && texts(document, "supportedEnvelopes").includes("clarification.request"),
  },
  { id: "openwop-stream-sse", holds: isRest },
  { id: "openwop-stream-poll", holds: isRest },
  {
    id: "openwop-secrets",
    holds: (document) =>
      yes("secrets", "supported")(document) &&
      texts(document, "secrets", "scopes").includes("user"),
  },
  {
    id: "openwop-provider-policy",
    holds: (document) => texts(document, "aiProviders", "policies", "modes").includes("optional"),
  },
  {
    id: "openwop-replay-fork",
    holds: (document) =>
      yes("replay", "supported")(document) && texts(document, "replay", "modes").length > 0,
  },
  { id: "openwop-fixtures", holds: (document) => texts(document, "fixtures").length > 0 },
  { id: "openwop-node-packs", holds: isCore },
  {
    id: "openwop-discovery-auth-scoped",
    holds: yes("discovery", "authScoped", "supported"),
  },
  {
    id: "openwop-memory",
    holds: (document) =>
      yes("memory", "supported")(document) &&
      at(document, "memory", "writable") !== false &&
      texts(document, "agents", "memoryBackends").includes("long-term"),
  },
  {
    id: "openwop-trigger-bridge",
    holds: (document) =>
      yes("triggerBridge", "supported")(document) &&
      yes("deadLetter", "supported")(document) &&
      feedsTriggers(document),
  },
  { id: "openwop-experimental", holds: hasExperimental },
];

/** Terms of the agent platform, `floor` first. */
const TERMS: readonly Predicate[] = [
  { id: "floor:agents.manifestRuntime", holds: yes("agents", "manifestRuntime", "supported") },
  { id: "floor:agents.liveRuntime", holds: yes("agents", "liveRuntime", "supported") },
  { id: "floor:toolCatalog", holds: yes("toolCatalog", "supported") },
  { id: "floor:toolHooks", holds: yes("toolHooks", "supported") },
  { id: "floor:httpClient.safeFetch", holds: yes("httpClient", "safeFetch", "supported") },
  { id: "floor:providerUsage", holds: yes("providerUsage", "supported") },
  { id: "floor:prompts", holds: yes("prompts", "supported") },
  { id: "floor:memory", holds: yes("memory", "supported") },
  { id: "floor:feedback", holds: yes("feedback", "supported") },
  {
    id: "floor:replay-or-nondeterminism",
    holds: (document) =>
      yes("replay", "supported")(document) || yes("nondeterminismPolicy", "declared")(document),
  },
  { id: "full:authorization", holds: yes("authorization", "supported") },
  {
    id: "full:tenant-installScope",
    holds: (document) => at(document, "agents", "manifestRuntime", "installScope") === "tenant",
  },
  { id: "full:memory.attribution", holds: yes("memory", "attribution", "supported") },
  { id: "full:debugBundle", holds: yes("debugBundle", "supported") },
  { id: "full:triggerBridge", holds: yes("triggerBridge", "supported") },
  { id: "full:egressPolicy", holds: yes("httpClient", "egressPolicy", "supported") },
];

export interface PlatformClaim {
  /** What the document's shape claims; whether it is true is for scenarios to find out. */
  readonly status: "none" | "partial" | "full";
  readonly satisfiedTerms: readonly string[];
  readonly missingTerms: readonly string[];
}

/** Ids of the profiles that the document claims. */
export function claimedProfiles(document: Document): readonly string[] {
  return PROFILES.filter(({ holds }) => holds(document)).map(({ id }) => id);
}

/** How far the document claims to be an agent platform. */
export function platformClaim(document: Document): PlatformClaim {
  const satisfiedTerms = TERMS.filter(({ holds }) => holds(document)).map(({ id }) => id);
  const missingTerms = TERMS.map(({ id }) => id).filter((id) => !satisfiedTerms.includes(id));
  const lacksFloor = !isCore(document) || missingTerms.some((id) => id.startsWith("floor:"));
  const status = lacksFloor ? "none" : missingTerms.length > 0 ? "partial" : "full";
  return { status, satisfiedTerms, missingTerms };
}

function hasExperimental(document: Document): boolean {
  if (Array.isArray(document)) return document.some(hasExperimental);
  if (!isObject(document)) return false;
  return (
    document["tier"] === "experimental" ||
    Object.values(document).some((each) => hasExperimental(each))
  );
}
