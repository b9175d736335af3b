import type { Report, ScenarioReport } from "../report.ts";
import { evidenceLines } from "./finding.ts";
import { escaped } from "./markup.ts";

/** JUnit XML: one suite per group of scenarios, one case per scenario. */
export function junitReport(report: Report): string {
  const groups = Map.groupBy(report.scenarios, (each) => each.id.split("/")[0] ?? "");
  const suites = [...groups].map(([group, scenarios]) => suite(group, scenarios));
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${escaped(report.kit.name)}" ${counts(report.scenarios)}>`,
    ...suites,
    "</testsuites>",
    "",
  ].join("\n");
}

function suite(group: string, scenarios: readonly ScenarioReport[]): string {
  const cases = scenarios.map(testCase).join("\n");
  return `<testsuite name="${escaped(group)}" ${counts(scenarios)}>\n${cases}\n</testsuite>`;
}

function counts(scenarios: readonly ScenarioReport[]): string {
  const having = (outcome: string): number =>
    scenarios.filter((each) => each.outcome === outcome).length;
  const seconds = scenarios.reduce((sum, each) => sum + each.ms, 0) / 1_000;
  return (
    `tests="${scenarios.length}" failures="${having("failed")}" errors="${having("error")}" ` +
    `skipped="${having("not attempted")}" time="${seconds}"`
  );
}

function testCase(scenario: ScenarioReport): string {
  const { id, title, requests, assertions, ms } = scenario;
  const head =
    `<testcase classname="${escaped(id)}" name="${escaped(title)}" ` +
    `assertions="${assertions}" time="${ms / 1_000}">`;
  const out = `<system-out>${requests} requests, ${assertions} assertions</system-out>`;
  return [head, ...results(scenario), out, "</testcase>"].join("\n");
}

function results(scenario: ScenarioReport): string[] {
  const reason = escaped(scenario.reason ?? "");
  if (scenario.outcome === "not attempted") return [`<skipped message="${reason}"/>`];
  const failures = scenario.findings.map((finding) => {
    const body = escaped(evidenceLines(finding).join("\n"));
    const message = escaped(`${finding.requirement}: ${finding.message}`);
    return `<failure type="${escaped(finding.requirement)}" message="${message}">${body}</failure>`;
  });
  return scenario.outcome === "error" ? [`<error message="${reason}"/>`, ...failures] : failures;
}
