/**
 * Two hundred deaths by SIGKILL, on two roots at a time. What a seed decides here is the order of
 * requests and the delays; the machine's own timing is never the same twice.
 */
import { describe, expect, it } from "vitest";
import { seedsToRun, withSeed } from "../support/seeded.ts";
import { killingSpree, type Spree } from "./killing-spree.ts";

const PATH = "test/crash/kill-nine.test.ts";
const KILLS = 100;
const TIMEOUT_MS = 600_000;

async function spree(options: Omit<Spree, "kills">): Promise<void> {
  await withSeed(options.seed, PATH, async () => {
    const report = await killingSpree({ ...options, kills: KILLS });
    process.stdout.write(`kill -9, seed ${options.seed}: ${JSON.stringify(report)}\n`);
    expect(report.kills).toBe(KILLS);
    // A spree in which next to nothing was acknowledged would prove nothing.
    expect(report.acknowledged).toBeGreaterThan(KILLS * 5);
  });
}

describe.concurrent("a daemon under sixteen clients, killed with SIGKILL a hundred times", () => {
  const seeds = seedsToRun([], 1);

  it.each(seeds)(
    "keeps every acknowledged submit exactly once, seed %i",
    (seed) => spree({ seed, workers: 0 }),
    TIMEOUT_MS,
  );

  it.each(seeds)(
    "keeps submits, claims and completions exactly once, seed %i",
    (seed) => spree({ seed, workers: 6 }),
    TIMEOUT_MS,
  );
});
