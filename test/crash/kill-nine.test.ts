/**
 * More than two hundred deaths by SIGKILL, on three roots at a time. What a seed decides here is the order of
 * requests and the delays; the machine's own timing is never the same twice.
 */
import { describe, expect, it } from "vitest";
import { seedsToRun, withSeed } from "../support/seeded.ts";
import { killingSpree, type Spree, type SpreeReport } from "./killing-spree.ts";

const PATH = "test/crash/kill-nine.test.ts";
const KILLS = 100;
const TIMEOUT_MS = 600_000;

async function spree(options: Spree): Promise<SpreeReport> {
  const { seed, kills } = options;
  return withSeed(seed, PATH, async () => {
    const report = await killingSpree(options);
    process.stdout.write(`kill -9, seed ${seed}: ${JSON.stringify(report)}\n`);
    expect(report.kills).toBe(kills);
    // A spree in which next to nothing was acknowledged would prove nothing.
    expect(report.acknowledged).toBeGreaterThan(kills * 5);
    return report;
  });
}

describe.concurrent("a daemon under sixteen clients, killed with SIGKILL again and again", () => {
  const seeds = seedsToRun([], 1);

  it.each(seeds)(
    "keeps every acknowledged submit exactly once, seed %i",
    async (seed) => void (await spree({ seed, kills: KILLS, workers: 0 })),
    TIMEOUT_MS,
  );

  it.each(seeds)(
    "keeps submits, claims and completions exactly once, seed %i",
    async (seed) => void (await spree({ seed, kills: KILLS, workers: 6 })),
    TIMEOUT_MS,
  );

  it.each(seeds)(
    "keeps all of it when each death falls into a rotation of the ledger, seed %i",
    async (seed) => {
      const report = await spree({ seed, kills: 30, workers: 4, rotateBytes: 20_000 });
      expect(report.unfinished).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});
