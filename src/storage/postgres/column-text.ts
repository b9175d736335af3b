import { createHash } from "node:crypto";

/** No text that people write starts with it; one that does is escaped like the others. */
const MARK = "\u0001";
/** An index entry must fit into a third of a page; a digest stands for longer texts. */
const CHARS_MAX = 500;

/**
 * A text as an indexed column holds it: itself, unless PostgreSQL could not keep it. Different texts
 * give different columns. A column can hold no NUL and no half of a surrogate pair, which a
 * stranger's ledger may have in its ids, and an index entry has a limit of length.
 */
export function columnText(text: string): string {
  const isPlain = text.isWellFormed() && !text.includes("\u0000") && !text.startsWith(MARK);
  if (isPlain && text.length <= CHARS_MAX) return text;
  const escaped = JSON.stringify(text);
  if (escaped.length <= CHARS_MAX) return `${MARK}${escaped}`;
  return `${MARK}sha256:${createHash("sha256").update(escaped).digest("hex")}`;
}
