/** The six named projections and where each is said to live (digest §14.2). */
import type { Health } from "../engine/engine.ts";
import { PROJECTION_NAMES, type ProjectionName } from "../kernel/job/types.ts";
import { degradedReasons, SOURCE_LEDGER } from "./views.ts";

const OUTPUT_PATHS: Readonly<Record<ProjectionName, readonly string[]>> = {
  "rpi-registry": [".agents/rpi/runs/*/phased-state.json"],
  "dream-runs": [".agents/overnight/*/summary.json", ".agents/overnight/*/summary.md"],
  "wiki-jobs": [".agents/wiki"],
  "openclaw-snapshot": [".agents/daemon/projections/openclaw/latest.json"],
  "daemon-status": [".agents/daemon/projections/status.json"],
  "daemon-job-status": [".agents/daemon/projections/jobs.json"],
};

/** All manifests at one instant (`rebuiltAt`, RFC 3339). */
export function manifests(
  health: Health,
  rebuiltAt: string,
): Readonly<Record<ProjectionName, unknown>> {
  const all: Partial<Record<ProjectionName, unknown>> = {};
  for (const projection of PROJECTION_NAMES) {
    const status = health.projections[projection] ?? "current";
    all[projection] = {
      schema_version: 1,
      projection,
      source_ledger: SOURCE_LEDGER,
      ...(health.lag.last_event_id === undefined
        ? {}
        : { last_event_id: health.lag.last_event_id }),
      status,
      rebuilt_at: rebuiltAt,
      output_paths: OUTPUT_PATHS[projection],
      ...(status === "current" ? {} : degradedReasons(health.reasons)),
    };
  }
  return all as Readonly<Record<ProjectionName, unknown>>;
}
