/** Which header fields a request may carry, and which of them only as a credential. Pure. */
import { refused } from "./target.ts";

/**
 * A secret and the one origin it is for. It is sent there and nowhere else: neither on a first
 * request to another origin nor after a redirect that leaves it.
 */
export interface Credential {
  /** An origin, such as `https://api.example.com`. */
  readonly audience: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Written by the client itself; from a caller they could change where a request ends. */
const FRAMING: ReadonlySet<string> = new Set([
  "host",
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
/** Names under which secrets travel: they must come as a `Credential`. */
const SECRET =
  /^(?:proxy-)?authorization$|^cookie$|(?:^|-)(?:api-?key|token|secret|password)(?:$|-)/;

/** The header fields in lower case; a `Fault` names the first that may not be set. */
export function plainHeaders(
  given: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const entries = Object.entries(given).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  );
  for (const [name, value] of entries) {
    checkField(name, value);
    if (SECRET.test(name)) {
      throw refused("header", `the header ${name} must be given as a credential with an audience`);
    }
  }
  return Object.fromEntries(entries);
}

/** The credential's header fields when `origin` is its audience, none otherwise. */
export function credentialHeaders(
  credential: Credential | undefined,
  origin: string,
): Readonly<Record<string, string>> {
  if (credential === undefined || credential.audience !== origin) return {};
  const entries = Object.entries(credential.headers).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  );
  for (const [name, value] of entries) checkField(name, value);
  return Object.fromEntries(entries);
}

function checkField(name: string, value: string): void {
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) throw refused("header", "a header has no name");
  if (FRAMING.has(name)) throw refused("header", `the header ${name} is not the caller's to set`);
  // Only what RFC 9110 allows in a field value: a line break would begin a second header.
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
    throw refused("header", `the header ${name} has a character that headers cannot carry`);
  }
}
