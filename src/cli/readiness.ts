/** Readiness in words: the verdict, its reasons, and what waits for a worker. */
import type { ReadyResponse } from "@keelson/client";
import type { CliContext } from "./context.ts";
import { plural } from "./format.ts";
import { oneLine } from "./table.ts";

export function readinessLines(ready: ReadyResponse, context: CliContext): string[] {
  const { terminal, self } = context;
  const lag = ready.projection_lag;
  const verdict = ready.ready
    ? terminal.paint("green", "ready")
    : terminal.paint("red", "not ready");
  const reasons = (ready.degraded_reasons ?? []).map((reason) => `  because ${oneLine(reason)}`);
  const corrupt =
    lag.corrupt_record_count === 0
      ? []
      : [`  ${plural(lag.corrupt_record_count, "broken ledger line")}; mend with: ${self} repair`];
  const foreign = lag.foreign_event_count ?? 0;
  const kept =
    foreign === 0 ? [] : [`  ${plural(foreign, "event")} of foreign types, kept and not folded`];
  return [
    `${verdict}  ${plural(lag.event_count, "event")} in the ledger`,
    ...reasons,
    ...corrupt,
    ...kept,
    ...withoutWorkerLines(ready.queued_without_worker ?? {}, context),
  ];
}

/** Jobs that wait for a worker nobody runs, and the two ways to get one. */
export function withoutWorkerLines(
  waiting: Readonly<Record<string, number>>,
  context: CliContext,
): string[] {
  const types = Object.entries(waiting).filter(([, queued]) => queued > 0);
  if (types.length === 0) return [];
  const { terminal, self } = context;
  return [
    ...types.map(([type, queued]) => {
      const what = `${plural(queued, "job")} of type ${oneLine(type)}`;
      return `  ${terminal.paint("yellow", `${what} queued, and no worker takes that type`)}`;
    }),
    `  Map the type to a command in keelson.json and restart the daemon, or run one here:`,
    `    ${self} worker --type ${oneLine(types[0]?.[0] ?? "TYPE")} -- COMMAND`,
  ];
}
