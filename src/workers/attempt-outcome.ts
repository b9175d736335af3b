/** From the end of a child to what the ledger is told about the attempt. */
import { rm } from "node:fs/promises";
import { basename } from "node:path";
import type { Engine } from "../engine/engine.ts";
import type { WorkProducts } from "../kernel/job/decide.ts";
import type { ArtifactRef } from "../kernel/job/state.ts";
import { collectFiles } from "./artifact-files.ts";
import { type Attempt, removeAttempt } from "./attempt.ts";
import type { Run } from "./attempt-run.ts";
import { removeRecord } from "./child-record.ts";
import { TRANSCRIPT_BYTES_MAX } from "./config-schema.ts";
import type { JobContext, Outcome } from "./executor.ts";
import { type Diagnosis, diagnose } from "./hints.ts";
import { tryPut } from "./orphans.ts";
import type { Output } from "./output.ts";
import { inRoot, type Places } from "./places.ts";
import { failureName, sessionFileIn, transcriptName } from "./previous.ts";
import type { Transcript } from "./transcript.ts";
import type { Worktrees } from "./worktree.ts";

export interface EndedAttempt {
  readonly attempt: Attempt;
  readonly run: Run;
  readonly output: Output;
  readonly transcript: Transcript;
  readonly context: JobContext;
}

export interface OutcomeSources {
  readonly engine: Pick<Engine, "putBlob">;
  readonly places: Places;
  readonly worktrees: Worktrees;
}

type Judgement =
  | { readonly kind: "completed" }
  | { readonly kind: "failed"; readonly diagnosis: Diagnosis }
  | { readonly kind: "drained" }
  | { readonly kind: "lost" };

const HANDED_BACK = "it was handed back: the daemon was shut down while it ran";

export async function outcomeOf(sources: OutcomeSources, ended: EndedAttempt): Promise<Outcome> {
  const judgement = judge(ended);
  const stored =
    judgement.kind === "lost"
      ? { products: {}, settled: settledLost(ended) }
      : await store(sources, ended);
  const { products, settled } = stored;
  const { job, config, worktree } = ended.attempt;
  switch (judgement.kind) {
    case "completed": {
      const named = worktree === undefined ? {} : await sources.worktrees.finish(worktree);
      return { kind: "completed", ...withArtifacts(products, { ...named }), settled };
    }
    case "lost":
      return { kind: "interrupted", refundAttempt: true, settled };
    case "drained": {
      const told = withArtifacts(products, { [failureName(job.attempt)]: HANDED_BACK });
      return { kind: "interrupted", refundAttempt: true, ...told, settled };
    }
    case "failed": {
      const { failure, cause } = judgement.diagnosis;
      const told = withArtifacts(products, {
        [failureName(job.attempt)]: failure.message ?? failure.code,
      });
      return cause !== undefined && config.retry_on.includes(cause)
        ? { kind: "interrupted", refundAttempt: false, failure, ...told, settled }
        : { kind: "failed", failure, ...told, settled };
    }
  }
}

/** An agent that we ended did not finish, even if it said 0 on its way out. */
function judge({ attempt, run, output, transcript, context }: EndedAttempt): Judgement {
  if (run.by === "stopped") return { kind: context.stop()?.why === "drain" ? "drained" : "lost" };
  const { end, sawOomKill } = run;
  const { timeout_s: timeoutS, require_output: requireOutput } = attempt.config;
  const program = basename(attempt.command[0] ?? "");
  if (run.by === "itself" && end.how === "exit" && end.code === 0) {
    const untold = transcript.failure !== undefined || (requireOutput && output.bytes === 0);
    return untold ? untoldEnd(program, transcript.failure) : { kind: "completed" };
  }
  const timedOut = run.by === "timeout" && timeoutS !== undefined;
  const diagnosis = diagnose({
    program,
    end,
    tail: output.tail,
    sawOomKill,
    ...(timedOut ? { timedOutAfterS: timeoutS } : {}),
  });
  return { kind: "failed", diagnosis };
}

/** Exit code 0, but nothing shows what was done. */
function untoldEnd(program: string, failure: string | undefined): Judgement {
  const why =
    failure === undefined
      ? "it said nothing (require_output); some agents end like that when they never started"
      : `its transcript could not be written: ${failure}`;
  const message = `${program}: exit code 0, but ${why}`;
  return {
    kind: "failed",
    diagnosis: {
      failure: { code: "terminal_without_transcript", message, retryable: true },
      cause: "exit",
    },
  };
}

interface Stored {
  readonly products: WorkProducts;
  readonly settled: (isWritten: boolean) => Promise<void>;
}

/** Stores transcript and files as blobs. What cannot be stored stays a file and is named as one. */
async function store({ engine, places }: OutcomeSources, ended: EndedAttempt): Promise<Stored> {
  const { attempt, output, transcript } = ended;
  const { at, job, secrets } = attempt;
  const ref = await tryPut(engine, transcript.path, TRANSCRIPT_BYTES_MAX);
  const files = await collectFiles(engine, at.artifacts, secrets);
  const sessionId = (await sessionFileIn(at.artifacts)) ?? output.sessionId;
  const { skipped } = files;
  return {
    products: {
      artifacts: {
        ...(ref === undefined ? { transcript: inRoot(places, transcript.path) } : {}),
        ...(sessionId === undefined ? {} : { session_id: sessionId }),
        ...(skipped.length === 0 ? {} : { artifacts_skipped: skipped.join("\n") }),
      },
      artifact_refs: { ...files.refs, ...transcriptRefs(job.attempt, ref) },
    },
    async settled(isWritten) {
      if (!isWritten) return settledLost(ended)();
      if (ref !== undefined) await rm(transcript.path, { force: true });
      await removeAttempt(at);
      await removeRecord(at.record);
    },
  };
}

function transcriptRefs(
  attempt: number,
  ref: ArtifactRef | undefined,
): Readonly<Record<string, ArtifactRef>> {
  return ref === undefined ? {} : { transcript: ref, [transcriptName(attempt)]: ref };
}

/** The transcript stays where the heartbeats said it is, and so do the files; the job file goes. */
function settledLost({ attempt }: EndedAttempt): () => Promise<void> {
  return async () => {
    await rm(attempt.at.jobFile, { force: true });
    await removeRecord(attempt.at.record);
  };
}

function withArtifacts(
  products: WorkProducts,
  artifacts: Readonly<Record<string, string>>,
): WorkProducts {
  return { ...products, artifacts: { ...products.artifacts, ...artifacts } };
}
