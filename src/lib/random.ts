/** Where randomness comes from. The simulation passes a seeded one. */
export interface Random {
  /** `count` fresh random bytes. */
  bytes(count: number): Uint8Array;
}

/** 32 lower-case hexadecimal characters that nobody can guess: claim tokens. */
export function randomToken(random: Random): string {
  return Array.from(random.bytes(16), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
