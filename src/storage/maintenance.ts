/** What an operator may ask of a store beyond the port that the engine uses. */
import type { Store } from "./store.ts";

/** How far a long operation is; the unit (bytes or events) is the store's. */
export type Progress = (done: number, total: number) => void;

export interface RebuildReport {
  readonly events: number;
  readonly jobs: number;
}

export interface Verification {
  readonly ok: boolean;
  readonly events: number;
  readonly jobs: number;
  /** What differs, in words; at most a hundred of them. */
  readonly differences: readonly string[];
}

/** One line that was moved out of the ledger. */
export interface RepairedLine {
  readonly line_number: number;
  readonly error: string;
  readonly quarantine_path: string;
}

/** What opening had to mend. */
export interface Opening {
  /** Bytes of an unfinished last line, moved to quarantine. */
  readonly tornTail?: { readonly bytes: number };
  /** Why the read models were folded anew. */
  readonly rebuilt?: RebuildReason;
}

export type RebuildReason = "missing" | "unusable" | "not of this ledger";

export interface MaintainedStore extends Store {
  readonly opening: Opening;
  /** Folds the ledger into new read models while the old ones serve, then swaps them. */
  rebuild(onProgress?: Progress): Promise<RebuildReport>;
  /** Folds the ledger into scratch read models and compares every one with those in use. */
  verify(onProgress?: Progress): Promise<Verification>;
  /** Moves broken lines out of the ledger. The caller keeps appends away meanwhile. */
  repair(onProgress?: Progress): Promise<readonly RepairedLine[]>;
}
