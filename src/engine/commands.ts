/** The work items of the commit loop, one maker per kind of request. */
import type { Rejection } from "../errors/rejection.ts";
import { type JobCommand, type SubmitJob } from "../kernel/job/decide.ts";
import { isClaimable } from "../kernel/job/lease.ts";
import { type ProjectionNote, projectionDraft } from "../kernel/job/projection.ts";
import type { JobState } from "../kernel/job/state.ts";
import { jsonEqual } from "../lib/json.ts";
import { err, ok, type Result } from "../lib/result.ts";
import type { Settle, Work } from "./commit-loop.ts";
import type { Cancelled, SubmitInput, Submitted } from "./engine.ts";
import type { Workspace } from "./workspace.ts";

type Done<T> = (value: T) => void;
type Refuse = (reason: unknown) => void;

/** Names and times that a decision may not make up itself. */
export interface Stamps {
  now(): number;
  suffix(): string;
  claimToken(): string;
}

/** A submit, or the earlier job that has the same id or key (digest §10). */
function decideSubmit(
  workspace: Workspace,
  input: SubmitInput,
  command: SubmitJob,
): Result<Submitted, Rejection> {
  const byId = input.job_id === undefined ? undefined : workspace.job(command.job_id);
  const key = input.idempotency_key;
  const byKey = key === undefined ? undefined : workspace.jobWithKey(key);
  const existing = earlier(byId, byKey);
  if (existing !== undefined) {
    return ok({ job: existing, created: false, mismatch: !isSameSubmit(input, existing) });
  }
  const outcome = workspace.run(command);
  if (!outcome.ok) return outcome;
  const { job } = outcome.value;
  if (job === undefined) throw new TypeError("an accepted job must exist");
  return ok({ job, created: true, mismatch: false });
}

export function submitWork(
  submits: readonly { readonly input: SubmitInput; readonly command: SubmitJob }[],
  done: Done<readonly Result<Submitted, Rejection>[]>,
  refuse: Refuse,
): Work {
  return {
    needs(needs) {
      for (const { input } of submits) {
        if (input.job_id !== undefined) needs.job(input.job_id);
        if (input.idempotency_key !== undefined) needs.key(input.idempotency_key);
      }
    },
    decide(workspace): Settle {
      const results = submits.map(({ input, command }) => decideSubmit(workspace, input, command));
      return () => done(results);
    },
    refuse,
  };
}

/** Any command about one job that exists. */
export function jobWork(
  command: JobCommand,
  done: Done<Result<Cancelled, Rejection>>,
  refuse: Refuse,
): Work {
  return {
    needs: (needs) => needs.job(command.job_id),
    decide(workspace): Settle {
      const outcome = workspace.run(command);
      const result = outcome.ok ? asChanged(outcome.value) : err(outcome.error);
      return () => done(result);
    },
    refuse,
  };
}

/** Several commands in one commit, each judged on its own. */
export function jobsWork(
  commands: readonly JobCommand[],
  done: Done<readonly Result<Cancelled, Rejection>[]>,
  refuse: Refuse,
): Work {
  return {
    needs: (needs) => commands.forEach((command) => needs.job(command.job_id)),
    decide(workspace): Settle {
      const results = commands.map((command) => {
        const outcome = workspace.run(command);
        return outcome.ok ? asChanged(outcome.value) : err(outcome.error);
      });
      return () => done(results);
    },
    refuse,
  };
}

export interface ClaimWork {
  readonly types: readonly string[];
  readonly max: number;
  readonly leaseMs: number;
  readonly actor: string;
  readonly stamps: Stamps;
}

/** Takes the oldest claimable jobs. */
export function claimWork(claim: ClaimWork, done: Done<readonly JobState[]>, refuse: Refuse): Work {
  let request = 0;
  return {
    needs(needs) {
      request = needs.claim(claim.types, claim.max);
    },
    decide(workspace): Settle {
      const claimed: JobState[] = [];
      const now = claim.stamps.now();
      for (const candidate of workspace.claimable(request)) {
        if (claimed.length === claim.max) break;
        if (!isClaimable(workspace.job(candidate.job_id) ?? candidate)) continue;
        const outcome = workspace.run(
          {
            kind: "claim",
            job_id: candidate.job_id,
            claim_token: claim.stamps.claimToken(),
            lease_ms: claim.leaseMs,
            actor: claim.actor,
            now,
          },
          candidate,
        );
        if (outcome.ok && outcome.value.job !== undefined) claimed.push(outcome.value.job);
      }
      return () => done(claimed);
    },
    refuse,
  };
}

/** Records every lapsed lease, and ends jobs that have no attempts left. */
export function sweepWork(now: number, actor: string, done: Done<void>, refuse: Refuse): Work {
  return {
    needs: (needs) => needs.lapsed(now),
    decide(workspace): Settle {
      for (const job of workspace.lapsed) {
        workspace.run({ kind: "expire", job_id: job.job_id, actor, now }, job);
      }
      return () => done();
    },
    refuse,
  };
}

/** Records something about the read models as a whole. */
export function noteWork(note: ProjectionNote, done: Done<void>, refuse: Refuse): Work {
  return {
    needs: () => undefined,
    decide(workspace): Settle {
      workspace.append(projectionDraft(note));
      return () => done();
    },
    refuse,
  };
}

/** When id and key name two jobs, the one that came first wins (digest §25, S2). */
function earlier(left: JobState | undefined, right: JobState | undefined): JobState | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return left.seq <= right.seq ? left : right;
}

function isSameSubmit(input: SubmitInput, job: JobState): boolean {
  return (
    input.job_type === job.job_type &&
    (input.job_id ?? job.job_id) === job.job_id &&
    (input.idempotency_key ?? job.idempotency_key) === job.idempotency_key &&
    jsonEqual(input.payload ?? {}, job.payload ?? {})
  );
}

function asChanged(outcome: {
  readonly job: JobState | undefined;
  readonly changed: boolean;
}): Result<Cancelled, Rejection> {
  if (outcome.job === undefined) throw new TypeError("a decided job must exist");
  return ok({ job: outcome.job, changed: outcome.changed });
}
