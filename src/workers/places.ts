/** Where an attempt keeps its things, below the daemon's root. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import type { JobState } from "../kernel/job/state.ts";

/** Directories of the agent-command worker. All absolute. */
export interface Places {
  readonly root: string;
  /** `<job>/attempt-<n>.log` while an attempt runs, or when it was cut off. */
  readonly transcripts: string;
  /** `<job>/attempt-<n>/job.json` and `…/artifacts/`. */
  readonly attempts: string;
  /** One record for each attempt that may be running. */
  readonly children: string;
  readonly worktrees: string;
}

export function placesOf(root: string): Places {
  const base = resolve(root);
  const daemon = join(base, ".agents", "daemon");
  return {
    root: base,
    transcripts: join(daemon, "transcripts"),
    attempts: join(daemon, "attempts"),
    children: join(daemon, "children"),
    worktrees: join(base, ".agents", "worktrees"),
  };
}

export interface AttemptPlaces {
  /** `attempt-<n>`, or with the lease epoch behind it when that attempt was begun before. */
  readonly name: string;
  /** Holds the next two. */
  readonly dir: string;
  readonly jobFile: string;
  readonly artifacts: string;
  readonly transcript: string;
  readonly record: string;
  /** `<job>-<n>`: name of the worktree and the last part of its branch. */
  readonly tree: string;
}

/**
 * Places for one attempt. An attempt that was handed back is begun again under the same number, so
 * the lease epoch, which never repeats, tells the two apart.
 */
export function attemptPlaces(places: Places, job: JobState): AttemptPlaces {
  const folder = fileName(job.job_id);
  const of = (number: string): AttemptPlaces => {
    const name = `attempt-${number}`;
    const dir = join(places.attempts, folder, name);
    return {
      name,
      dir,
      jobFile: join(dir, "job.json"),
      artifacts: join(dir, "artifacts"),
      transcript: join(places.transcripts, folder, `${name}.log`),
      record: join(places.children, `${folder}-${number}.json`),
      tree: `${folder}-${number}`,
    };
  };
  const first = of(String(job.attempt));
  const isTaken = [first.dir, first.transcript, join(places.worktrees, first.tree)].some(
    existsSync,
  );
  return isTaken ? of(`${job.attempt}-${job.lease_epoch}`) : first;
}

/** Absolute form of a path that is stored relative to the root. */
export function absolute(places: Places, path: string): string {
  return resolve(places.root, path);
}

/** Relative to the root with forward slashes, as artifacts name paths. */
export function inRoot(places: Places, path: string): string {
  return relative(places.root, path).split(sep).join("/");
}

/** A job id as the name of a file or a branch: itself when harmless, else shortened, with a hash. */
export function fileName(jobId: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/.test(jobId)) return jobId;
  const hash = createHash("sha256").update(jobId).digest("hex").slice(0, 12);
  const readable = jobId.replaceAll(/[^A-Za-z0-9_-]+/g, "_").slice(0, 60);
  return `${/^[A-Za-z0-9]/.test(readable) ? readable : `job${readable}`}-${hash}`;
}
