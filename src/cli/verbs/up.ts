import type { Host } from "../../host/host.ts";
import { ADDR_DEFAULT } from "../connection.ts";
import type { CliContext, GlobalOptions, VerbHost } from "../context.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { showFirstRun } from "../first-run.ts";
import { count, plural } from "../format.ts";
import { progressBar } from "../progress.ts";
import { withoutWorkerLines } from "../readiness.ts";

interface UpOptions {
  readonly expose?: string;
  readonly firstRun?: boolean;
  readonly demo?: boolean;
}

export function addUp(host: VerbHost): void {
  const { context } = host;
  host
    .verb("up", "Start the daemon and stay until Ctrl-C, which hands running jobs back first.", [
      ["up", `listens on ${ADDR_DEFAULT}, keeps everything in ./.agents/daemon`],
      ["up --root ~/work --addr 127.0.0.1:9000", "another folder, another port"],
      [
        "up --store postgres://keelson@db.internal/keelson",
        "the ledger in PostgreSQL, shared with every daemon that names it",
      ],
      [
        "up --addr 0.0.0.0:8765 --expose keelson.example,node-1.internal",
        "for other machines too, behind a proxy that speaks TLS",
      ],
      ["up --json --addr 127.0.0.1:0", "any free port; one JSON line once it is ready"],
      ["up --demo", "the whole story in a temporary folder: submit, kill -9, restart, compare"],
    ])
    .option(
      "--expose <names>",
      "let other machines in, under these host names (separated by commas); reads need a token " +
        "then; or KEELSON_EXPOSE",
    )
    .option("--first-run", "on an empty ledger, submit one job and show what becomes of it")
    .option("--demo", "show in a temporary folder that a killed daemon loses nothing")
    .action(
      host.run(async (globals: GlobalOptions, options: UpOptions) => {
        if (options.demo === true) {
          const { runDemo } = await import("../demo/story.ts");
          return runDemo(globals, context);
        }
        return up(globals, options, context);
      }),
    );
}

async function up(
  globals: GlobalOptions,
  options: UpOptions,
  context: CliContext,
): Promise<ExitCode> {
  const { terminal } = context;
  const interrupted = context.interrupted();
  // Loaded here: the other verbs need no server, and start faster without one.
  const { startHost } = await import("../../host/host.ts");
  const bar = progressBar(terminal, "reading the ledger");
  const running = await startHost({
    root: globals.root,
    address: globals.addr ?? ADDR_DEFAULT,
    store: globals.store,
    // An empty variable, as a compose file leaves it, is none.
    expose: options.expose ?? (context.env["KEELSON_EXPOSE"] || undefined),
    ...(globals.tokenFile === undefined ? {} : { tokenFile: globals.tokenFile }),
    onProgress: bar.show,
    log: (line) => terminal.note(line),
  }).finally(bar.end);
  try {
    await announce(running, globals, context);
    if (options.firstRun === true && !interrupted.aborted) {
      await showFirstRun(running, context, interrupted);
    }
    await untilStopped(running, interrupted);
  } finally {
    if (interrupted.aborted && !globals.json) {
      terminal.note("stopping: handing running jobs back (Ctrl-C again stops hard)");
    }
    await running.drain();
  }
  if (!globals.json) terminal.note("stopped; everything acknowledged is in the ledger");
  return EXIT.ok;
}

async function untilStopped(running: Host, interrupted: AbortSignal): Promise<void> {
  if (interrupted.aborted) return;
  const signalled = new Promise<void>((resolve) => {
    interrupted.addEventListener("abort", () => resolve(), { once: true });
  });
  await Promise.race([running.closed, signalled]);
}

async function announce(running: Host, globals: GlobalOptions, context: CliContext): Promise<void> {
  const { terminal } = context;
  for (const warning of running.exposed?.warnings ?? []) terminal.note(`warning: ${warning}`);
  if (globals.json) {
    const { url, root, ledgerPath: ledger, tokenFile: token_file, version } = running;
    const ready = { ready: true, url, pid: process.pid, root, ledger, token_file, version };
    terminal.line(JSON.stringify(ready));
    return;
  }
  for (const line of await announcement(running, context)) terminal.line(line);
}

/** What a person needs to know about a daemon that is up; never the token itself. */
async function announcement(running: Host, context: CliContext): Promise<string[]> {
  const { terminal, self } = context;
  const lag = running.engine.lag();
  const events = `${plural(lag.event_count, "event")}`;
  const broken =
    lag.corrupt_record_count === 0
      ? []
      : [
          terminal.paint("red", `  ${plural(lag.corrupt_record_count, "ledger line")} broken`) +
            `; mend with: ${self} repair`,
        ];
  return [
    `${terminal.paint("bold", `keelson ${running.version}`)} is up at ${terminal.paint("green", running.url)}`,
    `  A job is accepted here once its ledger line is ${running.isShared ? "committed" : "on disk"}.`,
    `  root    ${running.root}`,
    `  ledger  ${running.ledgerPath} (${events})`,
    `  token   ${running.tokenFile} (shown only by: ${self} token --show)`,
    ...(running.exposed === undefined
      ? []
      : [`  exposed as ${running.exposed.names.join(", ")}; reads need a token too`]),
    ...openingLines(running),
    ...broken,
    ...withoutWorkerLines(await running.engine.withoutWorker(), context),
    "  stop    Ctrl-C",
  ];
}

/** What the daemon mended while it opened the ledger. */
function openingLines(running: Host): string[] {
  const { tornTail, rebuilt } = running.opening;
  return [
    ...(tornTail === undefined
      ? []
      : [
          `  mended  ${count(tornTail.bytes)} unfinished bytes at the ledger's end, never acknowledged`,
        ]),
    ...(rebuilt === undefined || running.engine.headPosition() === 0
      ? []
      : [`  rebuilt the read models from the ledger (${rebuilt})`]),
  ];
}
