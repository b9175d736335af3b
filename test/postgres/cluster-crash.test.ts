/** Three daemons, one database, and everything that can go wrong between them. */
import { describe, expect, it } from "vitest";
import { seedsToRun, withSeed } from "../support/seeded.ts";
import { clusterSpree } from "./cluster-spree.ts";

const PATH = "test/postgres/cluster-crash.test.ts";
const ACCIDENTS = process.env["LONG"] === undefined ? 14 : 150;
const TIMEOUT_MS = 600_000;

describe("three daemons on a database, with clocks a minute apart, under accidents", () => {
  it.each(seedsToRun([], 1))(
    "keep every acknowledged submit and completion exactly once, seed %i",
    async (seed) => {
      const report = await withSeed(seed, PATH, () => clusterSpree({ seed, accidents: ACCIDENTS }));
      process.stdout.write(`cluster, seed ${seed}: ${JSON.stringify(report)}\n`);
      // A run in which next to nothing got through would prove nothing.
      expect(report.submitted).toBeGreaterThan(ACCIDENTS * 5);
      expect(report.completed).toBeGreaterThan(ACCIDENTS);
    },
    TIMEOUT_MS,
  );
});
