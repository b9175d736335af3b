import { styleText } from "node:util";
import {
  type LevelReport,
  NOT_CHOSEN,
  type Report,
  type RequirementReport,
  type Verdict,
} from "../report.ts";
import { evidenceLines } from "./finding.ts";
import { printable } from "./markup.ts";

type Colour = "green" | "red" | "yellow" | "dim" | "bold";
type Paint = (colour: Colour, text: string) => string;

const VERDICT_COLOUR: Readonly<Record<Verdict, Colour>> = {
  conformant: "green",
  partial: "red",
  "not attempted": "yellow",
};
const FINDINGS_SHOWN_MAX = 3;

/** The report for people. `colour` is for terminals; a pipe gets plain text. */
export function terminalReport(report: Report, { colour }: { readonly colour: boolean }): string {
  const paint: Paint = colour
    ? (name, text) => styleText(name, text, { validateStream: false })
    : (_name, text) => text;
  return [
    ...scenarioLines(report, paint),
    "",
    ...report.requirements
      .filter((each) => each.outcome === "failed")
      .flatMap((each) => failureLines(each, paint)),
    ...notAttemptedLines(report, paint),
    ...report.levels.flatMap((level) => levelLines(level, paint)),
    "",
    `${report.scenarios.length} scenarios, ${report.requests} requests, ` +
      `${report.assertions} assertions in ${(report.ms / 1_000).toFixed(1)} s`,
    "",
  ].join("\n");
}

function scenarioLines(report: Report, paint: Paint): string[] {
  const marks = {
    passed: paint("green", "pass"),
    failed: paint("red", "FAIL"),
    error: paint("red", "ERR "),
    "not attempted": paint("yellow", "skip"),
  } as const;
  return report.scenarios.map((each) => {
    const counts = `${each.requests} requests, ${each.assertions} assertions`;
    const reason = each.reason === undefined ? "" : `: ${printable(each.reason)}`;
    const tail = each.outcome === "not attempted" ? `not attempted${reason}` : `${counts}${reason}`;
    return `${marks[each.outcome]}  ${each.id.padEnd(26)} ${paint("dim", tail)}`;
  });
}

function failureLines(requirement: RequirementReport, paint: Paint): string[] {
  const shown = requirement.findings.slice(0, FINDINGS_SHOWN_MAX);
  const more = requirement.findings.length - shown.length;
  return [
    `${paint("red", "FAIL")}  ${paint("bold", requirement.id)}  (${requirement.source})`,
    `      ${requirement.sentence}`,
    ...shown.flatMap((finding) => [
      `      - ${printable(finding.message)}`,
      ...evidenceLines(finding).map((line) => paint("dim", `        ${printable(line)}`)),
    ]),
    ...(more > 0 ? [`      - and ${more} more`] : []),
    "",
  ];
}

function notAttemptedLines(report: Report, paint: Paint): string[] {
  const missing = report.requirements.filter((each) => each.outcome === "not attempted");
  if (missing.length === 0) return [];
  const byReason = Map.groupBy(missing, (each) => each.reason ?? "");
  return [...byReason].flatMap(([reason, requirements]) => [
    `${paint("yellow", "not attempted")}: ${printable(reason)}`,
    // Who runs a few scenarios knows what was left out, and wants to see the rest.
    ...(reason === NOT_CHOSEN
      ? [`      ${requirements.length} requirements`]
      : requirements.map((each) => `      ${each.id}${each.optional ? " (optional)" : ""}`)),
    "",
  ]);
}

function levelLines(level: LevelReport, paint: Paint): string[] {
  const verdict = paint(VERDICT_COLOUR[level.verdict], level.verdict.padEnd(13));
  const head =
    `Level ${level.level} ${level.name.padEnd(8)} ${verdict} ` +
    `${level.passed} of ${level.total} requirements passed`;
  const failed = level.failed.length === 0 ? [] : [`failed: ${level.failed.join(", ")}`];
  const gaps = level.gaps.map(
    ({ reason, requirements }) => `${requirements.length} not attempted: ${printable(reason)}`,
  );
  return [head, ...[...failed, ...gaps].map((line) => paint("dim", `      ${line}`))];
}
