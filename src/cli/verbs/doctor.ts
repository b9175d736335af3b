import { readFileSync } from "node:fs";
import { tokenPathOf } from "../connection.ts";
import type { CliContext, GlobalOptions, VerbHost } from "../context.ts";
import { checkCommands, checkDaemon, checkOwner } from "../doctor/daemon.ts";
import { checkDatabase } from "../doctor/database.ts";
import type { Finding } from "../doctor/finding.ts";
import {
  checkLedger,
  checkNode,
  checkQuarantine,
  checkRoot,
  checkSpace,
  checkToken,
} from "../doctor/machine.ts";
import { EXIT } from "../exit.ts";
import { plural } from "../format.ts";
import { oneLine, tableLines } from "../table.ts";

export function addDoctor(host: VerbHost): void {
  const { context } = host;
  host
    .verb(
      "doctor",
      "Look at everything the daemon needs, and say what to do about what is wrong.",
      [
        ["doctor", "exit code 1 when something will not work"],
        ["doctor --root ~/work --json", "another root, for a script"],
      ],
    )
    .action(
      host.run(async (globals: GlobalOptions) => {
        const findings = await examine(globals, context);
        if (globals.json) context.terminal.line(JSON.stringify({ findings }));
        else for (const line of findingLines(findings, context)) context.terminal.line(line);
        return findings.some((each) => each.state === "bad") ? EXIT.negative : EXIT.ok;
      }),
    );
}

async function examine(globals: GlobalOptions, context: CliContext): Promise<readonly Finding[]> {
  const { root } = globals;
  return [
    checkNode(process.version),
    checkRoot(root),
    checkSpace(root),
    checkToken(tokenPathOf(globals), (path) => readFileSync(path, "utf8")),
    ...(globals.store === undefined
      ? [checkLedger(root), checkQuarantine(root)]
      : await checkDatabase(globals.store)),
    checkOwner(globals),
    ...(await checkDaemon(globals, context)),
    ...(await checkCommands(root, context.env)),
  ];
}

const MARKS = { ok: ["green", "ok"], warn: ["yellow", "warn"], bad: ["red", "bad"] } as const;

function findingLines(findings: readonly Finding[], context: CliContext): string[] {
  const { terminal } = context;
  const rows = findings.flatMap((each) => {
    const [style, mark] = MARKS[each.state];
    // Several lines, as of a configuration with several mistakes, stay several lines.
    const [first = "", ...more] = each.text.split("\n").map(oneLine);
    return [
      [terminal.paint(style, mark), each.check, first],
      ...more.map((line) => ["", "", line]),
      ...(each.fix === undefined ? [] : [["", "", `→ ${each.fix}`]]),
    ];
  });
  const wrong = findings.filter((each) => each.state !== "ok").length;
  // Fixes are there to be read whole and copied.
  const lines = tableLines(rows, Number.POSITIVE_INFINITY);
  return [...lines, wrong === 0 ? "all well" : `${plural(wrong, "finding")} to look at`];
}
