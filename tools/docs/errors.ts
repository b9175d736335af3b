import { ERROR_CODES, type ErrorCode } from "../../src/errors/codes.ts";
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
      .map(([code, entry]) => [`\`${code}\``, entry.means, entry.fix]);
    return [`## ${title}`, "", says, "", ...table(["Code", "Means", "What to do"], rows), ""];
  });
  return generated("src/errors/codes.ts", [
    "# Errors",
    "",
    "Branch on `code`; the text beside it is for people and may change. Which HTTP status a code",
    "gets is the business of each surface: see [extensions.md](extensions.md).",
    "",
    ...sections,
  ]);
}
