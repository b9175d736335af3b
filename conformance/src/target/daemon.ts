/** A daemon of the kit's own, over a root of its own: started, stopped, killed, looked into. */
import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Connections, type Endpoint, exchange } from "./http.ts";
import type { Launcher, Running } from "./launcher.ts";

const READY_MS_MAX = 30_000;
/** Time for a daemon that answers something else first to become well. */
const WELL_MS_MAX = 2_000;
const POLL_MS = 20;

/** The daemon did not come up: nothing can be said about what was to be checked. */
class LifecycleFailure extends Error {}

interface DaemonPlan {
  readonly launcher: Launcher;
  readonly root: string;
  readonly connections: Connections;
}

interface StartOptions {
  readonly fileBytesMax?: number;
}

export class Daemon {
  readonly endpoint: Endpoint;
  readonly #launcher: Launcher;
  readonly #root: string;
  #running: Running | undefined;

  constructor({ launcher, root, connections }: DaemonPlan) {
    this.#launcher = launcher;
    this.#root = root;
    this.endpoint = { url: "", token: "", connections };
  }

  /** Where the contract has the ledger. */
  get ledgerPath(): string {
    return join(this.#root, ".agents", "daemon", "ledger.jsonl");
  }

  /** Puts a ledger below the root, before the first start. */
  async prepare(ledger: string | Uint8Array): Promise<void> {
    await mkdir(dirname(this.ledgerPath), { recursive: true, mode: 0o700 });
    if (ledger.length > 0) await writeFile(this.ledgerPath, ledger, { mode: 0o600 });
  }

  /** Starts, and waits until health answers. */
  async start(options: StartOptions = {}): Promise<void> {
    const tokenFile = await this.#tokenFile();
    const running = await this.#launcher({ root: this.#root, tokenFile, ...options });
    this.#running = running;
    this.endpoint.url = running.url;
    try {
      await this.#untilHealthy(running);
      this.endpoint.token = (await running.token()).trim();
    } catch (error) {
      await this.kill().catch(() => undefined);
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
    this.#running = undefined;
  }

  async kill(): Promise<void> {
    await this.#running?.kill();
    this.#running = undefined;
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

  /** The text of the active ledger file; empty when there is none. */
  async ledgerText(): Promise<string> {
    return readFile(this.ledgerPath, "utf8").catch(() => "");
  }

  /** Names of the files in quarantine. */
  async quarantined(): Promise<readonly string[]> {
    const directory = join(dirname(this.ledgerPath), "quarantine");
    return readdir(directory).catch(() => []);
  }

  async #tokenFile(): Promise<string> {
    const path = join(dirname(this.#root), "token");
    const fresh = randomBytes(24).toString("hex");
    await writeFile(path, fresh, { mode: 0o600, flag: "wx" }).catch(() => undefined);
    await chmod(path, 0o600);
    return path;
  }

  async #untilHealthy(running: Running): Promise<void> {
    const deadline = Date.now() + READY_MS_MAX;
    let answeredAt = Number.POSITIVE_INFINITY;
    while (Date.now() < deadline) {
      const ended = running.ended();
      if (ended !== undefined) {
        throw new LifecycleFailure(`the daemon did not come up: ${ended}`);
      }
      const health = await exchange(this.endpoint, "GET", "/v1/health");
      if (health.status === 200) return;
      // It listens, and its health is not what it should be: that is for the scenarios to find.
      if (health.status > 0) answeredAt = Math.min(answeredAt, Date.now());
      if (Date.now() - answeredAt > WELL_MS_MAX) return;
      await pause(POLL_MS);
    }
    throw new LifecycleFailure(`no health within ${READY_MS_MAX} ms of starting the daemon`);
  }
}
