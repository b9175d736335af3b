import { expect, test } from "vitest";
import { spawnCli } from "./daemon-process.ts";

test("the demo proves that a killed daemon loses nothing", async () => {
  const demo = spawnCli(["up", "--demo", "--json"]);
  const proof = JSON.parse(await demo.line(/proven/));
  expect(await demo.ended).toBe(0);
  expect(proof).toMatchObject({
    proven: true,
    acknowledged: 400,
    lost: [],
    doubled: [],
    unlisted: [],
    endedTwice: [],
  });
  expect(proof.events).toBeGreaterThanOrEqual(1_200);
}, 120_000);
