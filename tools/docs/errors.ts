import { ERROR_CODES, type ErrorCode } from "../../src/errors/codes.ts";
import { ENVELOPES, WIRE_CODES } from "../../src/jobspec/errors.ts";
import { generated, table } from "./markdown.ts";

type Family = (typeof ERROR_CODES)[ErrorCode]["family"];

const FAMILIES: Readonly<Record<Family, readonly [title: string, says: string]>> = {
  input: ["Input", "The request, a flag or a file cannot be used as it is. Nothing happened."],
  rejection: ["Rejections", "The request was understood, and the answer is no. Nothing happened."],
  fault: [
    "Faults",
    "The world failed. Where nothing else is said nothing happened, and the request may be sent " +
      "again with the same idempotency key.",
  ],
};

/** `docs/reference/errors.md`: every code, by family, in the order of the catalogue. */
export function errorsPage(): string {
  const codes = Object.entries(ERROR_CODES);
  const sections = Object.entries(FAMILIES).flatMap(([family, [title, says]]) => {
    const rows = codes
      .filter(([, entry]) => entry.family === family)
      .map(([code, entry]) => row(code as ErrorCode, entry.means, entry.fix));
    return [`## ${title}`, "", says, "", ...table(COLUMNS, rows), ""];
  });
  const wire = Object.entries(WIRE_CODES).map(([code, { means, fix }]) =>
    row(code as keyof typeof WIRE_CODES, means, fix ?? ""),
  );
  return generated("src/errors/codes.ts and src/jobspec/errors.ts", [
    "# Errors",
    "",
    "Branch on `code`; the text beside it is for people and may change. The status is that of the",
    "JobSpec surface.",
    "",
    ...sections,
    "## On the wire alone",
    "",
    "What only an HTTP request can meet.",
    "",
    ...table(COLUMNS, wire),
  ]);
}

const COLUMNS = ["Code", "Status", "Means", "What to do"];

function row(code: keyof typeof ENVELOPES, means: string, fix: string): string[] {
  return [`\`${code}\``, String(ENVELOPES[code].status), means, fix];
}
