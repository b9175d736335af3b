/**
 * The one place that starts processes. Whatever the operating system says, the caller gets a value:
 * an `error` event never escapes, a broken pipe to stdin is not an error, and a promise is never
 * left without an answer.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { messageOf } from "../errors/fault.ts";

export type OutputName = "stdout" | "stderr";

export interface ChildSpec {
  readonly command: readonly string[];
  /** Absolute. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
  /** Takes one piece of output; the child's pipe is not read further until it resolves. */
  readonly onOutput: (piece: Uint8Array, from: OutputName) => Promise<void>;
}

/** How a child ended. `unstarted`: there never was one; `code` is the system's, such as ENOENT. */
export type ChildEnd =
  | { readonly how: "exit"; readonly code: number }
  | { readonly how: "signal"; readonly signal: string }
  | { readonly how: "unstarted"; readonly code: string; readonly message: string };

export interface Child {
  /** Also the id of its process group and session; undefined when it did not start. */
  readonly pid: number | undefined;
  /** When the process itself is gone; others may still hold its pipes. */
  readonly exited: Promise<ChildEnd>;
  /** When all of its output has been taken, or `hangUp` was called. */
  readonly drained: Promise<void>;
  /** Stops reading: whoever still holds the pipes is not ours to wait for. */
  hangUp(): void;
}

/** Starts a child as the leader of a process group and session of its own. */
export function startChild(spec: ChildSpec): Child {
  const [program = "", ...parameters] = spec.command;
  let child: ChildProcess;
  try {
    child = spawn(program, parameters, {
      cwd: spec.cwd,
      env: { ...spec.env },
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
      windowsHide: true,
    });
  } catch (error) {
    return unstarted(error);
  }
  const exited = exitOf(child);
  feed(child, spec.stdin);
  const reads = [read(child.stdout, "stdout", spec), read(child.stderr, "stderr", spec)];
  return {
    pid: child.pid,
    exited,
    drained: Promise.all(reads).then(() => undefined),
    hangUp() {
      child.stdin?.destroy();
      child.stdout?.destroy();
      child.stderr?.destroy();
    },
  };
}

function unstarted(error: unknown): Child {
  return {
    pid: undefined,
    exited: Promise.resolve(endOfError(error)),
    drained: Promise.resolve(),
    hangUp: () => undefined,
  };
}

function exitOf(child: ChildProcess): Promise<ChildEnd> {
  return new Promise((resolve) => {
    // Stays attached for good: Node emits `error` also when a later signal cannot be sent.
    child.on("error", (error) => {
      if (child.pid === undefined) resolve(endOfError(error));
    });
    child.once("exit", (code, signal) => {
      resolve(signal === null ? { how: "exit", code: code ?? 0 } : { how: "signal", signal });
    });
  });
}

function endOfError(error: unknown): ChildEnd {
  const code = error instanceof Error && "code" in error ? String(error.code) : "UNKNOWN";
  return { how: "unstarted", code, message: messageOf(error) };
}

function feed(child: ChildProcess, text: string): void {
  // A child that does not read its stdin breaks the pipe; its exit tells the story.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(text);
}

async function read(stream: Readable | null, from: OutputName, spec: ChildSpec): Promise<void> {
  if (stream === null) return;
  try {
    for await (const piece of stream) await spec.onOutput(piece as Uint8Array, from);
  } catch {
    // Hung up on, or the pipe broke: there is no more output either way.
  }
}

/** What a short command said, at most `CAPTURE_BYTES_MAX` of each stream. */
export interface Captured {
  readonly end: ChildEnd;
  readonly stdout: string;
  readonly stderr: string;
}

const CAPTURE_BYTES_MAX = 1024 * 1024;

/** Runs a short command to its end; after `timeoutMs` its process group is killed. */
export async function captureChild(
  spec: Omit<ChildSpec, "onOutput" | "stdin"> & { readonly stdin?: string },
  timeoutMs: number,
): Promise<Captured> {
  const kept: Record<OutputName, Uint8Array[]> = { stdout: [], stderr: [] };
  const room: Record<OutputName, number> = {
    stdout: CAPTURE_BYTES_MAX,
    stderr: CAPTURE_BYTES_MAX,
  };
  const child = startChild({
    ...spec,
    stdin: spec.stdin ?? "",
    onOutput: async (piece, from) => {
      const part = piece.subarray(0, room[from]);
      room[from] -= part.length;
      if (part.length > 0) kept[from].push(part);
    },
  });
  const timer = setTimeout(() => {
    signalGroup(child.pid, "SIGKILL");
    child.hangUp();
  }, timeoutMs);
  const end = await child.exited;
  await child.drained;
  clearTimeout(timer);
  const text = (from: OutputName): string => Buffer.concat(kept[from]).toString("utf8");
  return { end, stdout: text("stdout"), stderr: text("stderr") };
}

/** Signals every process of a group; a group that is gone is not an error. */
export function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid !== undefined) signalProcess(-pid, signal);
}

/** Signals one process (a negative id: a group), if it is there and ours. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  // 0, 1, -1 and our own id would hit far more than a child.
  if (Math.abs(pid) <= 1 || Math.abs(pid) === process.pid) return;
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in the meantime.
  }
}

/** True while a process group has a member (a zombie counts). */
export function isGroupAlive(pid: number): boolean {
  try {
    return process.kill(-pid, 0);
  } catch {
    return false;
  }
}
