import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holds } from "../../test/support/property.ts";
import { fromIso, toIso } from "./time.ts";

describe("fromIso", () => {
  it("reads every instant that toIso writes", () => {
    const years = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) });
    holds(
      fc.property(years, (at) => {
        expect(fromIso(toIso(at))).toBe(at);
      }),
      { runs: 200 },
    );
  });

  it.each([
    ["nanoseconds", "2026-01-01T00:00:00.123456789Z", Date.UTC(2026, 0, 1) + 123],
    ["an offset", "2026-01-01T02:30:00+02:30", Date.UTC(2026, 0, 1)],
    ["lower case", "2026-01-01t00:00:00z", Date.UTC(2026, 0, 1)],
    ["no fraction", "2026-01-01T00:00:00Z", Date.UTC(2026, 0, 1)],
  ])("reads %s", (_, text, at) => {
    expect(fromIso(text)).toBe(at);
  });

  it.each([
    "",
    "2026-01-01",
    "2026-01-01T00:00:00",
    "2026-01-01 00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-01T25:00:00Z",
    "2026-01-01T00:00:00+99:99",
    "1767225600000",
    "Thu, 01 Jan 2026 00:00:00 GMT",
    " 2026-01-01T00:00:00Z",
  ])("refuses %j", (text) => {
    expect(fromIso(text)).toBeUndefined();
  });
});
