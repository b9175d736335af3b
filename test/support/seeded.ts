/**
 * Randomness that can be had again. Everything a simulated or crashing run decides comes from one
 * seed; a failing run prints it together with the line that replays it.
 */
import type { Random } from "../../src/lib/random.ts";

const UINT32 = 0x1_0000_0000;

/** A small fast generator (sfc32): the same seed gives the same numbers on every machine. */
export class Seeded implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream: string = "") {
    this.#a = seed >>> 0;
    this.#b = Math.floor(seed / UINT32) >>> 0;
    this.#c = hashOf(stream);
    for (let i = 0; i < 15; i += 1) this.next();
  }

  /** A whole number from 0 to 2^32 - 1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** A whole number from 0 to `below - 1`. */
  int(below: number): number {
    return Math.floor((this.next() / UINT32) * below);
  }

  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + this.int(max - min + 1);
  }

  chance(probability: number): boolean {
    return this.next() / UINT32 < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.int(items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.int(256));
  }
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}

/** `SEED` alone when it is set, else `fixed` and then `fresh` new ones. */
export function seedsToRun(fixed: readonly number[], fresh: number): readonly number[] {
  const asked = process.env["SEED"];
  if (asked !== undefined) return asked.split(",").map(Number);
  const start = Math.floor(Math.random() * 1_000_000_000);
  return [...fixed, ...Array.from({ length: fresh }, (_, i) => start + i)];
}

/** The line that runs one seed again. */
export function replayLine(seed: number, path: string): string {
  const long = path.endsWith(".long.test.ts") ? "LONG=1 " : "";
  return `${long}SEED=${seed} npx vitest run ${path}`;
}

/** Runs `work` for one seed; whatever it throws says how to see it again. */
export async function withSeed<T>(seed: number, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${message}\n\nSeed ${seed}. Replay with:\n  ${replayLine(seed, path)}`, {
      cause: error,
    });
  }
}
