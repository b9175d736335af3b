import type { JsonObject } from "../../lib/json.ts";
import { type EpochMs, toIso } from "../../lib/time.ts";
import type { EventDraft, LedgerEvent } from "./events.ts";
import { PROJECTION_NAMES } from "./types.ts";

/** The reserved job id of `projection.*` events: they concern read models, not a job. */
export const PROJECTIONS_JOB_ID = "projections";

/**
 * Folds which projections are stale: `projection.marked_stale` names them, `projection.rebuilt`
 * clears them; without targets both mean all (digest §8.2, §14.3). Other events change nothing.
 */
export function foldStale(stale: readonly string[], event: LedgerEvent): readonly string[] {
  if (event.event_type === "projection.marked_stale") {
    const targets = targetsOf(event.payload);
    return PROJECTION_NAMES.filter((name) => stale.includes(name) || targets.includes(name));
  }
  if (event.event_type === "projection.rebuilt") {
    const targets = targetsOf(event.payload);
    return stale.filter((name) => !targets.includes(name));
  }
  return stale;
}

function targetsOf(payload: JsonObject | undefined): readonly unknown[] {
  const targets = payload?.["projection_targets"];
  return Array.isArray(targets) ? targets : PROJECTION_NAMES;
}

/** A statement about read models as a whole, with what led to it in `payload`. */
export interface ProjectionNote {
  readonly event_type: "projection.marked_stale" | "projection.rebuilt";
  readonly request_id: string;
  readonly actor: string;
  readonly now: EpochMs;
  readonly payload: JsonObject;
}

/** The event that records a note. */
export function projectionDraft(note: ProjectionNote): EventDraft {
  return {
    event_type: note.event_type,
    job_id: PROJECTIONS_JOB_ID,
    request_id: note.request_id,
    occurred_at: toIso(note.now),
    actor: note.actor,
    payload: { projection_targets: PROJECTION_NAMES, ...note.payload },
  };
}
