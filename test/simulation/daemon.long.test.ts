/** The same simulation for as long as somebody has patience: `LONG=1`, `SEEDS=2000`. */
import { describe, it, vi } from "vitest";
import { seedsToRun, withSeed } from "../support/seeded.ts";
import { World } from "./world.ts";

vi.mock("node:zlib", async (original) => {
  const { zlibInStep } = await import("./same-each-time.ts");
  return zlibInStep(original);
});

const PATH = "test/simulation/daemon.long.test.ts";
const STEPS = 1500;

describe("one daemon through many more accidents", () => {
  it.each(seedsToRun([], Number(process.env["SEEDS"] ?? 200)))(
    "keeps every acknowledged fact, seed %i",
    async (seed) => {
      await withSeed(seed, PATH, () => new World(seed, { steps: STEPS }).run());
    },
    120_000,
  );
});
