/**
 * Tokens that let their bearer answer one interrupt (openwop-core §4.7): the claims in base64url, a
 * dot, and their HMAC-SHA-256 under a secret of the host. They are never stored: the log says whether
 * the interrupt is still open, which is what makes a token work once.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { isJsonObject } from "../../lib/json.ts";
import type { EpochMs } from "../../lib/time.ts";
import { fromIso, toIso } from "../../lib/time.ts";

export interface InterruptClaims {
  readonly runId: string;
  readonly nodeId: string;
  readonly interruptId: string;
  readonly expiresAt: EpochMs;
}

export type TokenVerdict =
  | { readonly valid: true; readonly claims: InterruptClaims }
  | { readonly valid: false; readonly reason: "malformed" | "forged" | "expired" };

export const TOKEN_LIFE_MS: number = 30 * 60_000;
/** Longer ones are nobody's of ours, and are not even decoded. */
const TOKEN_CHARS_MAX = 4096;

export function signInterruptToken(claims: InterruptClaims, secret: Uint8Array): string {
  const { runId, nodeId, interruptId, expiresAt } = claims;
  const body = { runId, nodeId, interruptId, expiresAt: toIso(expiresAt), intent: "resolve" };
  const text = Buffer.from(JSON.stringify(body)).toString("base64url");
  return `${text}.${seal(text, secret).toString("base64url")}`;
}

/** Says whose a token is. The seal is compared first, in constant time, before anything is read. */
export function verifyInterruptToken(
  token: string,
  secret: Uint8Array,
  now: EpochMs,
): TokenVerdict {
  const [text = "", mac = "", ...more] = token.slice(0, TOKEN_CHARS_MAX + 1).split(".");
  if (token.length > TOKEN_CHARS_MAX || text === "" || mac === "" || more.length > 0) {
    return { valid: false, reason: "malformed" };
  }
  const expected = seal(text, secret);
  const offered = Buffer.from(mac, "base64url");
  if (offered.length !== expected.length || !timingSafeEqual(offered, expected)) {
    return { valid: false, reason: "forged" };
  }
  const claims = claimsOf(text);
  if (claims === undefined) return { valid: false, reason: "malformed" };
  return claims.expiresAt <= now ? { valid: false, reason: "expired" } : { valid: true, claims };
}

function seal(text: string, secret: Uint8Array): Buffer {
  return createHmac("sha256", secret).update(text).digest();
}

function claimsOf(text: string): InterruptClaims | undefined {
  const body: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  if (!isJsonObject(body) || body["intent"] !== "resolve") return undefined;
  const { runId, nodeId, interruptId, expiresAt } = body;
  const at = typeof expiresAt === "string" ? fromIso(expiresAt) : undefined;
  const areTexts =
    typeof runId === "string" && typeof nodeId === "string" && typeof interruptId === "string";
  return areTexts && at !== undefined ? { runId, nodeId, interruptId, expiresAt: at } : undefined;
}
