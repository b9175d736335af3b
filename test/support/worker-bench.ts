/** A real engine over a real store in a temporary root, with the workers under test. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createJobEngine, type JobEngine } from "../../src/engine/job-engine.ts";
import type { JobState } from "../../src/kernel/job/state.ts";
import { isTerminal } from "../../src/kernel/job/types.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { JsonObject } from "../../src/lib/json.ts";

import { systemRandom } from "../../src/lib/system-random.ts";
import { EmbeddedBlobs } from "../../src/storage/embedded/blobs.ts";
import { layoutOf } from "../../src/storage/embedded/layout.ts";
import { type EmbeddedStore, openEmbeddedStore } from "../../src/storage/embedded/store.ts";
import { systemDisk } from "../../src/storage/embedded/system-disk.ts";
import { createAgentCommandExecutor } from "../../src/workers/agent-command.ts";
import { type Config, parseConfig } from "../../src/workers/config.ts";
import type { Executor } from "../../src/workers/executor.ts";
import { createSupervisor, type Supervisor } from "../../src/workers/supervisor.ts";

export const AGENT: string = join(import.meta.dirname, "agents", "agent.mjs");
export const NOTIFY: string = join(import.meta.dirname, "agents", "notify.mjs");

/** A command line that runs the stand-in agent. */
export function agent(...act: readonly string[]): readonly string[] {
  return [process.execPath, AGENT, ...act];
}

export interface BenchOptions {
  /** `jobs` of keelson.json. */
  readonly jobs?: JsonObject;
  readonly secrets?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly executors?: readonly Executor[];
  readonly heartbeatMs?: number;
  readonly leaseMs?: number;
  readonly drainSlackMs?: number;
  /** An earlier bench's root, for a daemon that comes back. */
  readonly root?: string;
}

/** One daemon's inside. Dispose of it with `close`. */
export class WorkerBench {
  readonly root: string;
  readonly log: string[] = [];
  readonly engine: JobEngine;
  readonly config: Config;
  readonly supervisor: Supervisor;
  readonly #store: EmbeddedStore;
  #stopped: Promise<void> | undefined;

  static async start(options: BenchOptions): Promise<WorkerBench> {
    const root = options.root ?? mkdtempSync(join(tmpdir(), "keelson-workers-"));
    const layout = layoutOf(root);
    systemDisk.ensureDir(layout.dir);
    const store = await openEmbeddedStore({
      disk: systemDisk,
      dir: layout.dir,
      database: ":memory:",
      rotateBytes: 0,
      now: () => systemClock.now(),
    });
    const bench = new WorkerBench(root, store, options);
    await bench.supervisor.start();
    await bench.engine.start();
    return bench;
  }

  private constructor(root: string, store: EmbeddedStore, options: BenchOptions) {
    this.root = root;
    this.#store = store;
    const secrets = options.secrets ?? [];
    const log = (line: string): void => void this.log.push(line);
    this.engine = createJobEngine({
      store,
      blobs: new EmbeddedBlobs(layoutOf(root), () => systemClock.now()),
      clock: systemClock,
      random: systemRandom,
      limits: { leaseMs: options.leaseMs ?? 30_000, heartbeatMs: 10_000, maxAttempts: 3 },
      secrets,
      onFatal: (fault) => log(`fatal: ${fault.message}`),
    });
    this.config = parseConfig(JSON.stringify({ jobs: options.jobs ?? {} }), "keelson.json");
    const { engine } = this;
    const agents = createAgentCommandExecutor({
      engine,
      root,
      secrets,
      log,
      jobs: this.config.jobs,
      env: { PATH: process.env["PATH"] ?? "", HOME: root, ...options.env },
    });
    this.supervisor = createSupervisor({
      engine,
      log,
      executors: [agents, ...(options.executors ?? [])],
      heartbeatMs: options.heartbeatMs ?? 10_000,
      ...(options.drainSlackMs === undefined ? {} : { drainSlackMs: options.drainSlackMs }),
    });
  }

  async submit(jobType: string, payload?: JsonObject, jobId?: string): Promise<string> {
    const result = await this.engine.submit({
      job_type: jobType,
      actor: "tester",
      ...(payload === undefined ? {} : { payload }),
      ...(jobId === undefined ? {} : { job_id: jobId }),
    });
    if (!result.ok) throw new Error(result.error.message);
    return result.value.job.job_id;
  }

  async job(jobId: string): Promise<JobState> {
    const job = await this.engine.job(jobId);
    if (job === undefined) throw new Error(`no job ${jobId}`);
    return job;
  }

  /** The job once it has ended. */
  ended(jobId: string): Promise<JobState> {
    return eventually(async () => {
      const job = await this.job(jobId);
      return isTerminal(job.status) ? job : undefined;
    });
  }

  /** Submits and waits for the end. */
  async run(jobType: string, payload?: JsonObject): Promise<JobState> {
    return this.ended(await this.submit(jobType, payload));
  }

  /** An artifact's body as text. */
  async text(job: JobState, name: string): Promise<string> {
    const ref = job.artifact_refs?.[name];
    const bytes = ref === undefined ? undefined : await this.engine.getBlob(ref);
    if (bytes === undefined)
      throw new Error(`no artifact ${name}: ${JSON.stringify(job.artifacts)}`);
    return Buffer.from(bytes).toString("utf8");
  }

  /** Process ids that the agent wrote down, once it has. */
  pids(): Promise<readonly number[]> {
    return eventually(() => {
      try {
        return JSON.parse(readFileSync(join(this.root, "pids.json"), "utf8")) as number[];
      } catch {
        return undefined;
      }
    });
  }

  /** Ends like a daemon that is told to. May be called again. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.engine.drain();
    await this.supervisor.drain(2000);
    await this.engine.stop();
    await this.#store.close();
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.root, { recursive: true, force: true });
  }
}

const PATIENCE_MS = 20_000;

/** Asks until there is an answer. */
export async function eventually<T>(ask: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > until) throw new Error(`never happened: ${ask.toString()}`);
    await sleep(10);
  }
}

/** True while the process runs; one that only waits to be noticed by its parent does not. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !/\) [ZX] /.test(stat);
  } catch {
    if (process.platform === "linux") return false;
  }
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
