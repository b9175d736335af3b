/** A daemon with one thing wrong fails for that thing, and a daemon with nothing wrong for none. */
import { describe, expect, it } from "vitest";
import { isConformant, type Report, runConformance } from "../src/conformance.ts";
import type { RequirementId } from "../src/requirements.ts";
import { SCENARIOS } from "../src/scenarios/all.ts";
import { FLAWS, type Flaw } from "./reference/flaws.ts";
import { referenceLauncher } from "./reference/launcher.ts";

/** These are judged by every scenario that does not take seconds; LONG=1 does so with all of them. */
const EVERYWHERE: ReadonlySet<Flaw> = new Set<Flaw>([
  "accepts-twice",
  "answers-200-to-submits",
  "answers-404-to-wrong-methods",
  "denies-with-401",
  "drops-jobs-in-a-crowd",
  "forgets-its-end-when-killed",
  "hides-broken-lines",
  "ignores-keys",
  "lets-origins-in",
  "needs-no-token",
  "never-writes-lapses",
  "projects-lapses-as-running",
  "sends-null-lists",
  "shares-ids-in-a-crowd",
  "takes-stale-holders",
  "writes-when-stopped",
]);
const LONG_SCENARIOS: ReadonlySet<string> = new Set([
  "durable/kill-under-load",
  "cancel/lapsed",
  "lapses/reclaim",
  "crowd/one-key",
  "crowd/anonymous",
]);
const LONG = process.env["LONG"] !== undefined;

function scenariosFor(flaw: Flaw): readonly string[] {
  const breaks: readonly RequirementId[] = FLAWS[flaw].breaks;
  const chosen = SCENARIOS.filter(({ id, cites }) => {
    const isAbout = cites.some((requirement) => breaks.includes(requirement));
    return LONG || isAbout || (EVERYWHERE.has(flaw) && !LONG_SCENARIOS.has(id));
  });
  return chosen.map(({ id }) => id);
}

function failed(report: Report): readonly string[] {
  return report.requirements.filter(({ outcome }) => outcome === "failed").map(({ id }) => id);
}

describe("the reference daemon", () => {
  it("is conformant at every level when nothing is wrong with it", async () => {
    const report = await runConformance({ start: referenceLauncher() });
    expect(report.requirements.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
    expect(isConformant(report)).toBe(true);
  });
});

describe.concurrent("a daemon that", () => {
  const flaws = (Object.keys(FLAWS) as Flaw[]).filter((flaw) => FLAWS[flaw].breaks.length > 0);

  it.for(flaws)("%s breaks exactly what that flaw breaks", async (flaw) => {
    const { breaks } = FLAWS[flaw];
    const report = await runConformance({
      start: referenceLauncher(flaw),
      only: scenariosFor(flaw),
    });
    expect(failed(report).toSorted()).toEqual(breaks.toSorted());
    expect(report.scenarios.filter(({ outcome }) => outcome === "error")).toEqual([]);
    for (const { failed: broken, verdict } of report.levels) {
      if (broken.length > 0) expect(verdict).toBe("partial");
    }
    expect(isConformant(report)).toBe(false);
  });

  it("has no routes for workers fails nothing, and is partial at level 3 alone", async () => {
    const report = await runConformance({ start: referenceLauncher("has-no-worker-routes") });
    expect(failed(report)).toEqual([]);
    expect(report.levels.map(({ verdict }) => verdict)).toEqual([
      "conformant",
      "conformant",
      "partial",
      "conformant",
    ]);
    expect(report.levels[2]?.gaps.map(({ reason }) => reason)).toEqual([
      "the daemon has no routes for workers (POST /v1/jobs/claim)",
    ]);
  });

  it("cannot take jobs back is conformant all the same, and the report names what it lacks", async () => {
    const start = referenceLauncher("has-no-release-route");
    const report = await runConformance({ start, levels: [3] });
    expect(report.levels.map(({ verdict }) => verdict)).toEqual(["conformant"]);
    const lacking = report.requirements.filter(({ outcome }) => outcome === "not attempted");
    expect(lacking.map(({ id, reason }) => `${id}: ${reason}`)).toEqual([
      "execute:release:queues-again: the daemon has no release route",
    ]);
  });
});
