/** Starts the reference daemon inside the test's own process; killing it drops what it had not written. */
import { readFileSync } from "node:fs";
import type { Launcher } from "../../src/conformance.ts";
import type { Flaw } from "./flaws.ts";
import { startReference } from "./server.ts";

export function referenceLauncher(...flaws: readonly Flaw[]): Launcher {
  return async ({ root, tokenFile, fileBytesMax }) => {
    const token = readFileSync(tokenFile, "utf8");
    const options = { root, token, fileBytesMax, port: 0, flaws: new Set(flaws) };
    const server = await startReference(options);
    return {
      url: server.url,
      token: () => token,
      ended: () => undefined,
      stop: () => server.close(true),
      kill: () => server.close(false),
    };
  };
}
