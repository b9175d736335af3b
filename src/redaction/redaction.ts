/**
 * Law five: a secret value never reaches the ledger, a projection, a log line, a span or an error.
 * What is to be written passes through here first; afterwards is too late.
 */
import { isJsonObject, type Json } from "../lib/json.ts";
import { FORM_CHARS_MIN, formsOf } from "./forms.ts";
import { Matcher } from "./matcher.ts";
import { isSecretName, withoutShapes } from "./shapes.ts";

export const REDACTED = "[REDACTED]";

export interface Secret {
  readonly value: string;
  /** Shown in its place: `[REDACTED:<id>]`. */
  readonly id?: string;
}

export interface RedactionOptions {
  /** Values that must appear nowhere, in any of their encodings. */
  readonly secrets?: readonly Secret[];
  /**
   * Also redact what only looks secret: texts in fields with a name such as `password`, and tokens
   * of well-known forms. For logs, errors, spans, notes and bundles. Not for what a user put into a
   * run: there it would change data that nobody called secret.
   */
  readonly guess?: boolean;
}

export interface Redaction {
  /** A text of any kind. JSON goes through `value`: in its text a secret may begin in an escape. */
  text(text: string): string;
  /** A JSON value, its keys included. Gives back the same object where nothing was secret. */
  value(value: Json): Json;
}

/** Builds the automaton once, for as many values as come. Throws nothing. */
export function createRedaction(options: RedactionOptions): Redaction {
  const secrets = options.secrets ?? [];
  const forms = secrets.flatMap((secret) =>
    formsOf(secret.value).map((form) => ({ form, marker: markerOf(secret) })),
  );
  const matcher = new Matcher(forms.map(({ form }) => form));
  // Too short to be looked for inside other texts; still secret when they are the whole.
  const whole = new Map(
    secrets
      .filter(({ value }) => value !== "" && value.length < FORM_CHARS_MIN)
      .map((secret) => [secret.value, markerOf(secret)]),
  );
  const guess = options.guess === true;
  const text = (given: string): string => {
    const short = whole.get(given);
    if (short !== undefined) return short;
    const known = replaceStretches(given, matcher, (word) => forms[word]?.marker ?? REDACTED);
    return guess ? withoutShapes(known, REDACTED) : known;
  };
  return { text, value: (value) => redactValue(value, text, guess) };
}

function markerOf({ id }: Secret): string {
  return id === undefined ? REDACTED : `[REDACTED:${id}]`;
}

function replaceStretches(
  text: string,
  matcher: Matcher,
  markerFor: (word: number) => string,
): string {
  const stretches = matcher.find(text);
  if (stretches.length === 0) return text;
  const pieces: string[] = [];
  let at = 0;
  for (const { from, to, word } of stretches) {
    pieces.push(text.slice(at, from), markerFor(word));
    at = to;
  }
  pieces.push(text.slice(at));
  return pieces.join("");
}

function redactValue(value: Json, text: (text: string) => string, guess: boolean): Json {
  if (typeof value === "string") return text(value);
  if (Array.isArray(value)) {
    const items = value.map((item: Json) => redactValue(item, text, guess));
    return items.every((item, i) => item === value[i]) ? value : items;
  }
  if (!isJsonObject(value)) return value;
  let isSame = true;
  const entries = Object.entries(value).map(([key, item]): [string, Json] => {
    const name = text(key);
    const redacted =
      guess && typeof item === "string" && item !== "" && isSecretName(key)
        ? REDACTED
        : redactValue(item, text, guess);
    isSame &&= name === key && redacted === item;
    return [name, redacted];
  });
  return isSame ? value : Object.fromEntries(entries);
}
