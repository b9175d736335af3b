import type { JobEvent } from "@keelson/client";
import { messageOf } from "../../errors/fault.ts";
import { connect } from "../connection.ts";
import type { CliContext, GlobalOptions, VerbHost } from "../context.ts";
import { EXIT } from "../exit.ts";
import { eventLine } from "../job-view.ts";

interface EventsOptions {
  readonly follow?: boolean;
  readonly since?: string;
  readonly fromStart?: boolean;
  readonly type?: string;
  readonly job?: string;
}

export function addEvents(host: VerbHost): void {
  const { context } = host;
  host
    .verb("events", "Print the ledger's events; with --follow, go on as they happen.", [
      ["events", "everything so far"],
      ["events --follow", "from now on, until Ctrl-C"],
      [
        "events --follow --from-start --type job.failed,job.completed",
        "all endings, then new ones",
      ],
      ["events --json --since EVENT_ID", "one JSON object a line, strictly after that event"],
    ])
    .option("-f, --follow", "go on with new events; survives a restart of the daemon")
    .option("--since <event-id>", "only events strictly after this one")
    .option("--from-start", "with --follow: begin with the whole ledger")
    .option("--type <list>", "only these event types, with commas")
    .option("--job <id>", "only events of this job")
    .action(
      host.run(async (globals: GlobalOptions, options: EventsOptions) => {
        const client = await connect(globals, context);
        const types = options.type?.split(",");
        const events =
          options.follow === true
            ? client.tail({
                after: options.since ?? (options.fromStart === true ? undefined : "latest"),
                types,
                signal: context.interrupted(),
                onBreak: (error) => context.terminal.note(`(${messageOf(error)}; trying again)`),
              })
            : client.events({ since: options.since });
        for await (const event of events) {
          if (types !== undefined && !types.includes(event.event_type)) continue;
          if (options.job !== undefined && event.job_id !== options.job) continue;
          print(event, globals, context);
        }
        return EXIT.ok;
      }),
    );
}

function print(event: JobEvent, globals: GlobalOptions, context: CliContext): void {
  const { terminal } = context;
  terminal.line(globals.json ? JSON.stringify(event) : eventLine(event, terminal));
}
