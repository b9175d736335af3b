/** What a run found, as data; everything else prints it. */
import type { Level, Requirement } from "./requirements.ts";
import type { Finding } from "./trial.ts";

/** `partial`: something failed, or was not exercised. `not attempted`: nothing was exercised. */
export type Verdict = "conformant" | "partial" | "not attempted";
export type Outcome = "passed" | "failed" | "not attempted";

/** The reason of requirements that nothing in the chosen scenarios is about. */
export const NOT_CHOSEN = "no scenario of this run is about it";

export interface RequirementReport extends Requirement {
  readonly outcome: Outcome;
  readonly assertions: number;
  readonly findings: readonly Finding[];
  /** Why it was not exercised. */
  readonly reason?: string;
}

export interface LevelReport {
  readonly level: Level;
  readonly name: string;
  readonly verdict: Verdict;
  readonly passed: number;
  readonly total: number;
  readonly failed: readonly string[];
  /** Requirements that were not exercised, optional ones not counted. */
  readonly notAttempted: readonly string[];
  /** The same, by the reason why. */
  readonly gaps: readonly { readonly reason: string; readonly requirements: readonly string[] }[];
}

export interface ScenarioReport {
  readonly id: string;
  readonly title: string;
  /** `error`: it broke off, or asserted nothing, which proves nothing. */
  readonly outcome: Outcome | "error";
  readonly requests: number;
  readonly assertions: number;
  readonly ms: number;
  readonly findings: readonly Finding[];
  readonly reason?: string;
}

export interface Report {
  readonly kit: { readonly name: string; readonly contract: string };
  readonly target: { readonly url?: string; readonly start?: string };
  readonly startedAt: string;
  readonly ms: number;
  readonly levels: readonly LevelReport[];
  readonly requirements: readonly RequirementReport[];
  readonly scenarios: readonly ScenarioReport[];
  readonly requests: number;
  readonly assertions: number;
}

/** Every attempted level is conformant, and there was one. */
export function isConformant(report: Report): boolean {
  const attempted = report.levels.filter((level) => level.verdict !== "not attempted");
  const errors = report.scenarios.some((scenario) => scenario.outcome === "error");
  return (
    !errors && attempted.length > 0 && attempted.every((level) => level.verdict === "conformant")
  );
}
