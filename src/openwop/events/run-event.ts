import type { Json } from "../../lib/json.ts";

/** One event of a run's log as every reader gets it (openwop-core §2.3). */
export interface RunEvent {
  readonly eventId: string;
  readonly runId: string;
  readonly type: string;
  readonly payload: Json;
  /** RFC 3339. */
  readonly timestamp: string;
  /** From 0, without gaps. */
  readonly sequence: number;
  readonly nodeId?: string;
  readonly schemaVersion?: number;
  readonly engineVersion?: string;
  /** Event that caused this one. */
  readonly causationId?: string;
}

const TERMINAL: ReadonlySet<string> = new Set(["run.completed", "run.failed", "run.cancelled"]);

/** True for the one event after which a run's log has no other. */
export function isTerminal(type: string): boolean {
  return TERMINAL.has(type);
}
