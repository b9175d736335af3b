import type { ArtifactRef, Client, Job, JobEvent } from "@keelson/client";
import { connect } from "../connection.ts";
import type { CliContext, GlobalOptions, VerbHost } from "../context.ts";
import { CliFailure, EXIT, type ExitCode } from "../exit.ts";
import { plural } from "../format.ts";
import { eventLine, jobLines } from "../job-view.ts";

interface JobOptions {
  readonly transcript?: boolean;
  readonly artifact?: string;
}

export function addJob(host: VerbHost): void {
  const { context } = host;
  host
    .verb(
      "job <id>",
      "Show one job: state, attempts, lease, failure with a hint, artifacts, events.",
      [
        ["job job_01", "everything about it"],
        ["job job_01 --transcript", "what its newest attempt said"],
        ["job job_01 --artifact report > report.md", "the bytes of one artifact"],
      ],
    )
    .option("--transcript", "print the newest transcript and nothing else")
    .option("--artifact <name>", "print this artifact's bytes and nothing else")
    .action(
      host.run(async (globals: GlobalOptions, id: string, options: JobOptions) => {
        const client = await connect(globals, context);
        const job = await client.job(id);
        const name = options.transcript === true ? transcriptOf(job) : options.artifact;
        if (name !== undefined) return printArtifact(client, job, name, context);
        const events = await eventsOf(client, job);
        if (globals.json) context.terminal.line(JSON.stringify({ ...job, events }));
        else show(job, events, context);
        return EXIT.ok;
      }),
    );
}

function show(job: Job, events: readonly JobEvent[], context: CliContext): void {
  const { terminal, self } = context;
  for (const line of jobLines(job, terminal, Date.now())) terminal.line(line);
  terminal.line();
  terminal.line(`  ${plural(events.length, "event")}`);
  for (const event of events) terminal.line(`    ${eventLine(event, terminal)}`);
  if (newestTranscript(job) !== undefined) {
    terminal.note(`\n  what it said: ${self} job ${job.job_id} --transcript`);
  }
}

/** Events of the job. A daemon that does not know the filter sends all, of which most are passed over. */
async function eventsOf(client: Client, job: Job): Promise<readonly JobEvent[]> {
  const events: JobEvent[] = [];
  for await (const event of client.events({ job: job.job_id })) {
    if (event.job_id === job.job_id) events.push(event);
    if (event.event_id === job.last_event_id) break;
  }
  return events;
}

function transcriptOf(job: Job): string {
  const name = newestTranscript(job);
  if (name !== undefined) return name;
  throw new CliFailure(EXIT.negative, `${job.job_id} has no transcript`, {
    hints: [`Its artifacts: ${Object.keys(job.artifact_refs ?? {}).join(", ") || "none"}.`],
  });
}

/** `transcript` is kept at the newest attempt's; otherwise the transcript written last. */
export function newestTranscript(job: Pick<Job, "artifact_refs">): string | undefined {
  const refs = job.artifact_refs ?? {};
  if (Object.hasOwn(refs, "transcript")) return "transcript";
  const written = ([, ref]: [string, ArtifactRef]): number => Date.parse(ref.written_at);
  return Object.entries(refs)
    .filter(([name]) => /transcript|^log$/.test(name))
    .toSorted((first, second) => written(second) - written(first))[0]?.[0];
}

async function printArtifact(
  client: Client,
  job: Job,
  name: string,
  context: CliContext,
): Promise<ExitCode> {
  context.terminal.raw(await client.getArtifact(job.job_id, name));
  return EXIT.ok;
}
