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
        if (redacted.includes(form)) redacted = withoutForm(redacted, form);
      }
      return redacted;
    },
  };
}

function withoutForm(text: string, form: string): string {
  const pieces: string[] = [];
  let done = 0;
  for (let at = text.indexOf(form); at >= 0; ) {
    const end = escapeEnd(text, at);
    if (end === undefined) {
      pieces.push(text.slice(done, at), REPLACEMENT);
      done = at + form.length;
    }
    at = text.indexOf(form, end ?? done);
  }
  pieces.push(text.slice(done));
  return pieces.join("");
}

/** The longest escape of JSON text, such as `\\u001b`. */
const ESCAPE_CHARS_MAX = 6;

/**
 * Where the escape ends that a place is inside of. What begins there is not what it looks like: the
 * `n` of a line break is no letter, and cutting it off would leave half an escape, which is no JSON.
 */
function escapeEnd(text: string, at: number): number | undefined {
  const slash = text.lastIndexOf("\\", at - 1);
  if (at === 0 || slash === -1 || at - slash >= ESCAPE_CHARS_MAX) return undefined;
  let first = slash;
  while (text[first - 1] === "\\") first -= 1;
  if ((slash - first) % 2 === 1) return undefined;
  const end = slash + (text[slash + 1] === "u" ? ESCAPE_CHARS_MAX : 2);
  return at < end ? end : undefined;
}
