/** Rebuild, verify and repair, the same for a running daemon and for a root at rest. */
import type { CorruptRecord } from "../engine/engine.ts";
import type { JobEngine } from "../engine/job-engine.ts";
import type { MaintainedStore, Progress, RepairedLine } from "../storage/maintenance.ts";

export interface RebuildAnswer {
  readonly events: number;
  readonly jobs: number;
  readonly ms: number;
}

export interface VerifyAnswer {
  readonly ok: boolean;
  readonly events: number;
  readonly jobs: number;
  readonly differences: readonly string[];
  readonly corrupt: readonly CorruptRecord[];
}

export interface RepairAnswer {
  readonly moved: readonly RepairedLine[];
}

export interface Operate {
  rebuild(onProgress?: Progress): Promise<RebuildAnswer>;
  verify(onProgress?: Progress): Promise<VerifyAnswer>;
  repair(onProgress?: Progress): Promise<RepairAnswer>;
}

/** The ledger itself records what was asked and what came of it. */
export function operateOn(store: MaintainedStore, engine: JobEngine): Operate {
  return {
    async rebuild(onProgress) {
      const started = performance.now();
      await engine.note("projection.marked_stale", { reason: "rebuild requested" });
      const report = await store.rebuild(onProgress);
      await engine.note("projection.rebuilt", { reason: "rebuild requested", ...report });
      return { ...report, ms: Math.round(performance.now() - started) };
    },
    async verify(onProgress) {
      const verification = await store.verify(onProgress);
      const { ok, events, jobs, differences } = verification;
      return { ok, events, jobs, differences, corrupt: engine.corrupt() };
    },
    async repair(onProgress) {
      const moved = await engine.exclusive(() => store.repair(onProgress));
      if (moved.length > 0) {
        await engine.note("projection.rebuilt", {
          reason: "repair requested",
          moved: moved.map(({ line_number, error }) => ({ line_number, error })),
        });
      }
      return { moved };
    },
  };
}
