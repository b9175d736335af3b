/**
 * What a token may do. `admin` may do everything; `read` nothing but what any token may: read where
 * reads need one.
 */
export const CAPABILITIES = [
  "read",
  "submit_job",
  "cancel_job",
  "openclaw_trigger",
  "execute_job",
  "admin",
] as const;
export type Capability = (typeof CAPABILITIES)[number];

export function isCapability(value: unknown): value is Capability {
  return CAPABILITIES.some((capability) => capability === value);
}
