import type { Random } from "./random.ts";
import type { EpochMs } from "./time.ts";

/** Crockford base 32 in lower case: sorts like the number it spells, survives being read aloud. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_CHARS = 9;
const RANDOM_BYTES = 5;
const RANDOM_CHARS = 8;

/** Replaces the characters that event ids reserve as separators: `.`, `/`, space and `:`. */
export function sanitiseId(text: string): string {
  return text.trim().replaceAll(/[./ :]/g, "_");
}

function base32(value: number, chars: number): string {
  let rest = value;
  let text = "";
  for (let i = 0; i < chars; i += 1) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/**
 * A source of short unique suffixes that rise with time: nine characters of milliseconds, then 40
 * random bits, counted upward within one millisecond so that order and uniqueness hold inside it.
 */
export function uniqueSuffixes(random: Random, now: () => EpochMs): () => string {
  let lastMs = -1;
  let tail = 0;
  return () => {
    const ms = Math.max(now(), lastMs);
    if (ms > lastMs) {
      // The top bit stays clear, so that counting up inside one millisecond has room.
      tail = random.bytes(RANDOM_BYTES).reduce((sum, byte) => sum * 256 + byte, 0) / 2;
      tail = Math.floor(tail);
    } else {
      tail += 1;
    }
    lastMs = ms;
    return base32(ms, TIME_CHARS) + base32(tail, RANDOM_CHARS);
  };
}
