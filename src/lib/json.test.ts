import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holds } from "../../test/support/property.ts";
import { exceedsDepth, isJsonObject, jsonEqual } from "./json.ts";

describe("isJsonObject", () => {
  it("says yes to objects only", () => {
    expect([{}, { a: 1 }].map(isJsonObject)).toEqual([true, true]);
    for (const value of [null, [], "x", 1, true, undefined])
      expect(isJsonObject(value)).toBe(false);
  });
});

describe("jsonEqual", () => {
  it("ignores the order of keys and minds the order of items", () => {
    expect(jsonEqual({ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 })).toBe(true);
    expect(jsonEqual([1, 2], [2, 1])).toBe(false);
  });

  it("tells a missing key from an inherited or a null one", () => {
    expect(jsonEqual({ toString: undefined }, { a: 1 })).toBe(false);
    expect(jsonEqual({ a: null }, { b: null })).toBe(false);
    expect(jsonEqual({ a: 1 }, { a: 1, b: 2 })).toBe(false);
    expect(jsonEqual(JSON.parse('{"__proto__": 1}'), {})).toBe(false);
  });

  it("tells lists, objects, nothing and text apart", () => {
    const values = [[], {}, null, "", 0, false, [[]], [{}]];
    for (const [i, left] of values.entries()) {
      for (const [j, right] of values.entries()) expect(jsonEqual(left, right)).toBe(i === j);
    }
  });

  it("agrees with comparing the text of what JSON made", () => {
    holds(
      fc.property(fc.jsonValue(), fc.jsonValue(), (left, right) => {
        expect(jsonEqual(left, JSON.parse(JSON.stringify(left)))).toBe(true);
        if (JSON.stringify(left) === JSON.stringify(right))
          expect(jsonEqual(left, right)).toBe(true);
        expect(jsonEqual(left, right)).toBe(jsonEqual(right, left));
      }),
      { runs: 200 },
    );
  });
});

describe("exceedsDepth", () => {
  it("counts objects and lists alike", () => {
    expect(exceedsDepth(1, 0)).toBe(false);
    expect(exceedsDepth({}, 0)).toBe(true);
    expect(exceedsDepth({ a: [1] }, 2)).toBe(false);
    expect(exceedsDepth({ a: [[]] }, 2)).toBe(true);
  });

  it("does not follow what is far too deep to the end", () => {
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i += 1) deep = [deep];
    expect(exceedsDepth(deep, 64)).toBe(true);
  });
});
