import { resolve } from "node:path";
import { Command, CommanderError } from "commander";
import { VERSION } from "../host/version.ts";
import type { CliContext, Example, GlobalOptions, VerbHost, VerbRun } from "./context.ts";
import { EXIT, EXIT_MEANINGS, type ExitCode } from "./exit.ts";
import { reportFailure } from "./failure.ts";
import { addCancel } from "./verbs/cancel.ts";
import { addConform } from "./verbs/conform.ts";
import { addDoctor } from "./verbs/doctor.ts";
import { addEvents } from "./verbs/events.ts";
import { addJob } from "./verbs/job.ts";
import { addJobs } from "./verbs/jobs.ts";
import { addMigrate } from "./verbs/migrate.ts";
import { addReady } from "./verbs/ready.ts";
import { addRebuild } from "./verbs/rebuild.ts";
import { addRepair } from "./verbs/repair.ts";
import { addStatus } from "./verbs/status.ts";
import { addSubmit } from "./verbs/submit.ts";
import { addToken } from "./verbs/token.ts";
import { addUp } from "./verbs/up.ts";
import { addVerify } from "./verbs/verify.ts";
import { addWorker } from "./verbs/worker.ts";

/** In the order of `keelson --help`. */
const VERBS = [
  addUp,
  addStatus,
  addReady,
  addSubmit,
  addCancel,
  addJobs,
  addJob,
  addEvents,
  addWorker,
  addToken,
  addRebuild,
  addVerify,
  addRepair,
  addMigrate,
  addConform,
  addDoctor,
];

/** Runs one command line and gives its exit code. Never throws. */
export async function runCli(args: readonly string[], context: CliContext): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = buildProgram(context, (answer) => {
    code = answer;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has written its message already; help and version are no failures.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

/** The whole command line as data; the CLI reference is generated from it. */
export function buildProgram(context: CliContext, onExit: (code: ExitCode) => void): Command {
  const { terminal } = context;
  const program = new Command("keelson")
    .description("A durable agent host: a job is accepted once its ledger line is on disk.")
    .version(VERSION, "-V, --version", "print the version")
    .option("--json", "answer with JSON instead of text", false)
    .option("--root <dir>", "the folder whose .agents/daemon holds everything", ".")
    .option("--addr <host:port>", "where the daemon listens (default: 127.0.0.1:8765)")
    .option("--url <url>", "the daemon's address as a URL")
    .option("--token-file <file>", "where to read the token")
    .option(
      "--store <url>",
      "keep the ledger in PostgreSQL: postgres://user@host/database; or KEELSON_STORE",
    )
    .helpOption("-h, --help", "show help")
    .helpCommand("help [verb]", "show help for a verb")
    .showHelpAfterError("(add --help for usage and examples)")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.raw(text),
      writeErr: (text) => terminal.note(text.trimEnd()),
    })
    .addHelpText("after", () => `\n${exitCodeHelp()}`);
  const host = verbHost(program, context, onExit);
  for (const add of VERBS) add(host);
  return program;
}

function verbHost(
  program: Command,
  context: CliContext,
  onExit: (code: ExitCode) => void,
): VerbHost {
  function run<A extends readonly unknown[]>(
    work: VerbRun<A>,
  ): (...given: [...A, Command]) => Promise<void> {
    return async (...given) => {
      const globals = globalsOf(program, context);
      // Commander appends the command itself to the arguments; verbs do not need it.
      const own = given.slice(0, -1) as unknown as A;
      try {
        onExit(await work(globals, ...own));
      } catch (error) {
        onExit(reportFailure(error, globals.json, context));
      }
    };
  }
  return {
    context,
    run,
    verb: (usage, summary, examples) =>
      program
        .command(usage)
        .description(summary)
        .addHelpText("after", () => exampleHelp(examples, context.self)),
  };
}

function globalsOf(program: Command, context: CliContext): GlobalOptions {
  const given = program.opts<{
    json: boolean;
    root: string;
    addr?: string;
    url?: string;
    tokenFile?: string;
    store?: string;
  }>();
  const rootGiven = program.getOptionValueSource("root") === "cli";
  // An empty variable, as a compose file leaves it, is none.
  const store = given.store ?? (context.env["KEELSON_STORE"] || undefined);
  return { ...given, root: resolve(context.cwd, given.root), rootGiven, store };
}

function exampleHelp(examples: readonly Example[], self: string): string {
  const lines = examples.map(([command, meaning]) => `  ${self} ${command}\n      ${meaning}`);
  return `\nExamples:\n${lines.join("\n")}`;
}

function exitCodeHelp(): string {
  const lines = EXIT_MEANINGS.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`);
  return `Exit codes:\n${lines.join("\n")}`;
}
