import { type Handler, HandlerFailure, type Job } from "@keelson/client";
import { messageOf } from "../../errors/fault.ts";
import { type ChildEnd, runChild } from "../child.ts";
import { connect } from "../connection.ts";
import type { CliContext, GlobalOptions, VerbHost } from "../context.ts";
import { CliFailure, EXIT } from "../exit.ts";
import { oneLine } from "../table.ts";

interface WorkerOptions {
  readonly type: string;
  readonly concurrency: string;
  readonly leaseMs?: string;
  readonly name?: string;
}

const LAST_LINES = 5;

export function addWorker(host: VerbHost): void {
  const { context } = host;
  host
    .verb(
      "worker [command...]",
      "Take jobs of some types and run a command for each. The payload is on its standard input; " +
        "exit code 0 completes the job, any other fails it. Ctrl-C hands running jobs back.",
      [
        ["worker --type rpi.run -- ./agent.sh", "one job at a time"],
        ["worker --type wiki.forge --concurrency 4 -- node forge.mjs", "four at a time"],
      ],
    )
    .requiredOption("--type <list>", "job types to take, with commas")
    .option("--concurrency <n>", "most jobs at once", "1")
    .option("--lease-ms <ms>", "lease length to ask for; the daemon's own otherwise")
    .option("--name <name>", "a name for this worker in the ledger")
    .addHelpText(
      "after",
      "\nThe command's environment: KEELSON_JOB_ID, KEELSON_JOB_TYPE, KEELSON_ATTEMPT, KEELSON_URL." +
        "\nIts output becomes the artifact `transcript`. It never gets the daemon's token.",
    )
    .action(
      host.run(async (globals: GlobalOptions, command: string[], options: WorkerOptions) => {
        const [program, ...args] = command;
        if (program === undefined) {
          throw new CliFailure(EXIT.usage, "no command to run", {
            hints: [`${context.self} worker --type ${options.type} -- COMMAND`],
          });
        }
        const client = await connect(globals, context);
        const worker = client.worker({
          types: options.type.split(","),
          concurrency: atLeastOne("--concurrency", options.concurrency),
          leaseMs:
            options.leaseMs === undefined ? undefined : atLeastOne("--lease-ms", options.leaseMs),
          name: options.name,
          signal: context.interrupted(),
          handler: commandHandler({ program, args, url: client.url, context, globals }),
          onError: (error, job) => tellError(error, job, context),
          onOutcome: (job, outcome) => tell(globals, context, { job, outcome }),
        });
        if (!globals.json) {
          context.terminal.note(`taking ${options.type} at ${client.url}; Ctrl-C stops`);
        }
        await worker.done;
        return EXIT.ok;
      }),
    );
}

function atLeastOne(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new CliFailure(EXIT.usage, `${option} must be a whole number from 1 on, not ${text}`);
}

function commandHandler(plan: {
  readonly program: string;
  readonly args: readonly string[];
  readonly url: string;
  readonly context: CliContext;
  readonly globals: GlobalOptions;
}): Handler {
  return async (job, held) => {
    tell(plan.globals, plan.context, { job, outcome: "started" });
    const end = await runChild({
      command: plan.program,
      args: plan.args,
      input: JSON.stringify(job.payload ?? {}),
      env: {
        ...plan.context.env,
        KEELSON_JOB_ID: job.job_id,
        KEELSON_JOB_TYPE: job.job_type,
        KEELSON_ATTEMPT: String(job.attempt),
        KEELSON_URL: plan.url,
      },
      signal: held.signal,
      onOutput: (chunk) => {
        if (!plan.globals.json) plan.context.terminal.raw(chunk);
      },
    });
    if (end.output !== "" && isOurs(held.signal)) {
      // The same names as the daemon's own agent commands use: the newest, and one per attempt.
      await held.artifact("transcript", end.output);
      await held.artifact(`attempt_${job.attempt}_transcript`, end.output);
    }
    held.signal.throwIfAborted();
    if (end.code !== 0) throw failureOf(plan.program, end);
    return { artifacts: { exit_code: "0" } };
  };
}

/** False once the lease is lost: then nothing may be written. A stopping worker still may. */
function isOurs(signal: AbortSignal): boolean {
  return !signal.aborted || !(signal.reason instanceof Error && "code" in signal.reason);
}

/** A command that died is not one that finished: a signal nobody here sent is worth another try. */
export function failureOf(program: string, end: ChildEnd): HandlerFailure {
  if (end.startError !== undefined) {
    const text = `cannot start ${program}: ${messageOf(end.startError)}`;
    return new HandlerFailure("request_rejected", text);
  }
  const said = end.output.trimEnd().split("\n").slice(-LAST_LINES).map(oneLine).join("\n");
  const tail = said === "" ? "" : `\n${said}`;
  if (end.signal !== undefined) {
    const text = `${program} was ended by ${end.signal}${tail}`;
    return new HandlerFailure("lost", text, { retryable: true });
  }
  return new HandlerFailure(
    "request_rejected",
    `${program} ended with exit code ${end.code}${tail}`,
  );
}

function tell(
  globals: GlobalOptions,
  context: CliContext,
  news: { readonly job: Job; readonly outcome: string },
): void {
  const { job_id, job_type, attempt } = news.job;
  if (globals.json) {
    const { outcome } = news;
    context.terminal.line(JSON.stringify({ job_id, job_type, attempt, outcome }));
  } else {
    context.terminal.note(`${job_id}  ${job_type}  attempt ${attempt}  ${news.outcome}`);
  }
}

function tellError(error: unknown, job: Job | undefined, context: CliContext): void {
  const about = job === undefined ? "" : `${job.job_id}: `;
  context.terminal.note(`(${about}${messageOf(error)})`);
}
