/**
 * Runs the configured notification command for every job that reaches a terminal state from now on,
 * whoever ran it. The ledger's tail is pulled, so that a slow command costs time and never memory.
 * What goes wrong here is logged and touches no job.
 */
import type { Engine, StoredEvent, Tail } from "../engine/engine.ts";
import { messageOf } from "../errors/fault.ts";
import type { JobState } from "../kernel/job/state.ts";
import { startChild } from "./child.ts";
import type { NotifyConfig } from "./config.ts";
import { childEnvironment } from "./environment.ts";
import type { Log } from "./executor.ts";
import { endFamily } from "./family.ts";
import { StreamRedactor } from "./redaction.ts";

export interface NotifierOptions {
  readonly engine: Pick<Engine, "tail" | "headPosition" | "job">;
  readonly config: NotifyConfig;
  /** The daemon's root: where the command runs. */
  readonly root: string;
  readonly secrets: readonly string[];
  readonly log: Log;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Notifier {
  /** Sends what is due up to now, at most for `graceMs`, then stops. */
  drain(graceMs: number): Promise<void>;
}

/** Commands at once; more would let one busy second starve the machine. */
const WIDTH = 4;
const EVENTS_AT_ONCE = 256;
const RETRY_MS = 1000;
const KILL_GRACE_MS = 1000;
const SAID_CHARS_MAX = 500;

const STATE_OF_EVENT: Readonly<Record<string, NotifyConfig["on"][number]>> = {
  "job.completed": "completed",
  "job.failed": "failed",
  "job.cancelled": "cancelled",
};

/** Begins at the ledger's head. */
export function startNotifier(options: NotifierOptions): Notifier {
  return new TailNotifier(options);
}

class TailNotifier implements Notifier {
  readonly #options: NotifierOptions;
  readonly #tail: Tail;
  readonly #leaving: AbortController = new AbortController();
  readonly #killing: AbortController = new AbortController();
  readonly #running: Set<Promise<void>> = new Set();
  readonly #loop: Promise<void>;
  #position: number;

  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#position = options.engine.headPosition();
    this.#tail = options.engine.tail(this.#position);
    this.#loop = this.#follow();
  }

  async drain(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#killing.abort(), graceMs);
    this.#leaving.abort();
    await this.#loop;
    await Promise.all(this.#running);
    clearTimeout(timer);
  }

  async #follow(): Promise<void> {
    while (!this.#isDone()) {
      try {
        const events = await this.#next();
        for (const event of events) await this.#consider(event);
      } catch (error) {
        this.#options.log(`notify: the ledger cannot be followed: ${messageOf(error)}`);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /** When leaving, what is in the ledger already is still sent. */
  #isDone(): boolean {
    if (this.#killing.signal.aborted) return true;
    return this.#leaving.signal.aborted && this.#position >= this.#options.engine.headPosition();
  }

  #next(): Promise<readonly StoredEvent[]> {
    const isLeaving = this.#leaving.signal.aborted;
    return this.#tail.next(EVENTS_AT_ONCE, isLeaving ? this.#killing.signal : this.#leaving.signal);
  }

  async #consider({ event, position }: StoredEvent): Promise<void> {
    this.#position = position;
    const state = STATE_OF_EVENT[event.event_type];
    if (state === undefined || !this.#options.config.on.includes(state)) return;
    const job = await this.#options.engine.job(event.job_id);
    // A later terminal event of a job that had ended is not news.
    if (job === undefined || job.last_event_id !== event.event_id) return;
    while (this.#running.size >= WIDTH) await Promise.race(this.#running);
    if (this.#killing.signal.aborted) return;
    const sent = this.#send(job).catch((error: unknown) => {
      this.#options.log(`notify: job ${job.job_id}: ${messageOf(error)}`);
    });
    this.#running.add(sent);
    void sent.then(() => this.#running.delete(sent));
  }

  async #send(job: JobState): Promise<void> {
    const { config, root, log } = this.#options;
    let said = "";
    const redactor = new StreamRedactor(this.#options.secrets);
    const child = startChild({
      command: config.command,
      cwd: root,
      env: this.#environment(job),
      stdin: `${JSON.stringify(visible(job))}\n`,
      onOutput: async (piece) => {
        said = (said + redactor.push(piece).toString("utf8")).slice(-SAID_CHARS_MAX);
      },
    });
    const stop = Promise.withResolvers<"stopped">();
    const timer = setTimeout(() => stop.resolve("stopped"), config.timeout_s * 1000);
    const kill = (): void => stop.resolve("stopped");
    this.#killing.signal.addEventListener("abort", kill);
    const first = await Promise.race([child.exited, stop.promise]);
    clearTimeout(timer);
    this.#killing.signal.removeEventListener("abort", kill);
    if (child.pid !== undefined) {
      await endFamily({ leader: child.pid, mark: markOf(job) }, KILL_GRACE_MS);
    }
    child.hangUp();
    const end = first === "stopped" ? "was stopped, it took too long" : failureOf(first);
    if (end !== undefined) log(`notify: job ${job.job_id}: the command ${end}${quoted(said)}`);
  }

  #environment(job: JobState): Readonly<Record<string, string>> {
    const { config, secrets, env } = this.#options;
    const filtered = childEnvironment(env ?? process.env, config.env, secrets);
    const [name = "", value = ""] = markOf(job).split("=");
    return {
      ...filtered.variables,
      KEELSON_JOB_ID: job.job_id,
      KEELSON_JOB_TYPE: job.job_type,
      KEELSON_STATUS: job.status,
      KEELSON_ATTEMPT: String(job.attempt),
      KEELSON_ROOT: this.#options.root,
      ...(job.failure === undefined
        ? {}
        : {
            KEELSON_FAILURE_CODE: job.failure.code,
            KEELSON_FAILURE_MESSAGE: job.failure.message ?? "",
          }),
      [name]: value,
    };
  }
}

/** Event ids never repeat, so neither does this. */
function markOf(job: JobState): string {
  return `KEELSON_NOTIFY_MARK=${Buffer.from(job.last_event_id).toString("hex")}`;
}

function visible(job: JobState): object {
  const { claim_token: _, ...rest } = job;
  return rest;
}

function failureOf(end: Awaited<ReturnType<typeof startChild>["exited"]>): string | undefined {
  if (end.how === "unstarted") return `could not be started: ${end.message}`;
  if (end.how === "signal") return `was killed by ${end.signal}`;
  return end.code === 0 ? undefined : `ended with exit code ${end.code}`;
}

function quoted(said: string): string {
  return said.trim() === "" ? "" : `; it said: ${said.trim()}`;
}
