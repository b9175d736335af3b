import { hash, timingSafeEqual } from "node:crypto";
import { sanitiseId } from "../lib/ids.ts";
import { CAPABILITIES, type Capability } from "./capability.ts";

/** One token as it was configured. */
export interface Token {
  readonly name: string;
  readonly secret: string;
  readonly capabilities: readonly Capability[];
  /** True when the token counts only for a peer on this machine. */
  readonly localOnly: boolean;
}

/** Whoever holds a token. Never carries the secret. */
export interface Principal {
  readonly name: string;
  readonly localOnly: boolean;
  /** Ledger actor of what it does through the job routes. */
  readonly actor: string;
  /** Ledger actor of what it does through the OpenClaw trigger. */
  readonly triggerActor: string;
  may(capability: Capability): boolean;
}

/** Everybody who may change something. */
export interface Principals {
  /** False when no token is configured: then every mutation is denied. */
  readonly configured: boolean;
  /** True when some token counts for a peer on another machine. */
  readonly servesRemote: boolean;
  /** Every configured secret, for redaction before anything is logged or stored. */
  readonly secrets: readonly string[];
  /** Whose secret this is. Takes the same time whichever token it is, or none. */
  authenticate(secret: string): Principal | undefined;
}

export function createPrincipals(tokens: readonly Token[]): Principals {
  const known = tokens.map((token) => ({ digest: digest(token.secret), who: principal(token) }));
  return {
    configured: known.length > 0,
    servesRemote: tokens.some((token) => !token.localOnly),
    secrets: tokens.map((token) => token.secret),
    authenticate(secret) {
      const offered = digest(secret);
      let found: Principal | undefined;
      for (const { digest: expected, who } of known) {
        // Every token is compared, so that the time tells nothing about which one came close.
        if (timingSafeEqual(expected, offered)) found ??= who;
      }
      return found;
    },
  };
}

/** A single token that may do everything on this machine: the plain form of a token file. */
export function legacyToken(secret: string): Token {
  return { name: "legacy", secret, capabilities: CAPABILITIES, localOnly: true };
}

function digest(secret: string): Buffer {
  return hash("sha256", secret, "buffer");
}

function principal(token: Token): Principal {
  const granted = new Set<Capability>(token.capabilities);
  const name = sanitiseId(token.name);
  return {
    name: token.name,
    localOnly: token.localOnly,
    actor: `ao-http:${name}`,
    triggerActor: `openclaw-trigger:${name}`,
    may: (capability) => granted.has(capability) || granted.has("admin"),
  };
}
