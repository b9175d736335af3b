import { existsSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../workers/config.ts";

/** The commands that `keelson.json` in a root names. */
export interface ConfiguredCommands {
  readonly path: string;
  /** Job type, or `notify`, and its command line. */
  readonly commands: readonly (readonly [name: string, command: readonly string[]])[];
}

/** Undefined when the root has no `keelson.json`; throws a `Fault` when it cannot be used. */
export function configuredCommands(root: string): ConfiguredCommands | undefined {
  const path = join(root, "keelson.json");
  if (!existsSync(path)) return undefined;
  const { jobs, notify } = loadConfig(path);
  const named = Object.entries(jobs).map(([type, job]) => [type, job.command] as const);
  const all = notify === undefined ? named : [...named, ["notify", notify.command] as const];
  return { path, commands: all };
}
