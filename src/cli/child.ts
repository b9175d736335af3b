import { type ChildProcess, spawn } from "node:child_process";
import { TOKEN_VARIABLES } from "./connection.ts";

export interface ChildEnd {
  /** Undefined when a signal ended it or it never started. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  /** Why it could not be started. */
  readonly startError: Error | undefined;
  /** Everything it wrote, both streams in order of arrival; the oldest goes when it is too much. */
  readonly output: string;
}

export interface ChildPlan {
  readonly command: string;
  readonly args: readonly string[];
  readonly input: string;
  readonly env: NodeJS.ProcessEnv;
  /** Ends the child and everything it started. */
  readonly signal: AbortSignal;
  readonly onOutput: (chunk: Uint8Array) => void;
}

const OUTPUT_BYTES_MAX = 8 * 1024 * 1024;
const KILL_AFTER_MS = 5_000;

/** Runs a command to its end. Never rejects: how it ended is the answer. */
export function runChild(plan: ChildPlan): Promise<ChildEnd> {
  const output = outputKeeper(OUTPUT_BYTES_MAX);
  // A group of its own, so that ending it ends its children too.
  const child = spawn(plan.command, plan.args, {
    env: withoutTokens(plan.env),
    stdio: ["pipe", "pipe", "pipe"],
    detached: process.platform !== "win32",
  });
  const keep = (chunk: Uint8Array): void => {
    output.keep(chunk);
    plan.onOutput(chunk);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  // A command that does not read its input closes it; that is its right.
  child.stdin.on("error", () => undefined);
  child.stdin.end(plan.input);
  const stop = stopper(child);
  plan.signal.addEventListener("abort", stop.begin, { once: true });
  if (plan.signal.aborted) stop.begin();
  return new Promise((resolve) => {
    const end = (result: Omit<ChildEnd, "output">): void => {
      plan.signal.removeEventListener("abort", stop.begin);
      stop.ended();
      resolve({ ...result, output: output.text() });
    };
    child.on("error", (startError) => {
      if (child.pid === undefined) end({ code: undefined, signal: undefined, startError });
    });
    child.on("close", (code, signal) => {
      if (child.pid === undefined) return;
      end({ code: code ?? undefined, signal: signal ?? undefined, startError: undefined });
    });
  });
}

/** Asks nicely, then does not ask. */
function stopper(child: ChildProcess): { begin(): void; ended(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    begin: () => {
      killGroup(child, "SIGTERM");
      timer = setTimeout(() => killGroup(child, "SIGKILL"), KILL_AFTER_MS);
    },
    ended: () => clearTimeout(timer),
  };
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32") child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // It ended between the decision and the signal.
  }
}

function withoutTokens(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const secret: readonly string[] = TOKEN_VARIABLES;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !secret.includes(name)));
}

function outputKeeper(bytesMax: number): { keep(chunk: Uint8Array): void; text(): string } {
  let chunks: Uint8Array[] = [];
  let kept = 0;
  let dropped = 0;
  return {
    keep: (chunk) => {
      chunks.push(chunk);
      kept += chunk.length;
      while (kept > bytesMax && chunks.length > 1) {
        const oldest = chunks[0]?.length ?? 0;
        chunks = chunks.slice(1);
        kept -= oldest;
        dropped += oldest;
      }
    },
    text: () => {
      const text = Buffer.concat(chunks).toString("utf8");
      return dropped === 0 ? text : `[the first ${dropped} bytes were dropped]\n${text}`;
    },
  };
}
