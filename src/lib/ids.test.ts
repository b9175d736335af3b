import { describe, expect, it } from "vitest";
import { sanitiseId, uniqueSuffixes } from "./ids.ts";
import { randomToken } from "./random.ts";
import { systemRandom } from "./system-random.ts";

const zeroes = { bytes: (count: number) => new Uint8Array(count) };
const ones = { bytes: (count: number) => new Uint8Array(count).fill(255) };

describe("sanitiseId", () => {
  it("replaces the separators and nothing else", () => {
    expect(sanitiseId(" a.b/c d:e\nf-g_h ")).toBe("a_b_c_d_e\nf-g_h");
  });
});

describe("uniqueSuffixes", () => {
  it("rises with time and within one millisecond", () => {
    let now = 1_000;
    const next = uniqueSuffixes(ones, () => now);
    const made = [next(), next(), next()];
    now += 1;
    made.push(next());
    expect([...made].sort()).toEqual(made);
    expect(new Set(made).size).toBe(4);
  });

  it("goes on rising when the clock steps back", () => {
    let now = 5_000;
    const next = uniqueSuffixes(zeroes, () => now);
    const before = next();
    now = 0;
    expect(next() > before).toBe(true);
  });

  it("stays unique and in order through many ids of one millisecond", () => {
    const next = uniqueSuffixes(ones, () => 1_767_225_600_000);
    const made = Array.from({ length: 2_000 }, next);
    expect(new Set(made).size).toBe(2_000);
    expect([...made].sort()).toEqual(made);
    expect(new Set(made.map((suffix) => suffix.length))).toEqual(new Set([17]));
  });

  it("uses letters and digits that nobody confuses", () => {
    const next = uniqueSuffixes(systemRandom, Date.now);
    for (let i = 0; i < 50; i += 1) expect(next()).toMatch(/^[0-9a-hjkmnp-tv-z]{17}$/);
  });
});

describe("random", () => {
  it("never gives the same bytes twice, across pool borders and above the pool's size", () => {
    const seen = new Set<string>();
    for (let i = 0; i < 600; i += 1) seen.add(Buffer.from(systemRandom.bytes(16)).toString("hex"));
    expect(seen.size).toBe(600);
    expect(systemRandom.bytes(5_000)).toHaveLength(5_000);
    expect(systemRandom.bytes(5_000).some((byte) => byte !== 0)).toBe(true);
  });

  it("makes tokens of 32 hexadecimal characters", () => {
    expect(randomToken(systemRandom)).toMatch(/^[0-9a-f]{32}$/);
    expect(randomToken(systemRandom)).not.toBe(randomToken(systemRandom));
    expect(randomToken(zeroes)).toBe("0".repeat(32));
  });
});
