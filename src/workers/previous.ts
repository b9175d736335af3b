/** What the attempt before this one left, read from the job's artifacts. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { JobState } from "../kernel/job/state.ts";
import { sessionIdOf } from "./output.ts";
import { absolute, fileName, type Places } from "./places.ts";
import type { PreviousAttempt } from "./prompt.ts";

const TRANSCRIPT_NAME = /^attempt_(\d+)_transcript$/;
const UNTOLD = "it was cut off: the daemon or its machine stopped before it ended";

export function transcriptName(attempt: number): string {
  return `attempt_${attempt}_transcript`;
}

export function failureName(attempt: number): string {
  return `attempt_${attempt}_failure`;
}

/** The file in the artifacts directory in which an agent may leave its session id. */
export const SESSION_FILE = "session_id";

/**
 * The latest earlier attempt, or undefined on the first. An attempt that was handed back counts
 * under the number that the present one has again.
 */
export async function previousOf(
  places: Places,
  job: JobState,
): Promise<PreviousAttempt | undefined> {
  const artifacts = job.artifacts ?? {};
  const attempt = latestAttempt(job);
  if (attempt < 1) return undefined;
  const transcript = artifacts[transcriptName(attempt)];
  const sessionId =
    sessionIdOf(artifacts["session_id"] ?? "") ?? (await fileOf(places, job, attempt));
  const { worktree, branch } = artifacts;
  return {
    attempt,
    failure: artifacts[failureName(attempt)] ?? UNTOLD,
    ...(transcript === undefined ? {} : { transcript_path: absolute(places, transcript) }),
    ...(sessionId === undefined ? {} : { session_id: sessionId }),
    ...(worktree === undefined || worktree === "" ? {} : { worktree: absolute(places, worktree) }),
    ...(branch === undefined || branch === "" ? {} : { branch }),
  };
}

function latestAttempt(job: JobState): number {
  const told = Object.keys(job.artifacts ?? {})
    .map((name) => Number(TRANSCRIPT_NAME.exec(name)?.[1] ?? 0))
    .filter((attempt) => attempt <= job.attempt);
  return Math.max(job.attempt - 1, ...told);
}

/** An agent whose daemon died may have left its session id in a file that nobody collected. */
function fileOf(places: Places, job: JobState, attempt: number): Promise<string | undefined> {
  const dir = join(places.attempts, fileName(job.job_id), `attempt-${attempt}`, "artifacts");
  return sessionFileIn(dir);
}

const SESSION_FILE_BYTES_MAX = 1024;

/** The session id an agent left in a directory, if it is one. */
export async function sessionFileIn(dir: string): Promise<string | undefined> {
  try {
    const bytes = await readFile(join(dir, SESSION_FILE));
    return bytes.length > SESSION_FILE_BYTES_MAX ? undefined : sessionIdOf(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
