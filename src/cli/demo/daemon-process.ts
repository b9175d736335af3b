import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { isJsonObject } from "../../lib/json.ts";

/** A daemon in a process of its own, to be killed. */
export interface DaemonProcess {
  readonly url: string;
  readonly tokenFile: string;
  readonly pid: number;
  /** From spawn to ready, milliseconds. */
  readonly startMs: number;
  /** `kill -9`: no chance to tidy up. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Ctrl-C. Resolves when it is gone. */
  stop(): Promise<void>;
}

/** Starts `keelson up` with the same program that runs now; rejects when it ends before it is ready. */
export async function startDaemonProcess(root: string, addr: string): Promise<DaemonProcess> {
  const started = performance.now();
  const script = process.argv[1] ?? "";
  const args = [...process.execArgv, script, "up", "--root", root, "--addr", addr, "--json"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const ready = await readyLine(child);
  const end = (signal: NodeJS.Signals) => async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await gone;
  };
  return {
    url: String(ready["url"]),
    tokenFile: String(ready["token_file"]),
    pid: child.pid ?? 0,
    startMs: performance.now() - started,
    kill: end("SIGKILL"),
    stop: end("SIGINT"),
  };
}

function readyLine(child: ChildProcess): Promise<Readonly<Record<string, unknown>>> {
  return new Promise((resolve, reject) => {
    let complaint = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      complaint += chunk.toString("utf8");
    });
    child.once("error", reject);
    child.once("close", () => reject(new Error(`the daemon ended at once: ${complaint.trim()}`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).once("line", (line) => {
      const value: unknown = JSON.parse(line);
      if (isJsonObject(value)) resolve(value);
      else reject(new Error(`the daemon said ${line} instead of being ready`));
    });
  });
}
