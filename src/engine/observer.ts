/** What an engine tells whoever measures it. Calls are on the commit path: cheap, and never throwing. */
import type { ErrorCode } from "../errors/codes.ts";
import type { LedgerEvent, NumberedEvent } from "../kernel/job/events.ts";
import type { JobState } from "../kernel/job/state.ts";

/** One batch that is durable. */
export interface Commit {
  /** Commands that it answered. */
  readonly commands: number;
  readonly events: readonly NumberedEvent[];
  /** Every job that the events changed, as it is now. */
  readonly changes: readonly { readonly after: JobState }[];
  /** From asking the store for a turn until the callers were answered. */
  readonly commitMs: number;
  /** The part of it in which the store made the events durable. */
  readonly saveMs: number;
}

export interface EngineObserver {
  committed(commit: Commit): void;
  /** A batch, or what was to become one, failed: all its callers were told so. */
  failed(code: ErrorCode): void;
  /** Events of other processes came in, oldest first. */
  followed(events: readonly LedgerEvent[]): void;
}

export const NO_OBSERVER: EngineObserver = {
  committed: () => undefined,
  failed: () => undefined,
  followed: () => undefined,
};
