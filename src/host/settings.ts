import type { EngineLimits } from "../engine/engine.ts";
import { LIMITS_DEFAULT, ROTATE_BYTES_DEFAULT } from "./defaults.ts";

/** What `keelson.json` in the root says, with defaults for the rest. */
export interface HostSettings {
  readonly limits: EngineLimits;
  readonly rotateBytes: number;
}

export function readSettings(_root: string): HostSettings {
  return { limits: LIMITS_DEFAULT, rotateBytes: ROTATE_BYTES_DEFAULT };
}
