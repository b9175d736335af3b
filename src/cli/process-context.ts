import { text } from "node:stream/consumers";
import type { CliContext } from "./context.ts";
import { EXIT, INTERRUPTED } from "./exit.ts";
import { processTerminal, quietOnClosedPipe } from "./terminal.ts";

/** The real terminal, environment and signals. */
export function processContext(): CliContext {
  quietOnClosedPipe(process.stdout);
  return {
    terminal: processTerminal(process.env),
    env: process.env,
    cwd: process.cwd(),
    self: selfName(process.argv[1] ?? ""),
    readInput: () => text(process.stdin),
    interrupted: interruptions(),
  };
}

/** From source the program is called through npm; installed, by its name. */
export function selfName(script: string): string {
  return script.endsWith(".ts") ? "npm run -s keelson --" : "keelson";
}

function interruptions(): () => AbortSignal {
  let controller: AbortController | undefined;
  const interrupt = (): void => {
    if (controller?.signal.aborted === true) process.exit(EXIT.interrupted);
    controller?.abort(new Error(INTERRUPTED));
  };
  return () => {
    if (controller === undefined) {
      controller = new AbortController();
      process.on("SIGINT", interrupt);
      process.on("SIGTERM", interrupt);
    }
    return controller.signal;
  };
}
