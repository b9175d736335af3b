/**
 * Runs jobs through configured command lines: `claude`, `codex`, any program. The child gets the
 * prompt on its stdin and everything else through `KEELSON_*` variables; its exit code decides.
 *
 * What may go wrong, and who notices. The child cannot be started, fails, hangs, is killed, forks,
 * floods its output, prints a secret: seen here, told in the failure. The daemon is killed: the next
 * one finds the record in `children/`, ends what still runs and hands the job back. The machine
 * stops: nothing runs any more, and the lease lapses.
 */
import type { Engine } from "../engine/engine.ts";
import { messageOf } from "../errors/fault.ts";
import type { JobState } from "../kernel/job/state.ts";
import { type Attempt, prepareAttempt, removeAttempt } from "./attempt.ts";
import { outcomeOf } from "./attempt-outcome.ts";
import { runAttempt } from "./attempt-run.ts";
import { removeRecord } from "./child-record.ts";
import type { JobConfig } from "./config.ts";
import { childEnvironment } from "./environment.ts";
import type { Executor, JobContext, Log, Outcome } from "./executor.ts";
import { clearOrphans, endEarlierAttempts } from "./orphans.ts";
import { Output } from "./output.ts";
import { inRoot, type Places, placesOf } from "./places.ts";
import { transcriptName } from "./previous.ts";
import { Transcript } from "./transcript.ts";
import { Worktrees } from "./worktree.ts";

export interface AgentCommandOptions {
  readonly engine: Pick<Engine, "putBlob" | "release">;
  /** The daemon's root. */
  readonly root: string;
  /** `jobs` of the configuration. */
  readonly jobs: Readonly<Record<string, JobConfig>>;
  /** The daemon's secrets: kept from the child's environment and cut out of what it says. */
  readonly secrets: readonly string[];
  readonly log: Log;
  /** Who hands back the jobs of a daemon that died. */
  readonly actor?: string;
  /** The daemon's environment, of which a child sees a part. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const ACTOR_DEFAULT = "agentopsd-worker";

export function createAgentCommandExecutor(options: AgentCommandOptions): Executor {
  return new AgentCommandExecutor(options);
}

class AgentCommandExecutor implements Executor {
  readonly types: Readonly<Record<string, number>>;
  readonly #options: AgentCommandOptions;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #actor: string;
  readonly #places: Places;
  readonly #worktrees: Worktrees;

  constructor(options: AgentCommandOptions) {
    this.#options = options;
    this.#env = options.env ?? process.env;
    this.#actor = options.actor ?? ACTOR_DEFAULT;
    this.#places = placesOf(options.root);
    const plain = childEnvironment(this.#env, { pass: [], set: {} }, options.secrets);
    this.#worktrees = new Worktrees(this.#places, plain.variables);
    this.types = Object.fromEntries(
      Object.entries(options.jobs).map(([type, job]) => [type, job.concurrency]),
    );
  }

  prepare(): Promise<void> {
    return clearOrphans(this.#orphanOptions());
  }

  async run(job: JobState, context: JobContext): Promise<Outcome> {
    const config = this.#options.jobs[job.job_type];
    if (config === undefined) return refused(`no command is configured for ${job.job_type}`);
    const left = await endEarlierAttempts(this.#orphanOptions(), job.job_id);
    if (left.length > 0) {
      const message = `processes ${left.join(", ")} of an earlier attempt run on and cannot be ended`;
      return { kind: "failed", failure: { code: "lost", message, retryable: true } };
    }
    const prepared = await prepareAttempt(
      {
        places: this.#places,
        worktrees: this.#worktrees,
        env: this.#env,
        secrets: this.#options.secrets,
      },
      job,
      config,
    );
    if (!prepared.ok) return refused(prepared.error);
    return this.#runPrepared(prepared.value, context);
  }

  async #runPrepared(attempt: Attempt, context: JobContext): Promise<Outcome> {
    const transcript = await openTranscript(attempt);
    if (transcript instanceof Error) {
      await removeAttempt(attempt.at);
      return withoutTranscript(transcript);
    }
    try {
      await context.announce({ artifacts: this.#announced(attempt) });
      const output = new Output(transcript, attempt.secrets, (sessionId) => {
        void context.announce({ artifacts: { session_id: sessionId } });
      });
      const run = await runAttempt(attempt, output, { context, log: this.#options.log });
      await transcript.close();
      const ended = { attempt, run, output, transcript, context };
      return await outcomeOf(
        {
          engine: this.#options.engine,
          places: this.#places,
          worktrees: this.#worktrees,
        },
        ended,
      );
    } catch (error) {
      await removeRecord(attempt.at.record);
      throw error;
    } finally {
      await transcript.close();
    }
  }

  /** Named by heartbeat before the child starts, so that a crash leaves nothing unnamed. */
  #announced(attempt: Attempt): Readonly<Record<string, string>> {
    return {
      [transcriptName(attempt.job.attempt)]: inRoot(this.#places, attempt.at.transcript),
      ...(attempt.worktree === undefined ? {} : { ...this.#worktrees.named(attempt.worktree) }),
    };
  }

  #orphanOptions(): Parameters<typeof clearOrphans>[0] {
    const { engine, log } = this.#options;
    return { engine, log, places: this.#places, actor: this.#actor };
  }
}

async function openTranscript(attempt: Attempt): Promise<Transcript | Error> {
  try {
    return await Transcript.create(attempt.at.transcript, attempt.config.transcript_max_bytes);
  } catch (error) {
    return error instanceof Error ? error : new Error(messageOf(error));
  }
}

function withoutTranscript(error: Error): Outcome {
  const message = `not started: its transcript cannot be written: ${error.message}`;
  const failure = { code: "terminal_without_transcript", message, retryable: true };
  return { kind: "failed", failure };
}

function refused(message: string): Outcome {
  return { kind: "failed", failure: { code: "request_rejected", message, retryable: false } };
}
