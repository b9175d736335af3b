/**
 * A process that owns one PostgreSQL server and outlives whoever asked for it by exactly the time it
 * takes to clean up. It reads orders from its input; when that ends, however its owner died, the
 * server is stopped and the folder removed. It has a session of its own, so that a Ctrl-C or a kill
 * of the test run's whole group does not end it first.
 *
 * Orders and answers are lines of JSON: `{"order":"start"}`, `{"order":"stop","how":"fast"}`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, chown, mkdir, mkdtemp, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "./free-port.ts";
import { installedBinaries, placeBinaries, unprivilegedAccount } from "./postgres-binaries.ts";

type How = "fast" | "immediate";
type Order = { readonly order: "start" } | { readonly order: "stop"; readonly how: How };

const STOP_SIGNALS: Readonly<Record<How, NodeJS.Signals>> = {
  fast: "SIGINT",
  immediate: "SIGQUIT",
};
const START_ATTEMPTS = 20;
/** Durability is what the tests are about, so nothing here weakens it. */
const SETTINGS = [
  "fsync=on",
  "synchronous_commit=on",
  "full_page_writes=on",
  "listen_addresses=127.0.0.1",
  "unix_socket_directories=",
  "max_connections=300",
  "shared_buffers=64MB",
  // Files below the data folder, which goes away with it whatever happens.
  "dynamic_shared_memory_type=mmap",
  // A password is hashed on every connection; the tests' one is random and lives for minutes.
  "scram_iterations=1",
  "checkpoint_timeout=30min",
  "timezone=UTC",
  "log_timezone=UTC",
] as const;

const account = await unprivilegedAccount();
const folder = await mkdtemp(join(await openFolder(), "keelson-postgres-"));
const data = join(folder, "data");
const programs = join(folder, "native", "bin");
const password = randomBytes(16).toString("hex");
let port = await freePort();
let server: ChildProcess | undefined;
let log: string[] = [];
let isEnding = false;
let work: Promise<unknown> = Promise.resolve();

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => inTurn(() => answered(() => obey(JSON.parse(line) as Order))));
lines.on("close", end);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
process.stdout.on("error", () => undefined);
inTurn(() => answered(prepare));

/** One thing after the other, whatever comes in meanwhile. */
function inTurn(act: () => Promise<void>): void {
  work = work.then(act);
}

async function answered(act: () => Promise<object | undefined>): Promise<void> {
  try {
    say({ ok: true, ...(await act()) });
  } catch (error) {
    const words = log.slice(-20).join("\n");
    say({ ok: false, message: `${(error as Error).message}${words === "" ? "" : `\n${words}`}` });
  }
}

function say(answer: object): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

/** The folder for temporary files, if the server's account can come in; else the system's. */
async function openFolder(): Promise<string> {
  const usual = await realpath(tmpdir());
  if (account === undefined || (await isOpenToAll(usual))) return usual;
  return await realpath("/tmp");
}

async function isOpenToAll(path: string): Promise<boolean> {
  if (((await stat(path)).mode & 0o001) === 0) return false;
  return dirname(path) === path || (await isOpenToAll(dirname(path)));
}

async function prepare(): Promise<object> {
  await placeBinaries(installedBinaries(), join(folder, "native"));
  const passwordFile = join(folder, "password");
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  await mkdir(data, { mode: 0o700 });
  if (account !== undefined) {
    for (const path of [folder, data, passwordFile]) await chown(path, account.uid, account.gid);
  }
  await chmod(folder, 0o700);
  await initialise(passwordFile);
  await start();
  return { port, password, folder, pid: process.pid };
}

async function initialise(passwordFile: string): Promise<void> {
  const child = program("initdb", [
    `--pgdata=${data}`,
    "--username=postgres",
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--no-locale",
    "--no-sync",
    "--no-instructions",
    ...SETTINGS.map((setting) => `--set=${setting}`),
  ]);
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`initdb ended with ${String(code)}`);
}

function program(name: string, parameters: readonly string[]): ChildProcess {
  const child = spawn(join(programs, name), parameters, {
    // Nothing of the caller's environment may change the server, and its folder can be entered.
    cwd: folder,
    env: { LC_ALL: "C", PATH: "/usr/bin:/bin", TZ: "UTC" },
    stdio: ["ignore", "ignore", "pipe"],
    ...account,
  });
  child.once("error", (error) => log.push(error.message));
  createInterface({ input: child.stderr }).on("line", (line) => {
    log.push(line);
    if (log.length > 200) log = log.slice(-100);
  });
  return child;
}

async function obey(order: Order): Promise<undefined> {
  if (order.order === "start") await start();
  else await stop(order.how);
}

/** A port can be taken between the look and the use: once is bad luck, always is an error. */
async function start(): Promise<void> {
  if (server !== undefined) return;
  const isFirst = log.length === 0;
  for (let attempt = 1; ; attempt += 1) {
    if (await started()) return;
    const isTaken = log.slice(-10).some((line) => line.includes("Is another postmaster"));
    if (!isTaken || attempt === START_ATTEMPTS) throw new Error("PostgreSQL did not start");
    if (isFirst) port = await freePort();
    else await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function started(): Promise<boolean> {
  const child = program("postgres", ["-D", data, "-p", String(port)]);
  const ended = once(child, "close").then(
    () => false,
    () => false,
  );
  const isReady = new Promise<boolean>((resolve) => {
    child.stderr?.on("data", (bytes: Buffer) => {
      if (bytes.includes("ready to accept connections")) resolve(true);
    });
  });
  const isUp = await Promise.race([isReady, ended]);
  if (!isUp) return false;
  server = child;
  void ended.then(() => {
    if (server === child) server = undefined;
  });
  return true;
}

async function stop(how: How): Promise<void> {
  const child = server;
  if (child === undefined) return;
  server = undefined;
  const ended = once(child, "close");
  child.kill(STOP_SIGNALS[how]);
  await ended;
}

function end(): void {
  if (isEnding) return;
  isEnding = true;
  inTurn(async () => {
    // Nobody reads this data again; the immediate way gives the shared memory back as well.
    await stop("immediate").catch(() => undefined);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    process.exit(0);
  });
}
