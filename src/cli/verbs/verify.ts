import type { VerifyResponse } from "@keelson/client";
import type { CliContext, GlobalOptions, VerbHost } from "../context.ts";
import { EXIT } from "../exit.ts";
import { plural } from "../format.ts";
import { operate } from "../operate.ts";
import { oneLine } from "../table.ts";

export function addVerify(host: VerbHost): void {
  const { context } = host;
  host
    .verb("verify", "Fold the ledger again from nothing and compare every read model with it.", [
      ["verify", "exit code 1 when anything differs or a ledger line is broken"],
    ])
    .action(
      host.run(async (globals: GlobalOptions) => {
        const answer = await operate(globals, context, {
          label: "verify",
          remote: (client, call) => client.verify(call),
          offline: async (target, onProgress) => {
            const { verifyRoot } = await import("../../host/offline.ts");
            return verifyRoot(target, onProgress);
          },
        });
        if (globals.json) context.terminal.line(JSON.stringify(answer));
        else for (const line of verifyLines(answer, context)) context.terminal.line(line);
        return answer.ok && answer.corrupt.length === 0 ? EXIT.ok : EXIT.negative;
      }),
    );
}

export function verifyLines(answer: VerifyResponse, context: CliContext): string[] {
  const { terminal, self } = context;
  const what = `${plural(answer.events, "event")} folded again into ${plural(answer.jobs, "job")}`;
  const verdict = answer.ok
    ? `${terminal.paint("green", "verified")}: ${what}, every read model agrees`
    : `${terminal.paint("red", "differs")}: ${what}, and the read models disagree with the ledger`;
  return [
    verdict,
    ...answer.differences.map((difference) => `  ${oneLine(textOf(difference))}`),
    ...(answer.ok ? [] : [`  Make them anew: ${self} rebuild`]),
    ...answer.corrupt.map(
      (record) => `  ledger line ${record.line_number} is broken: ${oneLine(record.error)}`,
    ),
    ...(answer.corrupt.length === 0 ? [] : [`  Move broken lines aside: ${self} repair`]),
  ];
}

function textOf(difference: unknown): string {
  return typeof difference === "string" ? difference : JSON.stringify(difference);
}
