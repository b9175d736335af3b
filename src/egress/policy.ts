/** What an operator allows beyond the strict rules. */
import { Fault } from "../errors/fault.ts";
import { type AddressBlock, parseBlock } from "./address.ts";

export interface EgressPolicy {
  /** Blocks that are connected to although they are private, loopback and so on. */
  readonly allowed: readonly AddressBlock[];
  /** Whether `http:` may be used. Without it everything is `https:`. */
  readonly plainHttp: boolean;
  /** Ports below 1024, or known to belong to other protocols, that may be used all the same. */
  readonly ports: ReadonlySet<number>;
}

export interface PolicySettings {
  /** CIDR blocks or single addresses. */
  readonly allow?: readonly string[];
  readonly plainHttp?: boolean;
  readonly ports?: readonly number[];
}

/** Throws a `Fault` (`config_invalid`) that names what is no address block or no port. */
export function createPolicy(settings: PolicySettings = {}): EgressPolicy {
  const allowed = (settings.allow ?? []).map((text) => {
    const block = parseBlock(text);
    if (block !== undefined) return block;
    throw new Fault("config_invalid", `${JSON.stringify(text)} is no address or CIDR block`);
  });
  for (const port of settings.ports ?? []) {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new Fault("config_invalid", `${port} is no port`);
    }
  }
  return {
    allowed,
    plainHttp: settings.plainHttp ?? false,
    ports: new Set(settings.ports),
  };
}
