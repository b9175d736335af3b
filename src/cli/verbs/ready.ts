import { connect } from "../connection.ts";
import type { VerbHost } from "../context.ts";
import { EXIT } from "../exit.ts";
import { readinessLines } from "../readiness.ts";

export function addReady(host: VerbHost): void {
  const { context } = host;
  host
    .verb("ready", "Say whether the daemon is ready, and if not, why; the exit code says it too.", [
      ["ready", "prints `ready` or the reasons; exit code 1 when not ready"],
      ["ready --json || echo not yet", "for scripts that wait for the daemon"],
    ])
    .action(
      host.run(async (globals) => {
        const ready = await (await connect(globals, context)).ready();
        if (globals.json) context.terminal.line(JSON.stringify(ready));
        else for (const line of readinessLines(ready, context)) context.terminal.line(line);
        return ready.ready ? EXIT.ok : EXIT.negative;
      }),
    );
}
