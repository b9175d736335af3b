import { describe, expect, it } from "vitest";
import { accepted, T0 } from "../../../test/support/given.ts";
import { toIso } from "../../lib/time.ts";
import { numberEvent } from "./events.ts";
import {
  foldStale,
  PROJECTIONS_JOB_ID,
  type ProjectionNote,
  projectionDraft,
} from "./projection.ts";
import { fold } from "./state.ts";
import { PROJECTION_NAMES, RESERVED_JOB_IDS } from "./types.ts";

function note(type: ProjectionNote["event_type"], payload: ProjectionNote["payload"] = {}) {
  const at = { request_id: "r", actor: "keelson", now: T0 };
  return numberEvent(projectionDraft({ event_type: type, ...at, payload }), 1).event;
}

const STALE = "projection.marked_stale";
const REBUILT = "projection.rebuilt";

describe("foldStale", () => {
  it("marks the named projections, in the contract's order and once each", () => {
    const one = foldStale([], note(STALE, { projection_targets: ["daemon-status"] }));
    const two = foldStale(one, note(STALE, { projection_targets: ["wiki-jobs", "daemon-status"] }));
    expect(two).toEqual(["wiki-jobs", "daemon-status"]);
  });

  it("clears the named ones", () => {
    const stale = ["wiki-jobs", "daemon-status"];
    const targets = { projection_targets: ["wiki-jobs"] };
    expect(foldStale(stale, note(REBUILT, targets))).toEqual(["daemon-status"]);
  });

  it("means all of them when none are named or the list is damaged", () => {
    const { payload: _, ...bare } = note(STALE);
    expect(foldStale([], bare)).toEqual(PROJECTION_NAMES);
    expect(foldStale([], note(STALE, { projection_targets: "all" }))).toEqual(PROJECTION_NAMES);
    const { payload: __, ...rebuilt } = note(REBUILT);
    expect(foldStale(PROJECTION_NAMES, rebuilt)).toEqual([]);
  });

  it("ignores names that are no projections", () => {
    expect(foldStale([], note(STALE, { projection_targets: ["nope", 1, null] }))).toEqual([]);
  });

  it("leaves everything as it is for other events", () => {
    const stale = ["wiki-jobs"];
    expect(foldStale(stale, numberEvent(accepted(), 1).event)).toBe(stale);
  });
});

describe("projectionDraft", () => {
  it("speaks of all projections under the reserved job id, unless it names some", () => {
    expect(note(STALE)).toMatchObject({
      job_id: PROJECTIONS_JOB_ID,
      occurred_at: toIso(T0),
      payload: { projection_targets: PROJECTION_NAMES },
    });
    expect(RESERVED_JOB_IDS).toContain(PROJECTIONS_JOB_ID);
    expect(note(STALE, { projection_targets: [] }).payload).toEqual({ projection_targets: [] });
  });

  it("makes an event that is no job", () => {
    expect(fold(undefined, { position: 1, event: note(REBUILT) })).toBeUndefined();
  });
});
