/** What looks like a secret although nobody registered it. Pure. */

/**
 * Tokens that say by their form what they are. No pattern begins inside what it may have walked
 * over, and none matches the same text in two ways: a long text takes linear time.
 */
const SHAPES: readonly string[] = [
  // Private keys, with everything up to their end or the end of the text.
  String.raw`-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?`,
  // Three base64url parts, the first of which begins with {" : JSON web tokens.
  String.raw`(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}`,
  // OpenAI, Anthropic, OpenRouter, Stripe and those that follow them.
  String.raw`(?<![\w-])(?:sk|rk|pk)[-_](?:[a-z0-9]+[-_])*[A-Za-z0-9]{16,}[\w-]*`,
  String.raw`\b(?:gh[oprsu]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,})`,
  String.raw`\bxox[abeoprs]-[\w-]{10,}`,
  String.raw`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`,
  String.raw`\bAIza[\w-]{35}`,
  String.raw`\b(?:npm|hf|hk_live|hk_test|whsec)_[A-Za-z0-9]{20,}`,
];
/** What leads to these says what they are, and stays. */
const LED: readonly string[] = [
  String.raw`(?<=\b(?:[Bb]earer|[Bb]asic|BEARER|BASIC) )[\w.~+/-]{12,}=*`,
  String.raw`(?<=\b[a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/:@]{0,128}:[^\s/@]{1,256}(?=@)`,
];
const SHAPE = new RegExp([...SHAPES, ...LED].join("|"), "g");

/** The text with every such token replaced. */
export function withoutShapes(text: string, marker: string): string {
  return text.replaceAll(SHAPE, () => marker);
}

/** Names whose last words mean that the value is a secret. */
const SECRET_WORDS: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "passphrase",
  "passwd",
  "password",
  "pwd",
  "secret",
  "apikey",
  "api key",
  "access key",
  "private key",
  "secret key",
  "signing key",
  "credential",
  "credentials",
  "token",
]);
/** Tokens of a page, of a text, of a budget: no secrets. */
const HARMLESS_TOKENS: ReadonlySet<string> = new Set([
  "page token",
  "sync token",
  "continuation token",
]);

/** Whether the name of a field says that a text in it is a secret: `apiKey`, `X-Auth-Token` … */
export function isSecretName(name: string): boolean {
  const words = name
    .replaceAll(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, " ")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
  const lastTwo = words.slice(-2).join(" ");
  if (HARMLESS_TOKENS.has(lastTwo)) return false;
  return SECRET_WORDS.has(lastTwo) || SECRET_WORDS.has(words.at(-1) ?? "");
}
