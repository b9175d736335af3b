/** Law five: a secret value never reaches the ledger. Works on JSON text, before it is a line. */
export interface Redactor {
  /** The text with every known secret replaced. */
  redact(text: string): string;
}

const REPLACEMENT = "[redacted]";
/** Shorter values would redact ordinary words. */
const SECRET_CHARS_MIN = 8;

/** Replaces the given values wherever they appear, also inside longer strings. */
export function createRedactor(secrets: readonly string[]): Redactor {
  const forms = secrets
    .filter((secret) => secret.length >= SECRET_CHARS_MIN)
    // As it would stand inside a JSON string.
    .map((secret) => JSON.stringify(secret).slice(1, -1))
    .sort((left, right) => right.length - left.length);
  return {
    redact(text) {
      let redacted = text;
      for (const form of forms) {
        if (redacted.includes(form)) redacted = redacted.replaceAll(form, REPLACEMENT);
      }
      return redacted;
    },
  };
}
