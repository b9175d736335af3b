/** Runs every test, the long ones included. */
import { spawnSync } from "node:child_process";

const run = spawnSync("vitest", ["run", ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...process.env, LONG: "1" },
});
process.exitCode = run.status ?? 1;
