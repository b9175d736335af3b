/**
 * What stands behind every npm script: makes sure that the packages of package-lock.json are there,
 * then runs a program on the Node that the project brings (the `node` package), because the
 * machine's own may be older. Plain JavaScript that Node 18 can run.
 *
 *   node tools/bootstrap.mjs [--from-caller] <program.ts | package binary> [arguments…]
 *
 * With --from-caller the program runs in the folder where npm was called, not in the project's own.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const binaries = join(modules, ".bin");
const installRecord = join(modules, ".package-lock.json");
const lockFile = join(root, ".keelson-install.lock");
const windows = process.platform === "win32";
const NODE_MAJOR_MIN = 24;
const LOCK_POLL_MS = 200;
/** npm passes a signal on that the terminal has sent to everybody already. */
const SAME_SIGNAL_MS = 500;

/** npm writes its record last, so a half-finished install has none or an older one. */
function isInstalled() {
  const wanted = readPackages(join(root, "package-lock.json"));
  const present = readPackages(installRecord);
  if (wanted === undefined || present === undefined || projectNode() === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    // Optional ones are mostly other platforms' binaries; npm has chosen among them.
    if (!path.startsWith("node_modules/") || entry.optional || entry.devOptional) return true;
    const there = present[path];
    if (there === undefined || there.version !== entry.version) return false;
    if (there.integrity !== entry.integrity) return false;
    return existsSync(join(root, path, "package.json"));
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** The Node to run on: the project's, or the machine's where install scripts are forbidden. */
function projectNode() {
  const own = join(modules, "node", "bin", windows ? "node.exe" : "node");
  if (existsSync(own)) return own;
  const major = Number.parseInt(process.versions.node, 10);
  return major >= NODE_MAJOR_MIN && existsSync(modules) ? process.execPath : undefined;
}

/** `npm start` and `npm test` may be typed in two terminals at once: one installs, one waits. */
async function install() {
  while (!takeLock()) await new Promise((wake) => setTimeout(wake, LOCK_POLL_MS));
  const release = () => rmSync(lockFile, { force: true });
  process.once("exit", release);
  if (!isInstalled()) await runNpm();
  process.removeListener("exit", release);
  release();
}

function takeLock() {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    if (!isHeld()) rmSync(lockFile, { force: true });
    return false;
  }
}

function isHeld() {
  try {
    const holder = Number.parseInt(readFileSync(lockFile, "utf8"), 10);
    // A holder that has not written its number yet is alive.
    if (Number.isNaN(holder)) return true;
    process.kill(holder, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

async function runNpm() {
  process.stderr.write("keelson: installing packages, once; this takes up to a minute …\n");
  // What is there is brought up to date; `ci` would pull it away from under a running program.
  const verb = existsSync(installRecord) ? ["install", "--no-save"] : ["ci"];
  // Warnings about the machine's older Node would only frighten: our programs do not run on it.
  const flags = ["--no-audit", "--no-fund", "--loglevel=error", "--no-progress"];
  const kinds = ["--include=dev", "--include=optional"];
  const npm = npmProgram();
  const { code, output } = await captured(npm[0], [...npm.slice(1), ...verb, ...flags, ...kinds]);
  if (code === 0 && isInstalled()) return;
  process.stderr.write(output);
  const why = code === 0 ? whatIsMissing() : "npm could not install the packages (see above).";
  process.stderr.write(`keelson: ${why}\n`);
  process.stderr.write("Check the network and the disk, then run the same command again.\n");
  process.exit(1);
}

function whatIsMissing() {
  return projectNode() === undefined
    ? `npm did not install the package "node" (are install scripts switched off?), and this ` +
        `machine's Node ${process.versions.node} is older than ${NODE_MAJOR_MIN}.`
    : "npm ended well, but packages are missing; delete node_modules.";
}

/** The npm that runs this script, else the one in PATH. */
function npmProgram() {
  const script = process.env.npm_execpath;
  if (script !== undefined && /npm-cli\.c?js$/.test(script)) return [process.execPath, script];
  return [windows ? "npm.cmd" : "npm"];
}

function captured(command, parameters) {
  return new Promise((done) => {
    let output = "";
    const options = { cwd: root, stdio: ["ignore", "pipe", "pipe"], shell: command === "npm.cmd" };
    const child = spawn(command, parameters, options);
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        output += chunk;
      });
    }
    for (const signal of ["SIGINT", "SIGTERM"]) {
      process.once(signal, () => {
        child.kill(signal);
        process.exit(128 + constants.signals[signal]);
      });
    }
    child.on("error", (error) => done({ code: 1, output: `${error.message}\n` }));
    child.on("close", (code) => {
      process.removeAllListeners("SIGINT");
      process.removeAllListeners("SIGTERM");
      done({ code: code ?? 1, output });
    });
  });
}

function run(program, parameters, cwd) {
  const isScript = /\.(?:ts|mjs|js)$/.test(program);
  const node = projectNode();
  const command = isScript ? node : join(binaries, windows ? `${program}.cmd` : program);
  const child = spawn(command, isScript ? [join(root, program), ...parameters] : parameters, {
    cwd,
    stdio: "inherit",
    shell: windows && !isScript,
    // Programs that the child starts by name, `node` first of all, are the project's too.
    env: {
      ...process.env,
      PATH: [binaries, dirname(node), process.env.PATH ?? ""].join(delimiter),
    },
  });
  passSignals(child);
  child.on("error", (error) => {
    process.stderr.write(`keelson: cannot start ${command}: ${error.message}\n`);
    process.stderr.write("Delete node_modules if it was copied from another machine.\n");
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    process.exit(signal === null ? code : 128 + constants.signals[signal]);
  });
}

/**
 * A terminal sends Ctrl-C to the whole group, the child included; anybody else sends signals to us
 * alone. Sending it on in the first case would look like somebody who presses it twice in a hurry.
 */
function passSignals(child) {
  const sentAt = {};
  const passOn = (signal) => {
    const now = performance.now();
    if (now - (sentAt[signal] ?? -SAME_SIGNAL_MS) < SAME_SIGNAL_MS) return;
    sentAt[signal] = now;
    child.kill(signal);
  };
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, passOn);
  const hasTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  process.on("SIGINT", (signal) => {
    if (!hasTerminal) passOn(signal);
  });
}

const given = process.argv.slice(2);
const fromCaller = given[0] === "--from-caller";
const [program, ...parameters] = fromCaller ? given.slice(1) : given;
if (program === undefined) {
  process.stderr.write("usage: node tools/bootstrap.mjs [--from-caller] <program> [arguments…]\n");
  process.exit(2);
}
if (!isInstalled()) await install();
run(program, parameters, fromCaller ? (process.env.INIT_CWD ?? process.cwd()) : root);
