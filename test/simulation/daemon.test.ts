/**
 * The daemon's core under faults. Fixed seeds are kept for what they once found; fresh ones look for
 * more. A failure prints its seed and the line that replays it.
 */
import { afterAll, describe, expect, it, vi } from "vitest";
import { seedsToRun, withSeed } from "../support/seeded.ts";
import { World, type WorldReport } from "./world.ts";

vi.mock("node:zlib", async (original) => {
  const { zlibInStep } = await import("./same-each-time.ts");
  return zlibInStep(original);
});

const PATH = "test/simulation/daemon.test.ts";
const FIXED = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const FRESH = 20;
const STEPS = 300;

describe("one daemon on a disk that fails, with a clock that jumps", () => {
  const reports: WorldReport[] = [];
  const seeds = seedsToRun(FIXED, FRESH);

  it.each(seeds)("keeps every acknowledged fact through crashes, seed %i", async (seed) => {
    reports.push(await withSeed(seed, PATH, () => new World(seed, { steps: STEPS }).run()));
  });

  afterAll(() => {
    const total = (of: (report: WorldReport) => number): number =>
      reports.reduce((sum, report) => sum + of(report), 0);
    const crashes = total((report) => report.crashes);
    const facts = total((report) => report.acknowledged);
    process.stdout.write(
      `simulation: ${reports.length} seeds, ${crashes} crashes, ${facts} acknowledged facts; ` +
        `fresh seeds from ${seeds.at(FIXED.length) ?? seeds[0]}\n`,
    );
    // A run that simulated nothing proves nothing.
    expect(crashes).toBeGreaterThan(reports.length);
    expect(facts).toBeGreaterThan(reports.length * 20);
  });
});
