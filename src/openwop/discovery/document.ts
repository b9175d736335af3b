/**
 * GET /.well-known/openwop: what this process can do, put together from the modules that are wired
 * in it, never from constants (openwop-core §7.8). Every family stands at the root and again under
 * `capabilities`, from one object, because readers of both kinds exist.
 */
import { hash } from "node:crypto";
import type { JsonObject } from "../../lib/json.ts";

/** What a host enforces whatever else it can do. */
export interface Limits {
  readonly clarificationRounds: number;
  readonly schemaRounds: number;
  readonly envelopesPerTurn: number;
  readonly maxNodeExecutions: number;
  readonly maxRunDurationMs: number;
  readonly maxLoopIterations: number;
}

/** What one capability folder says of itself. */
export interface Advertising {
  /** Of the folder, for the message when two say the same. */
  readonly name: string;
  /** Capability families by name; empty when this process is not configured for them. */
  readonly families: () => JsonObject;
}

export interface DiscoveryOptions {
  readonly version: string;
  readonly engineVersion: number;
  readonly limits: Limits;
  readonly modules: readonly Advertising[];
}

const EVENT_LOG_SCHEMA_VERSION = 2;

/** Fields of the document itself; no module may say them. */
const OWN: ReadonlySet<string> = new Set([
  "protocolVersion",
  "supportedEnvelopes",
  "schemaVersions",
  "limits",
  "capabilities",
]);

/** Throws when two modules claim one family: then neither could be trusted. */
export function discoveryDocument(options: DiscoveryOptions): JsonObject {
  const families: Record<string, JsonObject[string]> = {};
  for (const { name, families: familiesOf } of options.modules) {
    for (const [family, claim] of Object.entries(familiesOf())) {
      if (OWN.has(family) || family in families) {
        throw new Error(`the capability ${name} may not say ${family} again`);
      }
      families[family] = claim;
    }
  }
  return {
    protocolVersion: "1.0",
    implementation: { name: "keelson", version: options.version, vendor: "keelson" },
    engineVersion: options.engineVersion,
    eventLogSchemaVersion: EVENT_LOG_SCHEMA_VERSION,
    supportedTransports: ["rest"],
    supportedEnvelopes: [],
    schemaVersions: {},
    limits: { ...options.limits },
    ...families,
    capabilities: families,
  };
}

/** Changes when, and only when, the content does; the same after a restart. */
export function etagOf(document: JsonObject): string {
  return `"${hash("sha256", JSON.stringify(document), "hex").slice(0, 32)}"`;
}
