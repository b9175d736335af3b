import fc from "fast-check";
import { expect, it } from "vitest";
import { canaryTraces } from "../../test/support/canary.ts";
import { holds } from "../../test/support/property.ts";
import type { Json } from "../lib/json.ts";
import { createRedaction } from "./redaction.ts";

/** Few letters, so that beginnings, ends and overlaps of secrets are common. */
const secret = fc.string({ unit: fc.constantFrom("a", "b"), minLength: 8, maxLength: 14 });
/** Also pieces of the longer ones: a find may begin before another that has ended already. */
const secrets = fc
  .array(secret, { minLength: 1, maxLength: 4 })
  .map((longer) => [...longer, ...longer.map((each) => each.slice(1, -1))])
  .map((all) => all.filter((each) => each.length >= 8));
const text = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 60 });
const odd = fc.string({ unit: "grapheme", minLength: 8, maxLength: 20 }).filter(
  // What the markers themselves are made of proves nothing.
  (value) => !"[REDACTED]".includes(value) && value.isWellFormed(),
);

it("leaves no secret in any text, however the secrets overlap", () => {
  const property = fc.property(
    secrets,
    fc.array(fc.oneof(text, secret), { maxLength: 8 }),
    (values, pieces) => {
      const redaction = createRedaction({ secrets: values.map((value) => ({ value })) });
      const given = pieces.join("");
      const redacted = redaction.text(given);
      for (const each of values) expect(redacted).not.toContain(each);
      if (!values.some((each) => given.includes(each))) expect(redacted).toBe(given);
      expect(redaction.text(redacted)).toBe(redacted);
    },
  );
  holds(property, { runs: 1_000 });
});

it("covers exactly what belongs to secrets", () => {
  const property = fc.property(
    secrets,
    fc.array(fc.oneof(text, fc.nat(7)), { maxLength: 6 }),
    (values, pieces) => {
      const redaction = createRedaction({ secrets: values.map((value) => ({ value })) });
      const given = pieces
        .map((piece) => (typeof piece === "string" ? piece : (values[piece % values.length] ?? "")))
        .join("");
      const covered = Array.from({ length: given.length }, () => false);
      for (const each of values) {
        for (let at = given.indexOf(each); at >= 0; at = given.indexOf(each, at + 1)) {
          covered.fill(true, at, at + each.length);
        }
      }
      const left = given
        .split("")
        .filter((_, i) => covered[i] !== true)
        .join("");
      expect(redaction.text(given).replaceAll("[REDACTED]", "")).toBe(left);
    },
  );
  holds(property, { runs: 1_000 });
});

it("leaves no secret in any value, whatever it is made of and wherever it stands", () => {
  const property = fc.property(odd, fc.jsonValue(), fc.nat(2), (value, json, before) => {
    const redaction = createRedaction({ secrets: [{ value }] });
    const planted: Json = {
      [`k${value}`]: json as Json,
      json: JSON.stringify({ value, json }),
      url: encodeURIComponent(value),
      base64: Buffer.from("x".repeat(before) + value).toString("base64"),
    };
    const written = JSON.stringify(redaction.value(planted));
    expect(canaryTraces(Buffer.from(written), value)).toEqual([]);
  });
  holds(property, { runs: 300 });
});

it("changes nothing in a value without the secret", () => {
  const property = fc.property(fc.jsonValue(), (json) => {
    const redaction = createRedaction({ secrets: [{ value: "not-in-there-at-all" }] });
    const value = json as Json;
    expect(redaction.value(value)).toBe(value);
  });
  holds(property, { runs: 200 });
});
