/**
 * Signed marks in the audit log (openwop-core §8.4): who holds one can tell later whether the log
 * still begins with what it began with then, even if the host itself rewrote it.
 */
import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { canonicalJson } from "../lib/canonical.ts";
import type { EpochMs } from "../lib/time.ts";
import type { AuditHead } from "./chain.ts";
import { rootOf } from "./merkle.ts";

/** Field names are the wire's. */
export interface Checkpoint {
  /** Its id, unique in the log. */
  readonly checkpoint: string;
  /** The last entry it covers. */
  readonly atSequence: number;
  /** Over the canonical forms of the entries 0 to `atSequence`; lower-case hexadecimal. */
  readonly merkleRoot: string;
  /** Ed25519 over the canonical form of the fields above, in base64. */
  readonly signature: string;
}

/** Advertised, and kept: whichever comes first. */
export const CHECKPOINT_ENTRIES = 1_000;
export const CHECKPOINT_SECONDS = 300;

/** What the log has had since its last checkpoint. */
export interface SinceCheckpoint {
  readonly entries: number;
  /** When the first of these entries came. */
  readonly firstAt: EpochMs;
}

/** Whether a checkpoint is to be made now. A log without new entries needs none. */
export function isCheckpointDue(since: SinceCheckpoint, now: EpochMs): boolean {
  if (since.entries === 0) return false;
  return since.entries >= CHECKPOINT_ENTRIES || now - since.firstAt >= CHECKPOINT_SECONDS * 1_000;
}

/** A checkpoint over everything up to a head that has at least one entry. */
export function signCheckpoint(head: AuditHead, id: string, privateKey: KeyObject): Checkpoint {
  const claim = {
    checkpoint: id,
    atSequence: head.frontier.size - 1,
    merkleRoot: rootOf(head.frontier),
  };
  const signature = sign(null, Buffer.from(canonicalJson(claim)), privateKey);
  return { ...claim, signature: signature.toString("base64") };
}

/** Whether a checkpoint was made over exactly this head, with this key. Never throws. */
export function vouchesFor(checkpoint: Checkpoint, head: AuditHead, publicKey: KeyObject): boolean {
  const { checkpoint: id, atSequence, merkleRoot, signature } = checkpoint;
  if (atSequence !== head.frontier.size - 1 || merkleRoot !== rootOf(head.frontier)) return false;
  const claim = canonicalJson({ checkpoint: id, atSequence, merkleRoot });
  try {
    return verify(null, Buffer.from(claim), publicKey, Buffer.from(signature, "base64"));
  } catch {
    return false; // A key of another kind.
  }
}

/** The key that checks what a private key signs. */
export function publicKeyOf(privateKey: KeyObject): KeyObject {
  return createPublicKey(privateKey);
}

/** As discovery shows it: SPKI in PEM. */
export function presentPublicKey(publicKey: KeyObject): string {
  return publicKey.export({ type: "spki", format: "pem" });
}
