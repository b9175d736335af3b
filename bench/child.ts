/** Child processes of the benchmark: a request goes in by message, one answer comes back. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The unit of processor times in `/proc`. */
const MS_PER_TICK = 10;

/** Folder for CPU profiles of the servers, or undefined for none. */
let profileDir: string | undefined;

export function profileInto(dir: string): void {
  profileDir = dir;
}

export class Child {
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  /** Starts `bench/<name>.ts`. */
  static start(name: string, args: readonly string[], kind: "server" | "load"): Child {
    const path = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
    const profiled = kind === "server" && profileDir !== undefined;
    const execArgv = profiled ? ["--cpu-prof", `--cpu-prof-dir=${profileDir}`] : [];
    return new Child(
      fork(path, args, { execArgv, stdio: ["ignore", "inherit", "inherit", "ipc"] }),
    );
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** The next message, or an error when the child ends instead. */
  async message<T>(): Promise<T> {
    const controller = new AbortController();
    const { signal } = controller;
    try {
      return await Promise.race([
        once(this.#process, "message", { signal }).then(([value]) => value as T),
        once(this.#process, "exit", { signal }).then(([code]) => {
          throw new Error(`a benchmark process ended early (${String(code)})`);
        }),
      ]);
    } finally {
      controller.abort();
    }
  }

  ask<T>(question: object): Promise<T> {
    const answer = this.message<T>();
    this.#process.send(question);
    return answer;
  }

  /** Asks the child to end by itself and waits until it has. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const exited = once(this.#process, "exit");
    this.#process.send({ stop: true });
    await exited;
  }

  /** Resident memory in bytes, as the kernel counts it (Linux; NaN elsewhere). */
  residentBytes(): number {
    return this.#memory("VmRSS");
  }

  /** The most it ever was. */
  peakResidentBytes(): number {
    return this.#memory("VmHWM");
  }

  /** Processor time of all its threads so far, in milliseconds. */
  cpuMs(): number {
    const path = `/proc/${this.pid}/stat`;
    if (!existsSync(path)) return Number.NaN;
    // Fields are counted behind the name, which is in brackets and may hold blanks.
    const fields = readFileSync(path, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
  }

  #memory(field: string): number {
    const path = `/proc/${this.pid}/status`;
    const status = existsSync(path) ? readFileSync(path, "utf8") : "";
    return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
  }
}

/** In a child: answers each question with what `answer` gives, until told to stop. */
export function serveQuestions<Q extends object>(answer: (question: Q) => Promise<object>): void {
  process.on("message", (question: Q | { readonly stop: true }) => {
    if ("stop" in question) process.exit(0);
    void answer(question).then((value) => process.send?.(value));
  });
}
