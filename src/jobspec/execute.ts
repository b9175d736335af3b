/** Work outside the process: claim, heartbeat, complete, fail, release (extensions.md). */
import type { Answer as EngineAnswer, HoldInput } from "../engine/engine.ts";
import { invariant } from "../errors/invariant.ts";
import type { Rejection } from "../errors/rejection.ts";
import type { JobState } from "../kernel/job/state.ts";
import { sanitiseId } from "../lib/ids.ts";
import type { Result } from "../lib/result.ts";
import { type Bodies, checkBody, type HoldBody } from "./body-shapes.ts";
import { type Answer, actorOf, type Call, json, refuse } from "./call.ts";
import { problemBody, problemOf } from "./errors.ts";
import { invalidField, plainId, readJobType } from "./fields.ts";
import { queueJob } from "./views.ts";

/** A lease should see this many heartbeats before it lapses. */
const BEATS_PER_LEASE = 4;

export async function claimJobs(call: Call): Promise<Answer> {
  const { engine, limits, streams } = call.surface;
  const given = checkBody("claim", call.body);
  const types = given.types.map(readJobType);
  const actor = workerActor(call, given.worker);
  const { signal, done } = streams.open(call.response, "claim");
  try {
    const jobs = await engine.claim({
      types,
      max: given.max ?? 1,
      waitMs: given.wait_ms ?? 0,
      ...(given.lease_ms === undefined ? {} : { leaseMs: given.lease_ms }),
      actor,
      signal,
    });
    if (call.response.destroyed) return await handBack(call, jobs, actor);
    const leaseMs = given.lease_ms ?? limits.leaseMs;
    const heartbeatMs = Math.min(limits.heartbeatMs, Math.floor(leaseMs / BEATS_PER_LEASE));
    return json(200, { jobs: jobs.map(queueJob), lease_ms: leaseMs, heartbeat_ms: heartbeatMs });
  } finally {
    done();
  }
}

/** The claimer left while its claim was being written: the jobs go back, with their attempts. */
async function handBack(call: Call, jobs: readonly JobState[], actor: string): Promise<Answer> {
  await Promise.all(
    jobs.map((job) =>
      call.surface.engine.release({
        job_id: job.job_id,
        claim_token: job.claim_token ?? "",
        lease_epoch: job.lease_epoch,
        refundAttempt: true,
        actor,
      }),
    ),
  );
  return undefined;
}

export function heartbeatJob(call: Call): Promise<Answer> {
  const given = checkBody("heartbeat", call.body);
  const leaseMs = given.lease_ms;
  return answerJob(
    call.surface.engine.heartbeat({
      ...holdOf(call, given),
      ...(leaseMs === undefined ? {} : { leaseMs }),
    }),
  );
}

export function completeJob(call: Call): Promise<Answer> {
  const given = checkBody("complete", call.body);
  return answerJob(call.surface.engine.complete(holdOf(call, given)));
}

export function failJob(call: Call): Promise<Answer> {
  const given = checkBody("fail", call.body);
  const { failure } = given;
  return answerJob(call.surface.engine.fail({ ...holdOf(call, given), failure }));
}

export function releaseJob(call: Call): Promise<Answer> {
  const given = checkBody("release", call.body);
  const { failure } = given;
  return answerJob(
    call.surface.engine.release({
      ...holdOf(call, given),
      refundAttempt: given.refund_attempt ?? true,
      ...(failure === undefined ? {} : { failure }),
    }),
  );
}

/** Many completions in one commit, each judged on its own. */
export async function completeBatch(call: Call): Promise<Answer> {
  const { jobs } = checkBody("completeMany", call.body);
  const holds = jobs.map((job) => ({ ...holdOf(call, job), job_id: job.job_id }));
  const settled = await call.surface.engine.completeMany(holds);
  invariant(settled.length === holds.length, "the engine answers every completion of a batch");
  return json(200, { results: settled.map((result, i) => completion(jobs[i]?.job_id, result)) });
}

function completion(jobId: string | undefined, result: Result<JobState, Rejection>): object {
  return result.ok
    ? { job_id: jobId, ok: true, status: result.value.status }
    : { ...problemBody(problemOf(result.error)), job_id: jobId, ok: false };
}

async function answerJob(answer: EngineAnswer<JobState>): Promise<Answer> {
  const result = await answer;
  return result.ok ? json(200, { job: queueJob(result.value) }) : refuse(problemOf(result.error));
}

/** The holder's proof and products; only known fields pass on to the ledger. */
function holdOf(call: Call, given: HoldBody | Bodies["fail"]): HoldInput {
  const { claim_token, lease_epoch, artifacts, artifact_refs } = given;
  for (const name of Object.keys({ ...artifacts, ...artifact_refs })) {
    plainId("artifact name", name);
    if (name === "") throw invalidField("artifacts", "an artifact's name is empty");
  }
  return {
    job_id: call.params["job_id"] ?? "",
    claim_token,
    lease_epoch,
    ...(artifacts === undefined ? {} : { artifacts }),
    ...(artifact_refs === undefined ? {} : { artifact_refs }),
    actor: actorOf(call),
  };
}

/** The caller's actor, with the worker's own name when it gives one. */
function workerActor(call: Call, worker: string | undefined): string {
  return worker === undefined ? actorOf(call) : `${actorOf(call)}:${sanitiseId(worker)}`;
}
