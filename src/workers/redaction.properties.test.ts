import fc from "fast-check";
import { expect, it } from "vitest";
import { holds } from "../../test/support/property.ts";
import { StreamRedactor } from "./redaction.ts";

/** Few letters, so that beginnings and overlaps of secrets are common. */
const letters = fc.constantFrom("a", "b", "\n");
const secret = fc.string({ unit: fc.constantFrom("a", "b"), minLength: 8, maxLength: 12 });
const text = fc.string({ unit: letters, maxLength: 60 });

function redact(secrets: readonly string[], pieces: readonly string[]): string {
  const redactor = new StreamRedactor(secrets);
  const shown = pieces.map((piece) => redactor.push(Buffer.from(piece)));
  return Buffer.concat([...shown, redactor.end()]).toString("utf8");
}

it("shows no secret, however the stream is cut", () => {
  const property = fc.property(
    fc.array(secret, { minLength: 1, maxLength: 3 }),
    fc.array(fc.oneof(text, secret), { maxLength: 8 }),
    (secrets, pieces) => {
      const shown = redact(secrets, pieces);
      for (const each of secrets) expect(shown).not.toContain(each);
    },
  );
  holds(property, { runs: 500 });
});

it("gives the same for every way to cut the stream", () => {
  const property = fc.property(
    fc.array(secret, { minLength: 1, maxLength: 3 }),
    fc.array(fc.oneof(text, secret), { maxLength: 6 }),
    fc.integer({ min: 1, max: 9 }),
    (secrets, parts, step) => {
      const whole = parts.join("");
      const cut = whole.match(new RegExp(`[^]{1,${step}}`, "g")) ?? [];
      expect(redact(secrets, cut)).toBe(redact(secrets, [whole]));
    },
  );
  holds(property, { runs: 500 });
});

it("changes nothing where there is no secret", () => {
  const property = fc.property(fc.array(text), (pieces) => {
    expect(redact(["not-in-there-at-all", "short"], pieces)).toBe(pieces.join(""));
  });
  holds(property, { runs: 200 });
});

it("knows a secret as it stands inside a JSON string", () => {
  const odd = 'pass"word\\with\nodd';
  expect(redact([odd], [JSON.stringify({ odd })])).toBe('{"odd":"[redacted]"}');
});
