/**
 * A hash tree over a list that only grows (RFC 6962 §2.1). Instead of the list it keeps the roots of
 * its complete subtrees, at most one for each power of two, so that adding and closing take a handful
 * of hashes however long the list is. Pure.
 */
import { createHash } from "node:crypto";

export interface Frontier {
  readonly size: number;
  /** Roots of complete subtrees, largest first, in lower-case hexadecimal. */
  readonly peaks: readonly string[];
}

export const EMPTY_FRONTIER: Frontier = { size: 0, peaks: [] };

/** Leaves and inner nodes are hashed differently, so that one never passes for the other. */
const LEAF = Buffer.of(0);
const INNER = Buffer.of(1);

export function withLeaf(frontier: Frontier, leaf: string): Frontier {
  const peaks = [...frontier.peaks];
  let root = createHash("sha256").update(LEAF).update(leaf).digest("hex");
  for (let size = frontier.size; size % 2 === 1; size = (size - 1) / 2) {
    root = inner(peaks.pop() ?? "", root);
  }
  peaks.push(root);
  return { size: frontier.size + 1, peaks };
}

/** The root over everything that was added; of nothing the hash of nothing. */
export function rootOf({ peaks }: Frontier): string {
  const root = peaks.reduceRight<string | undefined>(
    (right, left) => (right === undefined ? left : inner(left, right)),
    undefined,
  );
  return root ?? createHash("sha256").digest("hex");
}

function inner(left: string, right: string): string {
  return createHash("sha256")
    .update(INNER)
    .update(Buffer.from(left, "hex"))
    .update(Buffer.from(right, "hex"))
    .digest("hex");
}
