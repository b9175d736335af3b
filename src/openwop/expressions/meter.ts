import { isCelList, isCelMap } from "@bufbuild/cel";

/** Characters of text that cost one step to read, compare or copy. */
const CHARS_PER_STEP = 64;

/** Thrown past the evaluator, which would turn an ordinary error into a value and go on. */
class Exhausted extends Error {
  override readonly name = "Exhausted";
}

/**
 * Counts what one evaluation has done, in steps that do not depend on the machine: the same
 * expression over the same values stops at the same place everywhere.
 */
export class Meter {
  #left = 0;
  #isExhausted = false;

  /** Begins an evaluation that may take this many steps. */
  start(steps: number): void {
    this.#left = steps;
    this.#isExhausted = false;
  }

  get isExhausted(): boolean {
    return this.#isExhausted;
  }

  /** Throws `Exhausted` when the steps are used up. */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left >= 0) return;
    this.#isExhausted = true;
    throw new Exhausted("out of steps");
  }

  /** Pays for handling a value as a whole, without what lists and maps hold. */
  shallow(value: unknown): void {
    if (typeof value === "string") this.spend(Math.ceil(value.length / CHARS_PER_STEP));
    else if (isCelList(value) || isCelMap(value)) this.spend(value.size);
  }

  /** Pays for walking through everything in a value. */
  deep(value: unknown): void {
    if (isCelList(value)) {
      this.spend(1);
      for (const item of value) this.deep(item);
    } else if (isCelMap(value)) {
      this.spend(1);
      for (const [key, item] of value.entries()) {
        this.shallow(key);
        this.deep(item);
      }
    } else {
      this.spend(1);
      this.shallow(value);
    }
  }
}
