import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { isMaskingMode, MASKING_MODES, masked, maskFields } from "./masking.ts";

const sha = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

describe("masking", () => {
  it("knows its modes", () => {
    expect(MASKING_MODES.every(isMaskingMode)).toBe(true);
    expect(["", "MASK", null, 1, "toString"].some(isMaskingMode)).toBe(false);
  });

  it.each(["text", 5, null, ["a"], { a: 1 }])("hides %j in every mode but passthrough", (value) => {
    expect(masked(value, "mask")).toBe("[REDACTED]");
    expect(masked(value, "omit")).toBeUndefined();
    expect(masked(value, "hash")).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(masked(value, "passthrough")).toBe(value);
  });

  it("hashes a text as its bytes and other values in their canonical form", () => {
    expect(masked("é", "hash")).toBe(sha("é"));
    expect(masked({ b: 1, a: 2 }, "hash")).toBe(sha('{"a":2,"b":1}'));
    expect(masked({ b: 1, a: 2 }, "hash")).toBe(masked({ a: 2, b: 1 }, "hash"));
  });

  it("masks the sensitive fields of an object and leaves the others", () => {
    const fields = { name: "Ada", iban: "DE00", card: { number: 1 } };
    const sensitive = new Set(["iban", "card", "missing"]);
    expect(maskFields(fields, sensitive, "mask")).toEqual({
      name: "Ada",
      iban: "[REDACTED]",
      card: "[REDACTED]",
    });
    expect(maskFields(fields, sensitive, "omit")).toEqual({ name: "Ada" });
    expect(maskFields(fields, sensitive, "hash")).toMatchObject({ iban: sha("DE00") });
    expect(maskFields(fields, sensitive, "passthrough")).toBe(fields);
    expect(maskFields(fields, new Set(["missing"]), "mask")).toBe(fields);
    expect(fields.iban).toBe("DE00");
  });
});
