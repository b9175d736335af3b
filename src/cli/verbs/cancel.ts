import { connect } from "../connection.ts";
import type { GlobalOptions, VerbHost } from "../context.ts";
import { EXIT } from "../exit.ts";

export function addCancel(host: VerbHost): void {
  const { context } = host;
  host
    .verb("cancel <job>", "Cancel a job that has not ended. Its worker learns of it at once.", [
      ["cancel job_01", "exit code 1 when it had completed or failed before"],
      ['cancel job_01 --reason "wrong branch"', "the reason is kept in the ledger"],
    ])
    .option("--reason <text>", "why, for the ledger")
    .action(
      host.run(async (globals: GlobalOptions, id: string, options: { reason?: string }) => {
        const client = await connect(globals, context);
        const answer = await client.cancel({ job_id: id, reason: options.reason });
        if (globals.json) context.terminal.line(JSON.stringify(answer));
        else context.terminal.line(sentence(id, answer.outcome));
        return answer.cancelled ? EXIT.ok : EXIT.negative;
      }),
    );
}

function sentence(id: string, outcome: string): string {
  const before = /^already_terminal_(\w+)$/.exec(outcome)?.[1];
  return before === undefined ? `cancelled ${id}` : `${id} had already ${pastOf(before)}`;
}

function pastOf(status: string): string {
  return status === "cancelled" ? "been cancelled" : status;
}
