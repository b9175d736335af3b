/**
 * In how many ways one secret may stand in a text. Pure.
 *
 * A value that is registered as secret is looked for as it is and as it comes out of the encoders
 * that texts pass through: JSON inside JSON, URLs, forms, hexadecimal and base64. Base64 has three
 * spellings of the same bytes, depending on where they begin in the longer text that was encoded.
 */

/** Shorter pieces would be found in ordinary words. */
export const FORM_CHARS_MIN = 8;
/** How often a text may have been put inside a JSON string. */
const JSON_LEVELS = 3;

/** Every form of at least `FORM_CHARS_MIN` characters, each once. */
export function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret, "utf8");
  const forms = [
    secret,
    ...inJson(secret),
    ...inUrl(secret),
    ...bothCases(bytes.toString("hex")),
    ...inBase64(bytes),
  ];
  return [...new Set(forms)].filter((form) => form.length >= FORM_CHARS_MIN);
}

function inJson(secret: string): readonly string[] {
  const forms: string[] = [];
  for (const escape of [(text: string) => text, escapeSlashes, escapeBeyondAscii]) {
    let form = secret;
    for (let level = 0; level < JSON_LEVELS; level += 1) {
      form = escape(JSON.stringify(form).slice(1, -1));
      forms.push(form);
    }
  }
  return forms;
}

/** As some encoders do, so that a text can stand in a script element. */
function escapeSlashes(text: string): string {
  return text.replaceAll("/", "\\/");
}

function escapeBeyondAscii(text: string): string {
  return text.replaceAll(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function inUrl(secret: string): readonly string[] {
  const wellFormed = secret.toWellFormed();
  const component = encodeURIComponent(wellFormed);
  const strict = component.replaceAll(/[!'()*]/g, (char) => `%${hexOf(char)}`);
  const form = new URLSearchParams({ "": wellFormed }).toString().slice(1);
  return [component, strict, form, encodeURIComponent(component)].flatMap((encoded) => [
    encoded,
    encoded.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()),
  ]);
}

function hexOf(char: string): string {
  return char.charCodeAt(0).toString(16).toUpperCase();
}

function bothCases(hex: string): readonly string[] {
  return [hex, hex.toUpperCase()];
}

/** Without the characters at either end that depend on what stands before and after. */
function inBase64(bytes: Buffer): readonly string[] {
  const forms: string[] = [];
  for (const before of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64url");
    const first = Math.ceil((before * 8) / 6);
    const last = Math.floor(((before + bytes.length) * 8) / 6);
    const form = text.slice(first, last);
    forms.push(form, form.replaceAll("-", "+").replaceAll("_", "/"));
  }
  return forms;
}
