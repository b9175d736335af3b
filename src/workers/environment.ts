/** The environment of a child: an allow-list, what the configuration adds, and never our tokens. */
import type { EnvConfig } from "./config.ts";

const ALLOWED: ReadonlySet<string> = new Set([
  "PATH",
  "HOME",
  "USER",
  "SHELL",
  "LANG",
  "TERM",
  "TMPDIR",
  "TZ",
]);
const ALLOWED_BEGINNINGS = ["LC_", "XDG_"] as const;

/** `KEELSON_TOKEN`, `AGENTOPSD_TOKEN`, `AGENTOPS_DAEMON_TOKEN` and their like. */
const OWN_TOKEN = /^(?:KEELSON|AGENTOPS).*TOKEN/i;
/** Names whose value should not be read back from a transcript. */
const CREDENTIAL_NAME = /(?:TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|ACCESS_?KEY)/i;
/** Shorter values would be found in ordinary words. */
const SECRET_CHARS_MIN = 8;

export interface ChildEnvironment {
  readonly variables: Readonly<Record<string, string>>;
  /** Values in it that must not appear in a transcript. */
  readonly credentials: readonly string[];
}

/** True for names that belong to the daemon: nobody may pass or set them for a child. */
export function isForbiddenName(name: string): boolean {
  return OWN_TOKEN.test(name) || /^KEELSON_/i.test(name);
}

/**
 * The variables of `source` that a child may see, then those the configuration sets. A value that
 * holds one of `secrets` is left out whatever its name.
 */
export function childEnvironment(
  source: Readonly<Record<string, string | undefined>>,
  config: EnvConfig,
  secrets: readonly string[],
): ChildEnvironment {
  const variables: Record<string, string> = {};
  const credentials: string[] = [];
  const take = (name: string, value: string, isConfigured: boolean): void => {
    if (
      isForbiddenName(name) ||
      secrets.some((secret) => secret !== "" && value.includes(secret))
    ) {
      return;
    }
    variables[name] = value;
    if (isConfigured && CREDENTIAL_NAME.test(name) && value.length >= SECRET_CHARS_MIN) {
      credentials.push(value);
    }
  };
  for (const [name, value] of Object.entries(source)) {
    if (value === undefined) continue;
    const isConfigured = config.pass.some((pattern) => matches(pattern, name));
    if (isConfigured || isAllowed(name)) take(name, value, isConfigured);
  }
  for (const [name, value] of Object.entries(config.set)) take(name, value, true);
  return { variables, credentials };
}

function isAllowed(name: string): boolean {
  return ALLOWED.has(name) || ALLOWED_BEGINNINGS.some((beginning) => name.startsWith(beginning));
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
