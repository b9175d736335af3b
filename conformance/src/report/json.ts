import type { Report } from "../report.ts";

const TEXT_CHARS_MAX = 4_000;

/** The whole report; long bodies are cut so that a large status does not make it unreadable. */
export function jsonReport(report: Report): string {
  const cut = (_key: string, value: unknown): unknown =>
    typeof value === "string" && value.length > TEXT_CHARS_MAX
      ? `${value.slice(0, TEXT_CHARS_MAX)}… (${value.length} characters)`
      : value;
  return `${JSON.stringify(withoutParsedBodies(report), cut, 2)}\n`;
}

/** Exchanges carry their body as text; the parsed copy beside it would say everything twice. */
function withoutParsedBodies(report: Report): unknown {
  return JSON.parse(
    JSON.stringify(report, (key, value: unknown) => (key === "json" ? undefined : value)),
  ) as unknown;
}
