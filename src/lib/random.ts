import { randomFillSync } from "node:crypto";

/** Where randomness comes from. The simulation passes a seeded one. */
export interface Random {
  /** `count` fresh random bytes. */
  bytes(count: number): Uint8Array;
}

const POOL_BYTES = 4096;
const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

/** The machine's cryptographic generator, read in pools because small reads dominate. */
export const systemRandom: Random = {
  bytes(count) {
    if (count > POOL_BYTES) return randomFillSync(new Uint8Array(count));
    if (used + count > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const bytes = pool.slice(used, used + count);
    pool.fill(0, used, used + count);
    used += count;
    return bytes;
  },
};

/** 32 lower-case hexadecimal characters that nobody can guess: claim tokens. */
export function randomToken(random: Random): string {
  return Buffer.from(random.bytes(16)).toString("hex");
}
