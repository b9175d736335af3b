/** A daemon under test as a child process: started, stopped and killed by the kit. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Endpoint, exchange } from "./http.ts";

export interface StartPlan {
  /** Shell command; {root}, {port} and {token_file} are filled in. */
  readonly command: string;
  /** An empty directory of this daemon's own. */
  readonly root: string;
  /** Used when the command does not take {token_file} and the daemon makes no token file. */
  readonly token: string;
}

const READY_MS_MAX = 30_000;
const STOP_MS_MAX = 15_000;
const POLL_MS = 20;
const OUTPUT_CHARS_MAX = 4_000;

/** The daemon did not come up, or not down: nothing can be said about what was to be checked. */
class LifecycleFailure extends Error {}

export class DaemonProcess {
  readonly endpoint: Endpoint = { url: "", token: "" };
  readonly #plan: StartPlan;
  #child: ChildProcess | undefined;
  #output = "";

  constructor(plan: StartPlan) {
    this.#plan = plan;
  }

  get root(): string {
    return this.#plan.root;
  }

  /** Where the contract has the ledger. */
  get ledgerPath(): string {
    return join(this.root, ".agents", "daemon", "ledger.jsonl");
  }

  /** Puts a ledger below the root, before the first start. */
  async prepare(ledger: string): Promise<void> {
    await mkdir(dirname(this.ledgerPath), { recursive: true, mode: 0o700 });
    if (ledger !== "") await writeFile(this.ledgerPath, ledger, { mode: 0o600 });
  }

  /** Starts and waits until health answers. */
  async start(): Promise<void> {
    const port = await freePort();
    const tokenFile = await this.#tokenFile();
    const command = fill(this.#plan.command, {
      root: this.root,
      port: String(port),
      token_file: tokenFile,
    });
    this.#output = "";
    // One group of its own, so that a signal reaches whatever the command started.
    const child = spawn("/bin/sh", ["-c", command], {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    child.stdout.on("data", (chunk: Buffer) => this.#keep(chunk));
    child.stderr.on("data", (chunk: Buffer) => this.#keep(chunk));
    this.endpoint.url = `http://127.0.0.1:${port}`;
    await this.#untilHealthy(child);
    this.endpoint.token = await this.#token(tokenFile);
  }

  /** SIGTERM, and SIGKILL when that does not end it. */
  async stop(): Promise<void> {
    if (!(await this.#signal("SIGTERM", STOP_MS_MAX))) await this.kill();
  }

  /** SIGKILL: the daemon gets no chance to write anything more. */
  async kill(): Promise<void> {
    if (await this.#signal("SIGKILL", STOP_MS_MAX)) return;
    throw new LifecycleFailure("the daemon's processes were still there after SIGKILL");
  }

  /** Everything of the ledger on disk: archives and the active file, by name. */
  async ledgerFiles(): Promise<ReadonlyMap<string, Buffer>> {
    const directory = dirname(this.ledgerPath);
    const names = (await readdir(directory).catch(() => [])).filter((name) =>
      name.startsWith("ledger"),
    );
    const files = new Map<string, Buffer>();
    for (const name of names.sort()) files.set(name, await readFile(join(directory, name)));
    return files;
  }

  /** Names of the files in quarantine. */
  async quarantined(): Promise<readonly string[]> {
    const directory = join(dirname(this.ledgerPath), "quarantine");
    return readdir(directory).catch(() => []);
  }

  #keep(chunk: Buffer): void {
    this.#output = (this.#output + chunk.toString("utf8")).slice(-OUTPUT_CHARS_MAX);
  }

  async #tokenFile(): Promise<string> {
    const path = join(dirname(this.root), "token");
    const fresh = randomBytes(24).toString("hex");
    await writeFile(path, fresh, { mode: 0o600, flag: "wx" }).catch(() => undefined);
    await chmod(path, 0o600);
    return path;
  }

  async #token(tokenFile: string): Promise<string> {
    if (this.#plan.command.includes("{token_file}")) return readFile(tokenFile, "utf8");
    const own = await readFile(join(this.root, ".agents", "daemon", "token"), "utf8").catch(
      () => this.#plan.token,
    );
    return own.trim();
  }

  async #untilHealthy(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + READY_MS_MAX;
    while (Date.now() < deadline) {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new LifecycleFailure(`the daemon ended while starting: ${this.#output.trim()}`);
      }
      const health = await exchange(this.endpoint, "GET", "/v1/health");
      if (health.status === 200) return;
      await pause(POLL_MS);
    }
    await this.kill();
    throw new LifecycleFailure(
      `no health within ${READY_MS_MAX} ms of starting: ${this.#output.trim()}`,
    );
  }

  /** Signals the whole group and waits for it to be gone; false when it stayed. */
  async #signal(signal: NodeJS.Signals, waitMs: number): Promise<boolean> {
    const child = this.#child;
    if (child?.pid === undefined) return true;
    const gone = new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve();
      else child.once("exit", () => resolve());
    });
    signalGroup(child.pid, signal);
    const left = await Promise.race([gone.then(() => true), pause(waitMs, false, { ref: false })]);
    if (!left) return false;
    // The shell may go before its children: whatever is left of the group goes with it.
    const deadline = Date.now() + waitMs;
    while (groupLives(child.pid) && Date.now() < deadline) {
      signalGroup(child.pid, signal === "SIGTERM" ? "SIGTERM" : "SIGKILL");
      await pause(POLL_MS);
    }
    this.#child = undefined;
    return true;
  }
}

/** Fills the placeholders, quoted for the shell; one plain command replaces its shell. */
function fill(command: string, values: Readonly<Record<string, string>>): string {
  const filled = command.replaceAll(/\{(root|port|token_file)\}/g, (_whole, name: string) =>
    quoted(values[name] ?? ""),
  );
  return /[;&|<>\n]/.test(command) ? filled : `exec ${filled}`;
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
