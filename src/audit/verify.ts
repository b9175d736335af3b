/**
 * Walks a stretch of the audit log again and says whether it is what was written (openwop-core
 * §1.12). The result is the wire's answer as it stands, in a shape that is closed.
 */
import type { KeyObject } from "node:crypto";
import { isJsonObject } from "../lib/json.ts";
import { type AuditHead, advance } from "./chain.ts";
import { type Checkpoint, vouchesFor } from "./checkpoint.ts";

export interface AuditVerdict {
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly chainValid: boolean;
  readonly checkpointsValid: boolean;
  readonly checkpoints: readonly Checkpoint[];
  /** In the order of the log: the first one is the first broken entry. */
  readonly anomalies: readonly Anomaly[];
}

export interface Anomaly {
  /** The entry whose `prevHash` is not the hash of the entry before it. */
  readonly atSeq: number;
  readonly expectedPrevHash: string;
  /** Empty when there is none. */
  readonly actualPrevHash: string;
}

/** What stands for "nothing before" where a hash is asked for. */
const NO_HASH = "none";
/** More breaks than these tell nobody more. */
const ANOMALIES_MAX = 100;

export interface VerifierOptions {
  /** Both inclusive. */
  readonly fromSeq: number;
  readonly toSeq: number;
  /**
   * Where the walk begins, at or before `fromSeq`: the empty head, or one that an earlier checkpoint
   * `vouchesFor`.
   */
  readonly head: AuditHead;
  /** In any order; those outside the stretch are left out. */
  readonly checkpoints: readonly Checkpoint[];
  readonly publicKey: KeyObject;
}

/** Takes the entries one by one, so that a long log needs no memory. */
export class AuditVerifier {
  readonly #options: VerifierOptions;
  readonly #checkpoints: readonly Checkpoint[];
  readonly #failed: Set<Checkpoint>;
  readonly #anomalies: Anomaly[] = [];
  #head: AuditHead;

  constructor(options: VerifierOptions) {
    this.#options = options;
    this.#head = options.head;
    this.#checkpoints = options.checkpoints
      .filter(({ atSequence: at }) => at >= options.fromSeq && at <= options.toSeq)
      .toSorted((left, right) => left.atSequence - right.atSequence)
      // What else a store may keep beside a checkpoint is not part of the answer.
      .map(({ checkpoint, atSequence, merkleRoot, signature }) => ({
        checkpoint,
        atSequence,
        merkleRoot,
        signature,
      }));
    // Until the walk has come by and found the same root there, none of them holds.
    this.#failed = new Set(this.#checkpoints);
  }

  /** The next entry of the log, as it was read. */
  take(entry: unknown): void {
    const sequence = this.#head.frontier.size;
    const fields = isJsonObject(entry) ? entry : {};
    this.#compare(sequence, fields["prevHash"], fields["sequence"]);
    this.#head = advance(this.#head, entry);
    for (const checkpoint of this.#checkpoints) {
      if (checkpoint.atSequence !== sequence) continue;
      const holds = vouchesFor(checkpoint, this.#head, this.#options.publicKey);
      if (holds) this.#failed.delete(checkpoint);
    }
  }

  /** The verdict over what was taken. Entries of the stretch that never came are a break. */
  result(): AuditVerdict {
    const { fromSeq, toSeq } = this.#options;
    const next = this.#head.frontier.size;
    if (next <= toSeq) this.#note(Math.max(next, fromSeq), "");
    const checkpointsValid = this.#failed.size === 0;
    return {
      fromSeq,
      toSeq,
      chainValid: checkpointsValid && this.#anomalies.length === 0,
      checkpointsValid,
      checkpoints: this.#checkpoints,
      anomalies: this.#anomalies,
    };
  }

  #compare(sequence: number, prevHash: unknown, claimed: unknown): void {
    const { fromSeq, toSeq } = this.#options;
    if (sequence < fromSeq || sequence > toSeq) return;
    if (prevHash === this.#head.lastHash && claimed === sequence) return;
    if (typeof prevHash === "string") this.#note(sequence, prevHash);
    else this.#note(sequence, prevHash === null ? NO_HASH : "");
  }

  #note(atSeq: number, actualPrevHash: string): void {
    if (this.#anomalies.length === ANOMALIES_MAX) return;
    const expectedPrevHash = this.#head.lastHash ?? NO_HASH;
    this.#anomalies.push({ atSeq, expectedPrevHash, actualPrevHash });
  }
}
