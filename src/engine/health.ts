import { PROJECTION_NAMES } from "../kernel/job/types.ts";
import type { BrokenLine, LedgerCounts, TypeStatusCount } from "../storage/store.ts";
import type { CorruptRecord, Health, Lag, ProjectionHealth } from "./engine.ts";

/** Broken lines named in full; the rest is counted. */
const BROKEN_NAMED_MAX = 3;

export interface HealthInputs {
  readonly counts: LedgerCounts;
  readonly brokenLines: () => readonly BrokenLine[];
  /** Why the read models lag behind the ledger, when they do. */
  readonly projectionFailure: string | undefined;
  /** Why nothing can be appended at the moment, when that is so. */
  readonly appendFailure: string | undefined;
}

export function lagOf(counts: LedgerCounts): Lag {
  return {
    ...(counts.lastEventId === undefined ? {} : { last_event_id: counts.lastEventId }),
    event_count: counts.known,
    corrupt_record_count: counts.corrupt,
    degraded: counts.corrupt > 0,
    foreign_event_count: counts.foreign,
  };
}

export function corruptRecords(lines: readonly BrokenLine[]): readonly CorruptRecord[] {
  return lines.map(({ lineNumber, reason, quarantinePath }) => ({
    line_number: lineNumber,
    error: reason,
    ...(quarantinePath === undefined ? {} : { quarantine_path: quarantinePath }),
  }));
}

/** How things stand, in the contract's words (digest §4.3, §14.3). */
export function healthOf(inputs: HealthInputs): Health {
  const { counts, projectionFailure } = inputs;
  const lag = lagOf(counts);
  const degraded = lag.degraded || projectionFailure !== undefined;
  return {
    lag: degraded ? { ...lag, degraded } : lag,
    reasons: reasonsOf(inputs),
    projections: projectionsOf(degraded, counts.stale),
  };
}

function reasonsOf(inputs: HealthInputs): readonly string[] {
  const { counts, brokenLines } = inputs;
  const reasons: string[] = [];
  if (counts.corrupt > 0) reasons.push(...brokenLineReasons(brokenLines(), counts.corrupt));
  if (inputs.projectionFailure !== undefined) {
    reasons.push(`projections lag behind the ledger: ${inputs.projectionFailure}`);
  }
  if (inputs.appendFailure !== undefined) reasons.push(inputs.appendFailure);
  return reasons;
}

function brokenLineReasons(lines: readonly BrokenLine[], count: number): readonly string[] {
  const named = lines
    .slice(0, BROKEN_NAMED_MAX)
    .map(({ lineNumber, reason }) => `ledger line ${lineNumber}: ${reason}`);
  const more = count - named.length;
  return [
    "ledger replay observed corrupt records; `keelson repair` moves them to quarantine",
    ...named,
    ...(more > 0 ? [`and ${more} more, all listed by /v1/events`] : []),
  ];
}

const ALL_CURRENT = all("current");
const ALL_DEGRADED = all("degraded");

function projectionsOf(
  degraded: boolean,
  stale: readonly string[],
): Readonly<Record<string, ProjectionHealth>> {
  if (degraded) return ALL_DEGRADED;
  if (stale.length === 0) return ALL_CURRENT;
  return { ...ALL_CURRENT, ...Object.fromEntries(stale.map((name) => [name, "stale" as const])) };
}

function all(health: ProjectionHealth): Readonly<Record<string, ProjectionHealth>> {
  return Object.fromEntries(PROJECTION_NAMES.map((name) => [name, health]));
}

/** Jobs that wait although no worker runs their type, by type. */
export function withoutWorker(
  tally: readonly TypeStatusCount[],
  hasWorker: (type: string) => boolean,
): Readonly<Record<string, number>> {
  const waiting: Record<string, number> = {};
  for (const { jobType, status, count } of tally) {
    if (status !== "queued" && status !== "retry_waiting") continue;
    if (hasWorker(jobType)) continue;
    waiting[jobType] = (waiting[jobType] ?? 0) + count;
  }
  return waiting;
}
