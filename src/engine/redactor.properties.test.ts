import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holds } from "../../test/support/property.ts";
import { createRedactor } from "./redactor.ts";

/** The letters of escapes and of hexadecimal, and what is escaped. */
const unit = fc.constantFrom("\\", "n", "u", "0", "b", "1", '"', "\n", "\b", "\u001b", "\u0000");
const secret = fc.string({ unit, minLength: 8, maxLength: 10 });
const text = fc.string({ unit, maxLength: 30 });

describe("a secret in JSON text", () => {
  it.each([
    ["after a line break's own letter", "nAbCdEfGhIj", "\nAbCdEfGhIj"],
    ["in the digits of an escape", "001bAbCdEf", "\u001bAbCdEf"],
    ["in part of the digits", "1bAbCdEfGh", "\u001bAbCdEfGh"],
  ])("is not where it only seems to be: %s", (_, value, seeming) => {
    const json = JSON.stringify({ seeming, value });
    expect(JSON.parse(createRedactor([value]).redact(json))).toEqual({
      seeming,
      value: "[redacted]",
    });
  });

  it("is found behind an escaped backslash", () => {
    const json = JSON.stringify({ a: "\\nAbCdEfGhIj", b: '"nAbCdEfGhIj' });
    expect(JSON.parse(createRedactor(["nAbCdEfGhIj"]).redact(json))).toEqual({
      a: "\\[redacted]",
      b: '"[redacted]',
    });
  });

  it("is redacted as it would be in the value itself, and leaves JSON", () => {
    // Beginnings that end like an escape, before the rest of the secret.
    const seeming = fc.tuple(unit, fc.nat(5));
    const piece = fc.oneof(text, seeming);
    const property = fc.property(secret, fc.array(piece), (value, pieces) => {
      const parts = pieces.map((each) =>
        typeof each === "string" ? each : `${each[0]}${value.slice(each[1])}`,
      );
      const given = [...parts, value].join("");
      const redacted: unknown = JSON.parse(createRedactor([value]).redact(JSON.stringify(given)));
      expect(redacted).toBe(given.replaceAll(value, "[redacted]"));
    });
    holds(property, { runs: 2_000 });
  });
});
