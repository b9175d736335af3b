import { join } from "node:path";
import type { EngineLimits } from "../engine/engine.ts";
import { type Config, loadConfig } from "../workers/config.ts";
import { ROTATE_BYTES_DEFAULT } from "./defaults.ts";

/** What `keelson.json` in the root says, with defaults for the rest. */
export interface HostSettings {
  readonly limits: EngineLimits;
  readonly rotateBytes: number;
  readonly config: Config;
}

/** Name of the configuration file in a root. */
const CONFIG_FILE = "keelson.json";

/** Throws a `Fault` (`config_invalid`) that names line, field and fix. */
export function readSettings(root: string): HostSettings {
  const config = loadConfig(join(root, CONFIG_FILE));
  return {
    limits: {
      leaseMs: config.lease_s * 1000,
      heartbeatMs: config.heartbeat_s * 1000,
      maxAttempts: config.max_attempts,
    },
    rotateBytes: config.rotate_bytes ?? ROTATE_BYTES_DEFAULT,
    config,
  };
}
