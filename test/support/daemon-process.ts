/**
 * Real daemons as child processes: started, asked over HTTP, killed. Every process that a test
 * starts is killed at the end of its file at the latest.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Pool } from "undici";

const ENTRY = fileURLToPath(new URL("../crash/daemon-entry.ts", import.meta.url));
const COMPILE_CACHE = join(tmpdir(), "keelson-test-compile-cache");

/** What a process left when it ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** What `JSON.parse` makes of it. */
  readonly body: ReturnType<typeof JSON.parse>;
}

/** A process that has everything loaded and waits to be told to start. */
export class DaemonProcess {
  readonly root: string;
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  #stdout = "";
  #stderr = "";
  #pool: Pool | undefined;
  #token = "";

  constructor(root: string, env: Readonly<Record<string, string>> = {}) {
    this.root = root;
    this.#child = spawn(process.execPath, [ENTRY, root], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    });
    this.#child.stdout?.on("data", (bytes: Buffer) => (this.#stdout += bytes.toString("utf8")));
    this.#child.stderr?.on("data", (bytes: Buffer) => (this.#stderr += bytes.toString("utf8")));
    this.#child.stdin?.on("error", () => undefined);
    this.ended = once(this.#child, "close").then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stderr: this.#stderr,
    }));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Starts the daemon; resolves when it listens, throws with its last words when it does not. */
  async start(): Promise<{ readonly url: string; readonly opening: Record<string, unknown> }> {
    this.#child.stdin?.write("start\n");
    const line = await this.#line((text) => text.includes('"url"'));
    const started = JSON.parse(line) as { url: string; opening: Record<string, unknown> };
    this.#pool = new Pool(started.url, { connections: 32 });
    this.#token = readFileSync(join(this.root, ".agents/daemon/token"), "utf8").trim();
    return started;
  }

  /** Rejects when the connection breaks, which a kill does. */
  async ask(method: "GET" | "POST", path: string, body?: unknown): Promise<Answer> {
    if (this.#pool === undefined) throw new Error("the daemon has not started");
    const response = await this.#pool.request({
      method,
      path,
      headers: { "x-agentops-daemon-token": this.#token, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const { statusCode: status, headers } = response;
    return { status, headers, body: await response.body.json() };
  }

  /** The data of a live stream's frames, from its first one on. Ends when `signal` aborts. */
  async *stream(path: string, signal: AbortSignal): AsyncGenerator<ReturnType<typeof JSON.parse>> {
    if (this.#pool === undefined) throw new Error("the daemon has not started");
    const headers = { accept: "text/event-stream" };
    const { body } = await this.#pool.request({ method: "GET", path, headers, signal });
    let text = "";
    body.setEncoding("utf8");
    for await (const piece of body) {
      const frames = (text + String(piece)).split("\n\n");
      text = frames.pop() ?? "";
      for (const frame of frames) {
        const data = /^data: (.*)$/m.exec(frame)?.[1];
        if (data !== undefined) yield JSON.parse(data);
      }
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async kill(): Promise<Ended> {
    this.signal("SIGKILL");
    const ended = await this.ended;
    void this.#pool?.destroy();
    return ended;
  }

  async #line(matches: (line: string) => boolean): Promise<string> {
    for (;;) {
      const line = this.#stdout.split("\n").slice(0, -1).find(matches);
      if (line !== undefined) return line;
      const died = await Promise.race([
        once(this.#child.stdout as NodeJS.ReadableStream, "data").then(() => false),
        this.ended.then(() => true),
      ]);
      if (died) throw new Error(`the daemon did not start: ${this.#stderr}`);
    }
  }
}

export function temporaryRoot(): string {
  return mkdtempSync(join(tmpdir(), "keelson-crash-"));
}

export function removeRoot(root: string): void {
  rmSync(root, { recursive: true, force: true });
}

/** Where a root keeps its ledger. */
export function ledgerOf(root: string): string {
  return join(root, ".agents/daemon/ledger.jsonl");
}

export function databaseOf(root: string): string {
  return join(root, ".agents/daemon/projections.db");
}

/** Runs `work` with a started daemon and ends it afterwards. */
export async function withDaemon<T>(
  root: string,
  work: (daemon: DaemonProcess, opening: Record<string, unknown>) => Promise<T>,
  env: Readonly<Record<string, string>> = {},
): Promise<T> {
  const daemon = new DaemonProcess(root, env);
  try {
    const { opening } = await daemon.start();
    return await work(daemon, opening);
  } finally {
    await daemon.kill();
  }
}

/** Asks again and again until the answer is what is waited for. */
export async function eventually<T>(
  ask: () => Promise<T | undefined>,
  timeoutMs: number = 20_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await ask();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
