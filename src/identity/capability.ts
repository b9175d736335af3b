/** What a token may do. `admin` may do everything. */
export const CAPABILITIES = [
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
