/** Every check beside the tests, one line each; all of them run even when one fails. */
import { spawnSync } from "node:child_process";

const CHECKS: readonly { readonly name: string; readonly command: readonly string[] }[] = [
  { name: "format", command: ["biome", "ci", "."] },
  { name: "lint", command: ["oxlint", "--type-aware", "--deny-warnings", "."] },
  { name: "types", command: ["tsc", "--noEmit", "-p", "tsconfig.json"] },
  { name: "types of the kernel", command: ["tsc", "--noEmit", "-p", "tsconfig.kernel.json"] },
  { name: "build", command: ["node", "tools/build.ts"] },
  { name: "dead code", command: ["knip"] },
  { name: "house", command: ["vitest", "run", "test/house"] },
];

const failed: string[] = [];
for (const { name, command } of CHECKS) {
  const [program = "", ...parameters] = command;
  const started = performance.now();
  const run = spawnSync(program, parameters, { encoding: "utf8" });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const passed = run.status === 0;
  process.stdout.write(`${passed ? "ok  " : "FAIL"} ${name} (${seconds} s)\n`);
  if (passed) continue;
  failed.push(name);
  process.stdout.write(`${run.stdout}${run.stderr}${run.error?.message ?? ""}\n`);
}
if (failed.length > 0) {
  process.stdout.write(`failed: ${failed.join(", ")}\n`);
  process.exitCode = 1;
}
