/** Job types of JobSpec v0 (contract: `JobType`). */
export const JOB_TYPES = [
  "rpi.run",
  "rpi.phase",
  "dream.run",
  "dream.stage",
  "wiki.build",
  "wiki.forge",
  "openclaw.snapshot",
] as const;
export type JobType = (typeof JOB_TYPES)[number];

export function isJobType(text: string): text is JobType {
  return Object.hasOwn(PROJECTION_TARGETS, text);
}

/** Read models a consumer may ask about (contract: `ProjectionName`). */
export const PROJECTION_NAMES = [
  "rpi-registry",
  "dream-runs",
  "wiki-jobs",
  "openclaw-snapshot",
  "daemon-status",
  "daemon-job-status",
] as const;
export type ProjectionName = (typeof PROJECTION_NAMES)[number];

const EVERY_JOB = ["openclaw-snapshot", "daemon-status", "daemon-job-status"] as const;

/** Which read models a job of each type shows up in; written on its accepted event (digest §14.2). */
export const PROJECTION_TARGETS: Readonly<Record<JobType, readonly ProjectionName[]>> = {
  "rpi.run": ["rpi-registry", ...EVERY_JOB],
  "rpi.phase": ["rpi-registry", ...EVERY_JOB],
  "dream.run": ["dream-runs", ...EVERY_JOB],
  "dream.stage": ["dream-runs", ...EVERY_JOB],
  "wiki.build": ["wiki-jobs", ...EVERY_JOB],
  "wiki.forge": ["wiki-jobs", ...EVERY_JOB],
  "openclaw.snapshot": EVERY_JOB,
};

/** Failure codes (contract: `FailureCode`). */
export const FAILURE_CODES = [
  "daemon_unavailable",
  "provider_unreachable",
  "session_pending",
  "lost",
  "event_stream_unavailable",
  "terminal_without_transcript",
  "request_rejected",
  "projection_degraded",
  "retry_exhausted",
] as const;
export type FailureCode = (typeof FAILURE_CODES)[number];

export function isFailureCode(text: unknown): text is FailureCode {
  return FAILURE_CODES.some((code) => code === text);
}

/** Job states (contract: `JobStatus`). `degraded` exists on the wire only; nothing here makes it. */
export const JOB_STATUSES = [
  "queued",
  "running",
  "retry_waiting",
  "completed",
  "failed",
  "cancelled",
  "degraded",
] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** The states a fold can reach. */
export type FoldedStatus = Exclude<JobStatus, "degraded">;
export type TerminalStatus = "completed" | "failed" | "cancelled";

export function isTerminal(status: JobStatus): status is TerminalStatus {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** Job ids that mean something else: `schedule` in foreign ledgers, `projections` in ours. */
export const RESERVED_JOB_IDS: ReadonlySet<string> = new Set(["schedule", "projections"]);
