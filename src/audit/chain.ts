/**
 * The audit log's chain (openwop-core §8.4): every entry carries the SHA-256 of the canonical form of
 * the one before, so that no entry can be changed, dropped, put in or moved without a break in front
 * of the next one. Pure: time and facts come in, the entry and the new head come out.
 *
 * Invariants. 1: entry n has the sequence n, from 0. 2: its `prevHash` is the hash of entry n - 1, of
 * entry 0 null. 3: the frontier of a head has as many leaves as the log has entries.
 */
import { createHash } from "node:crypto";
import { canonicalJson } from "../lib/canonical.ts";
import type { JsonObject } from "../lib/json.ts";
import { EMPTY_FRONTIER, type Frontier, withLeaf } from "./merkle.ts";

/** Something that was done or refused, with secrets already removed. */
export interface AuditFact {
  /** ISO 8601. */
  readonly at: string;
  readonly tenant: string;
  /** An opaque principal id; of what the host does by itself its own name. */
  readonly principal: string;
  /** What was asked for, such as `runs.cancel` or `key.create`. */
  readonly action: string;
  /** What it was asked of, such as `run:run-1`. */
  readonly resource?: string;
  readonly outcome: "allowed" | "denied" | "failed";
  readonly details?: JsonObject;
}

export interface AuditEntry extends AuditFact {
  readonly sequence: number;
  /** Lower-case hexadecimal; null before the first entry. */
  readonly prevHash: string | null;
}

/** All that is needed to go on: the log itself is not. */
export interface AuditHead {
  readonly lastHash: string | null;
  /** `frontier.size` is the next entry's sequence. */
  readonly frontier: Frontier;
}

export const EMPTY_HEAD: AuditHead = { lastHash: null, frontier: EMPTY_FRONTIER };

/** The next entry and the head after it. */
export function append(
  head: AuditHead,
  fact: AuditFact,
): { readonly entry: AuditEntry; readonly head: AuditHead } {
  const entry = { sequence: head.frontier.size, ...fact, prevHash: head.lastHash };
  return { entry, head: advance(head, entry) };
}

/** The head after an entry that is in the log, whatever it says of itself. */
export function advance(head: AuditHead, entry: unknown): AuditHead {
  const text = canonicalJson(entry);
  return { lastHash: hashOf(text), frontier: withLeaf(head.frontier, text) };
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
