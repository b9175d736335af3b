import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { holds } from "../../test/support/property.ts";
import { EMPTY_FRONTIER, rootOf, withLeaf } from "./merkle.ts";

const sha = (...parts: readonly Uint8Array[]): Buffer =>
  createHash("sha256").update(Buffer.concat(parts)).digest();

/** The definition in RFC 6962 §2.1, word by word. */
function defined(leaves: readonly string[]): Buffer {
  if (leaves.length === 0) return sha();
  if (leaves.length === 1) return sha(Buffer.of(0), Buffer.from(leaves[0] ?? ""));
  let half = 1;
  while (half * 2 < leaves.length) half *= 2;
  return sha(Buffer.of(1), defined(leaves.slice(0, half)), defined(leaves.slice(half)));
}

it("knows the published roots", () => {
  expect(rootOf(EMPTY_FRONTIER)).toBe(
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  );
  expect(rootOf(withLeaf(EMPTY_FRONTIER, ""))).toBe(
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  );
});

it("has the root that the definition gives, after every leaf", () => {
  const property = fc.property(fc.array(fc.string(), { maxLength: 70 }), (leaves) => {
    let frontier = EMPTY_FRONTIER;
    for (const [i, leaf] of leaves.entries()) {
      frontier = withLeaf(frontier, leaf);
      expect(rootOf(frontier)).toBe(defined(leaves.slice(0, i + 1)).toString("hex"));
      expect(frontier.size).toBe(i + 1);
    }
    expect(frontier.peaks.length).toBeLessThanOrEqual(7);
  });
  holds(property, { runs: 30 });
});
