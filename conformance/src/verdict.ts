/** From what scenarios counted to what may be claimed about requirements and levels. */
import {
  type LevelReport,
  NOT_CHOSEN,
  type Outcome,
  type RequirementReport,
  type Verdict,
} from "./report.ts";
import { LEVELS, type Level, REQUIREMENTS, type Requirement } from "./requirements.ts";
import type { ScenarioRun } from "./run.ts";

export function judgeRequirements(
  runs: readonly ScenarioRun[],
  levels: readonly Level[],
): RequirementReport[] {
  return REQUIREMENTS.filter((each) => levels.includes(each.level)).map((each) =>
    judgeRequirement(each, runs),
  );
}

function judgeRequirement(
  requirement: Requirement,
  runs: readonly ScenarioRun[],
): RequirementReport {
  const { id } = requirement;
  let assertions = 0;
  let failures = 0;
  for (const { trial } of runs) {
    const tally = trial.tallies.get(id);
    assertions += tally?.assertions ?? 0;
    failures += tally?.failures ?? 0;
  }
  const findings = runs.flatMap(({ trial }) =>
    trial.findings.filter((finding) => finding.requirement === id),
  );
  const base = { ...requirement, assertions, findings };
  if (failures > 0) return { ...base, outcome: "failed" };
  // A scenario that broke off was in the middle of this one, or never came to it: not proven.
  const broken = runs.find(({ scenario, error }) => error && scenario.cites.includes(id));
  if (broken !== undefined) {
    const reason = `${broken.scenario.id} broke off: ${broken.reason ?? "unknown"}`;
    return { ...base, outcome: "failed", findings: [{ requirement: id, message: reason }] };
  }
  if (assertions > 0) return { ...base, outcome: "passed" };
  return { ...base, outcome: "not attempted", reason: whyNot(requirement, runs) };
}

function whyNot(requirement: Requirement, runs: readonly ScenarioRun[]): string {
  const citing = runs.filter(({ scenario }) => scenario.cites.includes(requirement.id));
  const reasons = citing.map(
    (run) => run.trial.skipped.get(requirement.id) ?? endOf(run) ?? "nothing was left to check",
  );
  return [...new Set(reasons)].join("; ") || NOT_CHOSEN;
}

/** What a scenario found wrong before it ended is its own sentence, and not yet a reason here. */
function endOf({ scenario, trial, reason }: ScenarioRun): string | undefined {
  if (reason === undefined || trial.findings.length === 0) return reason;
  return `${scenario.id} ended before, because this failed: ${reason}`;
}

export function judgeLevels(
  requirements: readonly RequirementReport[],
  levels: readonly Level[],
): LevelReport[] {
  return LEVELS.filter(({ level }) => levels.includes(level)).map(({ level, name }) => {
    const mine = requirements.filter((each) => each.level === level);
    const having = (outcome: Outcome): RequirementReport[] =>
      mine.filter((each) => each.outcome === outcome);
    const missing = having("not attempted").filter((each) => !each.optional);
    return {
      level,
      name,
      verdict: verdictOf(mine, missing.length),
      passed: having("passed").length,
      total: having("passed").length + having("failed").length + missing.length,
      failed: having("failed").map((each) => each.id),
      notAttempted: missing.map((each) => each.id),
      gaps: gapsOf(missing),
    };
  });
}

function gapsOf(missing: readonly RequirementReport[]): LevelReport["gaps"] {
  const byReason = Map.groupBy(missing, (each) => each.reason ?? "");
  return [...byReason].map(([reason, requirements]) => ({
    reason,
    requirements: requirements.map((each) => each.id),
  }));
}

function verdictOf(requirements: readonly RequirementReport[], missing: number): Verdict {
  if (requirements.every((each) => each.outcome === "not attempted")) return "not attempted";
  const failed = requirements.some((each) => each.outcome === "failed");
  return failed || missing > 0 ? "partial" : "conformant";
}
