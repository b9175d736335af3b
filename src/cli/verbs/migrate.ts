import { resolve } from "node:path";
import type { MovePart, MoveReport } from "../../host/migrate/report.ts";
import type { CliContext, GlobalOptions, VerbHost } from "../context.ts";
import { CliFailure, EXIT, type ExitCode } from "../exit.ts";
import { plural } from "../format.ts";
import { progressBar } from "../progress.ts";

interface MigrateOptions {
  readonly from: string;
  readonly to: string;
}

const LABELS: Readonly<Record<MovePart, string>> = {
  events: "copying events",
  bodies: "copying bodies",
  comparing: "comparing",
};

export function addMigrate(host: VerbHost): void {
  const { context } = host;
  host
    .verb("migrate", "Copy a ledger and its bodies into PostgreSQL, or back, and compare them.", [
      ["migrate --from . --to postgres://keelson@db.internal/keelson", "the root is only read"],
      ["migrate --from postgres://keelson@db.internal/keelson --to ~/back", "and back again"],
    ])
    .requiredOption("--from <root or url>", "what is copied; a daemon on this root must be stopped")
    .requiredOption("--to <root or url>", "where to; empty, or what an earlier copy left")
    .action(
      host.run((globals: GlobalOptions, options: MigrateOptions) =>
        migrate(globals, options, context),
      ),
    );
}

async function migrate(
  globals: GlobalOptions,
  { from, to }: MigrateOptions,
  context: CliContext,
): Promise<ExitCode> {
  if (isUrl(from) === isUrl(to)) {
    throw new CliFailure(EXIT.usage, "one of --from and --to is a root, the other postgres://…");
  }
  const bars = new Map<MovePart, ReturnType<typeof progressBar>>();
  const onMove = (part: MovePart, done: number, total: number): void => {
    const bar = bars.get(part) ?? progressBar(context.terminal, LABELS[part]);
    bars.set(part, bar);
    bar.show(done, total);
  };
  const report = await run(resolvedOf(from, context), resolvedOf(to, context), onMove).finally(() =>
    [...bars.values()].at(-1)?.end(),
  );
  if (globals.json) context.terminal.line(JSON.stringify(report));
  else for (const line of reportLines(report, context)) context.terminal.line(line);
  return report.damaged.length === 0 ? EXIT.ok : EXIT.negative;
}

async function run(
  from: string,
  to: string,
  onMove: (part: MovePart, done: number, total: number) => void,
): Promise<MoveReport> {
  if (isUrl(to)) {
    const { moveToDatabase } = await import("../../host/migrate/to-database.ts");
    return moveToDatabase(from, to, onMove);
  }
  const { moveToRoot } = await import("../../host/migrate/to-root.ts");
  return moveToRoot(from, to, onMove);
}

function isUrl(place: string): boolean {
  return /^postgres(?:ql)?:\/\//.test(place);
}

function resolvedOf(place: string, context: CliContext): string {
  return isUrl(place) ? place : resolve(context.cwd, place);
}

function reportLines(report: MoveReport, { terminal }: CliContext): readonly string[] {
  const { to, events, jobs, bodies, sha256, already, damaged } = report;
  const went = already === 0 ? "" : ` (${plural(already, "event")} had been copied before)`;
  return [
    `${terminal.paint("green", "copied")}: ${plural(events, "event")}, ${plural(jobs, "job")} and ` +
      `${bodies} ${bodies === 1 ? "body" : "bodies"} are in ${to}${went}`,
    `  sha256 of all lines ${sha256}, the same in both; every read model agrees`,
    ...damaged.map((path) => `  left behind, its bytes are not what its name says: ${path}`),
  ];
}
