import type { GlobalOptions, VerbHost } from "../context.ts";
import { EXIT } from "../exit.ts";
import { plural } from "../format.ts";
import { operate } from "../operate.ts";
import { oneLine } from "../table.ts";

export function addRepair(host: VerbHost): void {
  const { context } = host;
  host
    .verb("repair", "Move broken ledger lines to quarantine. Whole lines are never touched.", [
      ["repair", "says of every line what was wrong and where it lies now"],
    ])
    .action(
      host.run(async (globals: GlobalOptions) => {
        const { moved } = await operate(globals, context, {
          label: "repair",
          remote: (client, call) => client.repair(call),
          offline: async (target, onProgress) => {
            const { repairRoot } = await import("../../host/offline.ts");
            return repairRoot(target, onProgress);
          },
        });
        const { terminal } = context;
        if (globals.json) {
          terminal.line(JSON.stringify({ moved }));
          return EXIT.ok;
        }
        if (moved.length === 0) terminal.line("nothing to repair: every ledger line is whole");
        else terminal.line(`moved ${plural(moved.length, "broken line")} to quarantine`);
        for (const line of moved) {
          terminal.line(`  line ${line.line_number}: ${oneLine(line.error)}`);
          terminal.line(`    now in ${line.quarantine_path}`);
        }
        return EXIT.ok;
      }),
    );
}
