import { readFileSync } from "node:fs";

/** Bounds of the server. Times in milliseconds, sizes in bytes. */
export interface HttpLimits {
  /** Largest JSON body. */
  readonly bodyBytesMax: number;
  /** Largest artifact body. */
  readonly artifactBytesMax: number;
  /** Deepest nesting of a JSON body. */
  readonly nestingMax: number;
  /** How long a peer may take to send its headers; also bounds a connection that says nothing. */
  readonly headersMsMax: number;
  /** How long a peer may take to send a whole request. */
  readonly requestMsMax: number;
  /** How long a connection may idle between two requests. */
  readonly idleMsMax: number;
  /** How long a reader may leave a finite answer untaken before its connection is closed. */
  readonly stallMsMax: number;
  /** How long connections may stay after the server was told to close. */
  readonly closeMsMax: number;
  /** Consistent views of all jobs that may be open for answers at once. */
  readonly snapshotsMax: number;
  /** Connections beyond these are closed at once, so that the ledger keeps its descriptors. */
  readonly connectionsMax: number;
  /** Pause between two comment lines on a quiet event stream. */
  readonly streamCommentMs: number;
}

const CONNECTIONS_MAX = 16_384;
/** Descriptors kept free for the ledger, its archives, the database and child processes. */
const DESCRIPTORS_RESERVED = 256;
const CONNECTIONS_MIN = 64;

export const HTTP_LIMITS: HttpLimits = {
  bodyBytesMax: 1_048_576,
  artifactBytesMax: 64 * 1_048_576,
  nestingMax: 64,
  headersMsMax: 5_000,
  requestMsMax: 30_000,
  idleMsMax: 60_000,
  stallMsMax: 30_000,
  closeMsMax: 2_000,
  snapshotsMax: 32,
  connectionsMax: connectionsMax(descriptorsMax()),
  streamCommentMs: 15_000,
};

/** How many connections leave room below a limit on open files. */
export function connectionsMax(descriptors: number): number {
  return Math.max(CONNECTIONS_MIN, Math.min(CONNECTIONS_MAX, descriptors - DESCRIPTORS_RESERVED));
}

/** The process's limit on open files where the system tells it, else a cautious guess. */
function descriptorsMax(): number {
  try {
    const line = /^Max open files\s+(\d+|unlimited)/m.exec(
      readFileSync("/proc/self/limits", "utf8"),
    );
    const soft = line?.[1];
    if (soft === "unlimited") return Number.MAX_SAFE_INTEGER;
    if (soft !== undefined) return Number(soft);
  } catch {
    // Not a system with /proc: fall through to the guess.
  }
  return 10_240;
}
