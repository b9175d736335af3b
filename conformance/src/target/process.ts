/** Starts daemons with a shell command, each in a process group of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Launcher, LaunchPlan, Running } from "./launcher.ts";

const STOP_MS_MAX = 15_000;
const POLL_MS = 20;
const OUTPUT_CHARS_MAX = 4_000;
/** The unit of `ulimit -f` in a POSIX shell. */
const BLOCK_BYTES = 512;

/** Groups that run now: whoever ends the kit, by Ctrl-C too, ends the daemons it started. */
const running = new Set<number>();

function watch(pid: number): void {
  if (running.size === 0) process.once("exit", endAll);
  running.add(pid);
}

function unwatch(pid: number): void {
  running.delete(pid);
  if (running.size === 0) process.removeListener("exit", endAll);
}

function endAll(): void {
  for (const pid of running) signalGroup(pid, "SIGKILL");
}

/**
 * A launcher out of a shell command in which {root}, {port} and {token_file} are filled in.
 * `token` serves where the command does not take {token_file} and the daemon makes no token file.
 */
export function commandLauncher(command: string, token: string): Launcher {
  return async (plan) => new CommandProcess(command, token, plan, await freePort());
}

class CommandProcess implements Running {
  readonly url: string;
  readonly #command: string;
  readonly #fallback: string;
  readonly #plan: LaunchPlan;
  readonly #child: ChildProcess;
  #output = "";

  constructor(command: string, fallback: string, plan: LaunchPlan, port: number) {
    this.#command = command;
    this.#fallback = fallback;
    this.#plan = plan;
    this.url = `http://127.0.0.1:${port}`;
    const filled = fill(command, {
      root: plan.root,
      port: String(port),
      token_file: plan.tokenFile,
    });
    // One group of its own, so that a signal reaches whatever the command started.
    const child = spawn("/bin/sh", ["-c", limited(filled, plan.fileBytesMax)], {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    if (child.pid !== undefined) watch(child.pid);
    child.stdout.on("data", (chunk: Buffer) => this.#keep(chunk));
    child.stderr.on("data", (chunk: Buffer) => this.#keep(chunk));
  }

  async token(): Promise<string> {
    if (this.#command.includes("{token_file}")) return readFile(this.#plan.tokenFile, "utf8");
    const own = join(this.#plan.root, ".agents", "daemon", "token");
    return readFile(own, "utf8").catch(() => this.#fallback);
  }

  ended(): string | undefined {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return undefined;
    return `it ended with ${signalCode ?? `exit code ${exitCode}`}: ${this.#output.trim()}`;
  }

  async stop(): Promise<void> {
    if (!(await this.#signal("SIGTERM"))) await this.kill();
  }

  async kill(): Promise<void> {
    if (await this.#signal("SIGKILL")) return;
    throw new Error("the daemon's processes were still there after SIGKILL");
  }

  #keep(chunk: Buffer): void {
    this.#output = (this.#output + chunk.toString("utf8")).slice(-OUTPUT_CHARS_MAX);
  }

  /** Signals the whole group and waits for it to be gone; false when it stayed. */
  async #signal(signal: NodeJS.Signals): Promise<boolean> {
    const child = this.#child;
    const { pid } = child;
    if (pid === undefined) return true;
    const gone = new Promise<boolean>((resolve) => {
      if (this.ended() !== undefined) resolve(true);
      else child.once("exit", () => resolve(true));
    });
    signalGroup(pid, signal);
    const left = await Promise.race([gone, pause(STOP_MS_MAX, false, { ref: false })]);
    if (!left) return false;
    // The shell may go before its children: whatever is left of the group goes with it.
    const deadline = Date.now() + STOP_MS_MAX;
    while (groupLives(pid) && Date.now() < deadline) {
      signalGroup(pid, signal);
      await pause(POLL_MS);
    }
    const isGone = !groupLives(pid);
    if (isGone) unwatch(pid);
    return isGone;
  }
}

/** Fills the placeholders, quoted for the shell; one plain command replaces its shell. */
function fill(command: string, values: Readonly<Record<string, string>>): string {
  const filled = command.replaceAll(/\{(root|port|token_file)\}/g, (_whole, name: string) =>
    quoted(values[name] ?? ""),
  );
  return /[;&|<>\n]/.test(command) ? filled : `exec ${filled}`;
}

/** A file-size limit is the one full disk that anybody may have without being root. */
function limited(command: string, fileBytesMax: number | undefined): string {
  if (fileBytesMax === undefined) return command;
  return `ulimit -f ${Math.ceil(fileBytesMax / BLOCK_BYTES)}; ${command}`;
}

function quoted(value: string): string {
  return /^[\w./:-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Already gone, which is what the signal was for.
  }
}

function groupLives(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
