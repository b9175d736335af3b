import type { EngineLimits } from "../engine/engine.ts";

/** 60 s lease, 15 s heartbeat, 3 attempts (digest §11). */
export const LIMITS_DEFAULT: EngineLimits = {
  leaseMs: 60_000,
  heartbeatMs: 15_000,
  maxAttempts: 3,
};

/** The ledger is rotated before it grows over this size. */
export const ROTATE_BYTES_DEFAULT: number = 64 * 1024 * 1024;

/** Where the daemon listens unless told otherwise (contract: servers). */
export const ADDRESS_DEFAULT = "127.0.0.1:8765";
