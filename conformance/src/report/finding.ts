import type { Finding } from "../trial.ts";

const SHOWN_CHARS_MAX = 1_200;

/** The request and the answer, or the values, that a finding is about. */
export function evidenceLines(finding: Finding): string[] {
  const { exchange, seen } = finding;
  if (exchange === undefined) return seen === undefined ? [] : [`seen    ${clip(asText(seen))}`];
  const headers = Object.entries(exchange.sentHeaders)
    .filter(([name]) => !["accept", "content-type", "content-length"].includes(name))
    .map(([name, value]) => `${name}: ${value}`);
  const sent = [`${exchange.method} ${exchange.path}`, ...headers, exchange.sentBody];
  const allow = exchange.headers["allow"];
  const answer = [
    exchange.status === 0 ? "no answer" : String(exchange.status),
    ...(allow === undefined ? [] : [`allow: ${allow}`]),
    exchange.text.trim(),
  ];
  return [
    `request ${clip(sent.filter((part) => part !== "").join(" · "))}`,
    `answer  ${clip(answer.join(" · "))}`,
  ];
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined");
}

function clip(line: string): string {
  return line.length <= SHOWN_CHARS_MAX
    ? line
    : `${line.slice(0, SHOWN_CHARS_MAX)}… (${line.length} characters)`;
}
