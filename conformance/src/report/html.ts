import type { LevelReport, Report, RequirementReport, ScenarioReport } from "../report.ts";
import { evidenceLines } from "./finding.ts";
import { escaped } from "./markup.ts";

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 2rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid #8884; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
code, pre { font: .85rem/1.4 ui-monospace, monospace; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #8882; padding: .6rem; margin: .3rem 0; }
.tag { border-radius: .3rem; padding: .1rem .45rem; color: #fff; background: #666; white-space: nowrap; }
.passed, .conformant { background: #1a7f37; }
.failed, .error, .partial { background: #b42318; }
.not-attempted { background: #8a6100; }
`;

/** One page with nothing to load; every text of the daemon is escaped. */
export function htmlReport(report: Report): string {
  const subject = report.target.url ?? report.target.start ?? "";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>JobSpec v0 conformance</title>
<style>${STYLE}</style>
</head>
<body>
<h1>JobSpec v0 conformance</h1>
<p><code>${escaped(subject)}</code><br>${escaped(report.startedAt)}, ${report.scenarios.length} scenarios,
${report.requests} requests, ${report.assertions} assertions in ${(report.ms / 1_000).toFixed(1)} s</p>
<h2>Levels</h2>
${table(["Level", "Verdict", "Passed", "Failed", "Not attempted"], report.levels.map(levelRow))}
<h2>Requirements</h2>
${table(["Level", "Requirement", "Outcome", "Assertions"], report.requirements.map(requirementRow))}
<h2>Scenarios</h2>
${table(["Scenario", "Outcome", "Requests", "Assertions", "ms"], report.scenarios.map(scenarioRow))}
</body>
</html>
`;
}

function table(heads: readonly string[], rows: readonly string[]): string {
  const head = heads.map((each) => `<th scope="col">${escaped(each)}</th>`).join("");
  return `<table><thead><tr>${head}</tr></thead><tbody>\n${rows.join("\n")}\n</tbody></table>`;
}

function row(...cells: readonly (string | number)[]): string {
  const shown = cells.map((cell) =>
    typeof cell === "number" ? `<td class="number">${cell}</td>` : `<td>${cell}</td>`,
  );
  return `<tr>${shown.join("")}</tr>`;
}

function tag(outcome: string): string {
  return `<span class="tag ${outcome.replace(" ", "-")}">${escaped(outcome)}</span>`;
}

function levelRow(level: LevelReport): string {
  return row(
    `${level.level} ${escaped(level.name)}`,
    tag(level.verdict),
    `${level.passed} of ${level.total}`,
    level.failed.map((id) => `<code>${escaped(id)}</code>`).join("<br>"),
    level.notAttempted.map((id) => `<code>${escaped(id)}</code>`).join("<br>"),
  );
}

function requirementRow(requirement: RequirementReport): string {
  const findings = requirement.findings.map(
    (finding) =>
      `<p>${escaped(finding.message)}</p><pre>${escaped(evidenceLines(finding).join("\n"))}</pre>`,
  );
  const shown =
    findings.length === 0
      ? ""
      : `<details open><summary>${findings.length} findings</summary>${findings.join("")}</details>`;
  const about = [
    `<code>${escaped(requirement.id)}</code>${requirement.optional ? " (optional)" : ""}`,
    escaped(requirement.sentence),
    `<small>${escaped(requirement.source)}</small>`,
    escaped(requirement.reason ?? ""),
  ].filter((part) => part !== "");
  return row(
    requirement.level,
    about.join("<br>") + shown,
    tag(requirement.outcome),
    requirement.assertions,
  );
}

function scenarioRow(scenario: ScenarioReport): string {
  const reason = scenario.reason === undefined ? "" : `<br>${escaped(scenario.reason)}`;
  return row(
    `<code>${escaped(scenario.id)}</code><br>${escaped(scenario.title)}${reason}`,
    tag(scenario.outcome),
    scenario.requests,
    scenario.assertions,
    scenario.ms,
  );
}
