import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holds } from "../../test/support/property.ts";
import { canonicalJson } from "./canonical.ts";

describe("canonicalJson", () => {
  it.each<[unknown, string]>([
    [{ b: 1, a: [true, null, "x"] }, '{"a":[true,null,"x"],"b":1}'],
    [{ a: undefined, b: { c: undefined } }, '{"b":{}}'],
    [{ "\u{1F600}": 1, "\uFB33": 2, "\u00e9": 3 }, '{"\u00e9":3,"\u{1F600}":1,"\uFB33":2}'],
    [[1e21, 0.000001, -0, 100], "[1e+21,0.000001,0,100]"],
    ["\u2028\u0007<", '"\u2028\\u0007<"'],
    [undefined, "null"],
  ])("spells %j as %s", (value, text) => expect(canonicalJson(value)).toBe(text));

  it("has a form for what JSON text can carry and the standard refuses", () => {
    expect(canonicalJson({ "\ud800": ["a\udc00", Number.NaN] })).toBe(
      '{"\ufffd":["a\ufffd",null]}',
    );
  });

  it("is the same for every order of keys, and again JSON of the same value", () => {
    const property = fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      expect(canonicalJson({ a, b })).toBe(canonicalJson({ b, a }));
      expect(JSON.parse(canonicalJson(a))).toEqual(JSON.parse(JSON.stringify(a)));
    });
    holds(property, { runs: 300 });
  });
});
