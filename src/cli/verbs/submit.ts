import { readFileSync } from "node:fs";
import type { Client, Job, Submitted } from "@keelson/client";
import { messageOf } from "../../errors/fault.ts";
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { connect } from "../connection.ts";
import type { CliContext, GlobalOptions, VerbHost } from "../context.ts";
import { CliFailure, EXIT, type ExitCode } from "../exit.ts";
import { jobLines, paintStatus } from "../job-view.ts";
import { waiting } from "../progress.ts";
import { withoutWorkerLines } from "../readiness.ts";
import { waitForEnd } from "../wait.ts";

interface SubmitOptions {
  readonly payload?: string;
  readonly goal?: string;
  readonly jobId?: string;
  readonly key?: string;
  readonly requestId?: string;
  readonly wait?: boolean;
}

export function addSubmit(host: VerbHost): void {
  const { context } = host;
  host
    .verb("submit <type>", "Submit a job. It is on disk when this answers.", [
      ["submit openclaw.snapshot --wait", "a job that needs no worker; waits for its end"],
      ['submit rpi.run --goal "fix the flaky test"', "the goal becomes the payload's `goal`"],
      [
        "submit wiki.forge --payload @forge.json --key forge-42",
        "safe to repeat: one key, one job",
      ],
      ["submit rpi.run --payload @- < job.json", "payload from standard input"],
    ])
    .option("--payload <json>", "the payload: a JSON object, @FILE, or @- for standard input")
    .option("--goal <text>", "short for a payload with this `goal`")
    .option("--job-id <id>", "an id of your own")
    .option("--key <key>", "idempotency key: submitting it again gives the same job")
    .option("--request-id <id>", "correlates this request in the ledger")
    .option("--wait", "wait for the job's end; exit code 1 when it failed or was cancelled")
    .action(
      host.run(async (globals: GlobalOptions, type: string, options: SubmitOptions) => {
        const payload = await readPayload(options, context);
        const client = await connect(globals, context);
        const answer = await client.submit({
          job_type: type,
          payload,
          job_id: options.jobId,
          idempotency_key: options.key,
          request_id: options.requestId,
        });
        if (options.wait === true) return submitAndWait(client, answer, globals, context);
        if (globals.json) context.terminal.line(JSON.stringify(answer));
        else await tellAccepted(client, answer, context);
        return EXIT.ok;
      }),
    );
}

async function submitAndWait(
  client: Client,
  answer: Submitted,
  globals: GlobalOptions,
  context: CliContext,
): Promise<ExitCode> {
  if (!globals.json) await tellAccepted(client, answer, context);
  const busy = waiting(context.terminal, `waiting for ${answer.job_id}`);
  let job: Job | undefined;
  try {
    job = await waitForEnd(client, answer.job_id);
  } finally {
    busy.end();
  }
  if (job === undefined) return EXIT.negative;
  if (globals.json) context.terminal.line(JSON.stringify(job));
  else for (const line of jobLines(job, context.terminal, Date.now())) context.terminal.line(line);
  return job.status === "completed" ? EXIT.ok : EXIT.negative;
}

async function tellAccepted(client: Client, answer: Submitted, context: CliContext): Promise<void> {
  const { terminal, self } = context;
  terminal.line(`accepted ${answer.job_id} (${paintStatus(terminal, answer.status)})`);
  if (answer.mismatch) {
    terminal.note("note: this id or key belongs to an earlier job that differs; that job is shown");
  }
  for (const reason of answer.degraded_reasons ?? []) terminal.note(`note: ${reason}`);
  const { queued_without_worker: waitingTypes = {} } = await client.ready();
  const job = await client.job(answer.job_id);
  const queued = waitingTypes[job.job_type];
  if (job.status === "queued" && queued !== undefined) {
    for (const line of withoutWorkerLines({ [job.job_type]: queued }, context)) terminal.note(line);
  }
  terminal.note(`follow it: ${self} job ${answer.job_id}`);
}

/** The payload of `--payload` and `--goal` together; undefined when neither was given. */
export async function readPayload(
  options: Pick<SubmitOptions, "payload" | "goal">,
  context: Pick<CliContext, "readInput">,
): Promise<JsonObject | undefined> {
  const { payload, goal } = options;
  if (payload === undefined) return goal === undefined ? undefined : { goal };
  const object = parsePayload(await payloadText(payload, context));
  return goal === undefined ? object : { ...object, goal };
}

async function payloadText(given: string, context: Pick<CliContext, "readInput">): Promise<string> {
  if (given === "@-") return context.readInput();
  if (!given.startsWith("@")) return given;
  try {
    return readFileSync(given.slice(1), "utf8");
  } catch (cause) {
    throw new CliFailure(EXIT.usage, `cannot read the payload: ${messageOf(cause)}`, { cause });
  }
}

function parsePayload(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CliFailure(EXIT.usage, `the payload is not JSON: ${messageOf(cause)}`, {
      cause,
      hints: [`In a shell, quote it: --payload '{"goal":"…"}'. A file: --payload @FILE.`],
    });
  }
  if (isJsonObject(value)) return value;
  throw new CliFailure(EXIT.usage, 'the payload must be a JSON object, such as {"goal": "…"}');
}
