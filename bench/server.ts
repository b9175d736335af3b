/** Servers under measurement, each in a process and a folder of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child } from "./child.ts";

export interface Target {
  readonly port: number;
  readonly token: string;
}

export interface Server {
  readonly child: Child;
  readonly target: Target;
  /** From starting the process to its first readiness. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

/** With `store`, a daemon keeps its ledger in that database. */
export async function startServer(
  name: "daemon" | "floor",
  dir: string,
  store?: string,
): Promise<Server> {
  const startedAt = performance.now();
  const child = Child.start(name, store === undefined ? [dir] : [dir, store], "server");
  const target = await child.message<Target>();
  const readyMs = performance.now() - startedAt;
  return { child, target, readyMs, stop: () => child.stop() };
}

/** Runs `work` with an empty folder that is gone afterwards. */
export async function inFolder<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), "keelson-bench-"));
  try {
    return await work(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
