import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const MAIN = new URL("../../src/cli/main.ts", import.meta.url).pathname;

interface ReadyLine {
  readonly url: string;
  readonly root: string;
  readonly ledger: string;
  readonly token_file: string;
  readonly pid: number;
}

export interface Spawned {
  readonly child: ChildProcess;
  /** Lines of standard output so far. */
  readonly lines: readonly string[];
  readonly err: () => string;
  /** Resolves with the first line that matches; rejects when the process ends before. */
  line(pattern: RegExp): Promise<string>;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

/** Runs the CLI as a user does: a process of its own. */
export function spawnCli(
  args: readonly string[],
  env: Record<string, string> = {},
  program = MAIN,
): Spawned {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  let err = "";
  let look = (): void => undefined;
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    look();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString("utf8");
  });
  const ended = new Promise<number | string>((resolve) => {
    child.once("close", (code, signal) => resolve(code ?? signal ?? "nothing"));
  });
  return {
    child,
    lines,
    err: () => err,
    ended,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        look = () => {
          const found = lines.find((line) => pattern.test(line));
          if (found !== undefined) resolve(found);
        };
        look();
        void ended.then((code) => reject(new Error(`ended with ${code}: ${err}`)));
      }),
  };
}

export interface TestDaemon extends ReadyLine {
  readonly spawned: Spawned;
  /** Ctrl-C; gives the exit code. */
  stop(): Promise<number | string>;
}

export async function startDaemon(
  root: string,
  addr = "127.0.0.1:0",
  program = MAIN,
): Promise<TestDaemon> {
  const spawned = spawnCli(["up", "--json", "--root", root, "--addr", addr], {}, program);
  const ready: ReadyLine = JSON.parse(await spawned.line(/"ready":true/));
  return {
    ...ready,
    spawned,
    stop: () => {
      spawned.child.kill("SIGINT");
      return spawned.ended;
    },
  };
}

export function temporaryRoot(): { readonly root: string; remove(): void } {
  const root = mkdtempSync(join(tmpdir(), "keelson-cli-"));
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) };
}
