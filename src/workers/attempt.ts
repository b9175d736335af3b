/** Getting one attempt ready: its directories, worktree, environment, prompt and command line. */
import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { JobState } from "../kernel/job/state.ts";
import type { JsonObject } from "../lib/json.ts";
import { err, ok, type Result } from "../lib/result.ts";
import type { JobConfig } from "./config.ts";
import { childEnvironment } from "./environment.ts";
import { type AttemptPlaces, attemptPlaces, type Places } from "./places.ts";
import { previousOf } from "./previous.ts";
import { type PreviousAttempt, type PromptFacts, renderPrompt } from "./prompt.ts";
import type { Worktree, Worktrees } from "./worktree.ts";

/** An attempt that can be started. */
export interface Attempt {
  readonly job: JobState;
  readonly config: JobConfig;
  readonly at: AttemptPlaces;
  readonly worktree?: Worktree;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** `NAME=value` in `env`: says which attempt a process belongs to. */
  readonly mark: string;
  readonly stdin: string;
  /** Values to cut out of everything the child says. */
  readonly secrets: readonly string[];
}

export interface AttemptSources {
  readonly places: Places;
  readonly worktrees: Worktrees;
  /** The daemon's own environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The daemon's own secrets. */
  readonly secrets: readonly string[];
}

const MARK_NAME = "KEELSON_ATTEMPT_MARK";

/** The error is a sentence for the job's failure: this job cannot be run as it is configured. */
export async function prepareAttempt(
  sources: AttemptSources,
  job: JobState,
  config: JobConfig,
): Promise<Result<Attempt, string>> {
  const { places } = sources;
  const at = attemptPlaces(places, job);
  const previous = await previousOf(places, job);
  const plain = { ...factsOf(job, at), ...(previous === undefined ? {} : { previous }) };
  // Before the worktree is made: a job that lacks its goal should leave nothing behind.
  const early = renderPrompt(config.prompt, plain);
  if (!early.ok) return early;
  const tree = config.worktree ? await sources.worktrees.add(at.tree) : undefined;
  if (tree?.ok === false) return tree;
  const worktree = tree?.value;
  const base = worktree === undefined ? places.root : join(worktree.path, worktree.prefix);
  const cwd = resolve(base, config.cwd);
  if (!isDirectory(cwd)) {
    if (worktree !== undefined) await sources.worktrees.finish(worktree);
    return err(`the directory ${cwd} does not exist (see \`cwd\`)`);
  }
  const facts = {
    ...plain,
    ...(worktree === undefined ? {} : { worktree: worktree.path, branch: worktree.branch }),
  };
  const prompt = renderPrompt(config.prompt, facts);
  if (!prompt.ok) return prompt;
  const document = jobDocument(job, facts, prompt.value);
  await writeFiles(at, document);
  const mark = randomBytes(16).toString("hex");
  const filtered = childEnvironment(sources.env, config.env, sources.secrets);
  return ok({
    job,
    config,
    at,
    ...(worktree === undefined ? {} : { worktree }),
    command: commandOf(config, places.root, previous),
    cwd,
    env: { ...filtered.variables, ...ownVariables(places, at, facts), [MARK_NAME]: mark },
    mark: `${MARK_NAME}=${mark}`,
    stdin: prompt.value ?? `${document}\n`,
    secrets: [...sources.secrets, ...filtered.credentials],
  });
}

/** Removes what only a running attempt needs; its transcript is not among that. */
export async function removeAttempt(at: AttemptPlaces): Promise<void> {
  await rm(at.dir, { recursive: true, force: true });
}

function factsOf(job: JobState, at: AttemptPlaces): PromptFacts {
  return {
    job_id: job.job_id,
    job_type: job.job_type,
    attempt: job.attempt,
    max_attempts: job.max_attempts,
    payload: job.payload ?? {},
    artifacts_dir: at.artifacts,
  };
}

/** What `KEELSON_JOB_FILE` holds. The claim token stays out: it is what fences the holder. */
function jobDocument(job: JobState, facts: PromptFacts, prompt: string | undefined): string {
  const { claim_token: _, ...visible } = job;
  const { payload, attempt, max_attempts: maxAttempts, artifacts_dir: artifactsDir } = facts;
  const document: JsonObject = {
    job: visible,
    payload,
    ...(prompt === undefined ? {} : { prompt }),
    attempt,
    max_attempts: maxAttempts,
    artifacts_dir: artifactsDir,
    ...(facts.worktree === undefined ? {} : { worktree: facts.worktree, branch: facts.branch }),
    previous: facts.previous ?? null,
  };
  return JSON.stringify(document);
}

async function writeFiles(at: AttemptPlaces, document: string): Promise<void> {
  await mkdir(at.artifacts, { recursive: true, mode: 0o700 });
  await mkdir(dirname(at.transcript), { recursive: true, mode: 0o700 });
  await writeFile(at.jobFile, document, { mode: 0o600, flag: "wx" });
}

function ownVariables(
  places: Places,
  at: AttemptPlaces,
  facts: PromptFacts,
): Readonly<Record<string, string>> {
  const { previous } = facts;
  const variables: Readonly<Record<string, string | undefined>> = {
    KEELSON_JOB_FILE: at.jobFile,
    KEELSON_JOB_ID: facts.job_id,
    KEELSON_JOB_TYPE: facts.job_type,
    KEELSON_ATTEMPT: String(facts.attempt),
    KEELSON_MAX_ATTEMPTS: String(facts.max_attempts),
    KEELSON_ARTIFACTS_DIR: at.artifacts,
    KEELSON_ROOT: places.root,
    KEELSON_WORKTREE: facts.worktree,
    KEELSON_BRANCH: facts.branch,
    KEELSON_PREVIOUS_TRANSCRIPT: previous?.transcript_path,
    KEELSON_PREVIOUS_SESSION_ID: previous?.session_id,
    KEELSON_PREVIOUS_FAILURE: previous?.failure,
    KEELSON_PREVIOUS_WORKTREE: previous?.worktree,
  };
  const set: Record<string, string> = {};
  for (const [name, value] of Object.entries(variables)) if (value !== undefined) set[name] = value;
  return set;
}

/** A program with a slash is meant from the root, wherever the attempt's directory is. */
function commandOf(
  config: JobConfig,
  root: string,
  previous: PreviousAttempt | undefined,
): readonly string[] {
  const sessionId = previous?.session_id;
  const chosen =
    config.resume_command === undefined || sessionId === undefined
      ? config.command
      : config.resume_command.map((part) =>
          part.replaceAll("{previous_session_id}", () => sessionId),
        );
  const [program = "", ...parameters] = chosen;
  const isRelative = program.includes("/") && !isAbsolute(program);
  return [isRelative ? resolve(root, program) : program, ...parameters];
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
