/**
 * What stands behind every npm script: makes sure that the packages of package-lock.json are there,
 * then runs a program on the Node that the project brings (the `node` package), because the
 * machine's own may be older. Plain JavaScript that an old Node can run.
 *
 *   node tools/bootstrap.mjs <program.ts | package-binary> [arguments…]
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const binaries = join(modules, ".bin");
const stamp = join(modules, ".keelson-installed");
const windows = process.platform === "win32";

/** Changes whenever an install would give something else. */
function wanted() {
  return createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
}

function installed() {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === wanted();
}

function install() {
  process.stderr.write("keelson: installing packages (once) …\n");
  const npm = spawnSync(
    windows ? "npm.cmd" : "npm",
    ["install", "--no-save", "--no-audit", "--no-fund"],
    {
      cwd: root,
      encoding: "utf8",
      shell: windows,
      // Warnings about the machine's older Node would only frighten: our programs do not run on it.
      env: { ...process.env, npm_config_loglevel: "error", npm_config_progress: "false" },
    },
  );
  if (npm.status !== 0) {
    process.stderr.write(`${npm.stdout ?? ""}${npm.stderr ?? ""}`);
    const why = npm.error === undefined ? `exit code ${npm.status}` : npm.error.message;
    process.stderr.write(`keelson: npm could not install the packages (${why}).\n`);
    process.stderr.write("Check the network and the messages above, then run the command again.\n");
    process.exit(1);
  }
  mkdirSync(modules, { recursive: true });
  writeFileSync(stamp, wanted());
}

const [program, ...rest] = process.argv.slice(2);
if (program === undefined) {
  process.stderr.write("usage: node tools/bootstrap.mjs <program> [arguments…]\n");
  process.exit(2);
}
if (!installed()) install();

const node = join(binaries, windows ? "node.cmd" : "node");
const isScript = /\.(?:ts|mjs|js)$/.test(program);
const command = isScript ? node : join(binaries, windows ? `${program}.cmd` : program);
const child = spawn(command, isScript ? [join(root, program), ...rest] : rest, {
  stdio: "inherit",
  shell: windows,
  env: { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH ?? ""}` },
});

// A terminal sends Ctrl-C to the child as well; anybody else sends signals only to us.
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
process.on("SIGINT", () => {
  if (!process.stdin.isTTY) child.kill("SIGINT");
});
child.on("error", (error) => {
  process.stderr.write(`keelson: cannot start ${command}: ${error.message}\n`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  process.exit(signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0));
});
