/** Carrying a ledger from one store to another, line by line and each as it is. */
import { createHash } from "node:crypto";
import { Fault } from "../errors/fault.ts";
import type { LedgerEvent, NumberedEvent } from "../kernel/job/events.ts";
import { fold, type JobState } from "../kernel/job/state.ts";
import type { Progress } from "./maintenance.ts";
import type { JobChange, SaveBatch, Store, StoredLine } from "./store.ts";

const LINES_AT_ONCE = 1_000;

/** Whatever gives lines by position. */
export type LineSource = Pick<Store, "lines">;

/** What two ledgers that are the same have the same. */
export interface LedgerDigest {
  readonly events: number;
  /** SHA-256 of all lines, each with its newline. */
  readonly sha256: string;
}

/**
 * Appends to `to` what it lacks of `from`. What it has already must be the beginning of the same
 * ledger, so a copy that was broken off goes on where it was. Throws a `Fault` (`config_invalid`)
 * when it is another one.
 */
export async function copyLedger(
  from: LineSource,
  to: Store,
  onLines: (position: number) => void,
): Promise<void> {
  await to.refresh();
  let position = to.counts().head;
  await sameUpTo(position, from, to);
  for (;;) {
    const lines = await from.lines(position, LINES_AT_ONCE);
    const last = lines.at(-1);
    if (last === undefined) return;
    await appendTo(to, lines);
    position = last.position;
    onLines(position);
  }
}

/** Reads every line up to a position. */
export async function digestOf(
  from: LineSource,
  upTo: number,
  onProgress?: Progress,
): Promise<LedgerDigest> {
  const hash = createHash("sha256");
  let events = 0;
  while (events < upTo) {
    const lines = await from.lines(events, Math.min(LINES_AT_ONCE, upTo - events));
    if (lines.length === 0) break;
    for (const { json } of lines) hash.update(`${json}\n`);
    events = lines.at(-1)?.position ?? events;
    onProgress?.(events, upTo);
  }
  return { events, sha256: hash.digest("hex") };
}

async function sameUpTo(position: number, from: LineSource, to: LineSource): Promise<void> {
  const [source, target] = [await digestOf(from, position), await digestOf(to, position)];
  if (source.events === target.events && source.sha256 === target.sha256) return;
  throw new Fault(
    "config_invalid",
    "the target holds another ledger already: its events are not the first ones of the source",
  );
}

/** One batch of lines, decided by nobody: they happened long ago. */
async function appendTo(to: Store, lines: readonly StoredLine[]): Promise<void> {
  const events = lines.map(({ position, json }) => ({
    position,
    json,
    event: JSON.parse(json) as LedgerEvent,
  }));
  const jobIds = [...new Set(events.map(({ event }) => event.job_id))];
  const turn = await to.begin({ jobIds, idempotencyKeys: [], claims: [] });
  const known = events.filter((_, index) => lines[index]?.foreign === false);
  let batch: SaveBatch;
  try {
    if (turn.loaded.head + 1 !== lines[0]?.position) {
      throw new Fault("config_invalid", "somebody else appends to the target");
    }
    batch = { events, changes: changesOf(known, turn.loaded.jobs) };
  } catch (error) {
    await turn.release();
    throw error;
  }
  const { projectionFailure } = await turn.save(batch);
  if (projectionFailure !== undefined) {
    throw new Fault("projection_unavailable", projectionFailure, { outcome: "done" });
  }
}

function changesOf(
  events: readonly NumberedEvent[],
  before: ReadonlyMap<string, JobState>,
): readonly JobChange[] {
  const after = new Map<string, JobState>();
  for (const numbered of events) {
    const { job_id: jobId } = numbered.event;
    const state = after.get(jobId) ?? before.get(jobId);
    const folded = fold(state, numbered);
    if (folded !== undefined && folded !== state) after.set(jobId, folded);
  }
  return [...after.values()].map((state) => {
    const origin = before.get(state.job_id);
    return origin === undefined ? { after: state } : { before: origin, after: state };
  });
}
