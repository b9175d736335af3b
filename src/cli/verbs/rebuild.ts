import type { GlobalOptions, VerbHost } from "../context.ts";
import { EXIT } from "../exit.ts";
import { duration, plural } from "../format.ts";
import { operate } from "../operate.ts";

export function addRebuild(host: VerbHost): void {
  const { context } = host;
  host
    .verb("rebuild", "Fold the ledger into fresh read models. Nothing of the ledger changes.", [
      ["rebuild", "asks the running daemon, or works on the root when none runs"],
    ])
    .action(
      host.run(async (globals: GlobalOptions) => {
        const answer = await operate(globals, context, {
          label: "rebuild",
          remote: (client, call) => client.rebuild(call),
          offline: async (target, onProgress) => {
            const { rebuildRoot } = await import("../../host/offline.ts");
            return rebuildRoot(target, onProgress);
          },
        });
        if (globals.json) context.terminal.line(JSON.stringify(answer));
        else {
          const { events, jobs, ms } = answer;
          const what = `${plural(events, "event")} into ${plural(jobs, "job")}`;
          context.terminal.line(`rebuilt: ${what} in ${duration(ms)}`);
        }
        return EXIT.ok;
      }),
    );
}
