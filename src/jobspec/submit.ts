/** POST /v1/jobs: one job, accepted once its event is durable. */
import type { SubmitInput, Submitted } from "../engine/engine.ts";
import type { JsonObject } from "../lib/json.ts";
import { checkBody } from "./body-shapes.ts";
import { type Answer, actorOf, type Call, json, refuse } from "./call.ts";
import { problemOf } from "./errors.ts";
import { readIdempotencyKey, readJobId, readJobType, readRequestId } from "./fields.ts";
import { projectionState } from "./views.ts";

/** Set when the answer is an earlier job that differs from this request. */
const MISMATCH_HEADERS = { "keelson-idempotency-mismatch": "true" } as const;

/** Reads one submit, in the contract's order of checks (digest §5.1). */
export function readSubmit(body: JsonObject, actor: string): SubmitInput {
  const given = checkBody("submit", body);
  const idempotencyKey = readIdempotencyKey(given.idempotency_key);
  const jobType = readJobType(given.job_type);
  const jobId = readJobId(given.job_id);
  const requestId = readRequestId(given.request_id);
  return {
    job_type: jobType,
    ...(jobId === undefined ? {} : { job_id: jobId }),
    ...(requestId === undefined ? {} : { request_id: requestId }),
    ...(idempotencyKey === undefined ? {} : { idempotency_key: idempotencyKey }),
    ...(given.payload === undefined ? {} : { payload: given.payload }),
    actor,
  };
}

export async function submitJob(call: Call): Promise<Answer> {
  const { engine } = call.surface;
  const result = await engine.submit(readSubmit(call.body, actorOf(call)));
  if (!result.ok) return refuse(problemOf(result.error));
  const state = projectionState(engine.health());
  return json(202, accepted(result.value, state), mismatchHeaders([result.value]));
}

/** The contract's answer: it describes the stored job, also when an earlier submit made it. */
export function accepted(submitted: Submitted, state: JsonObject): JsonObject {
  const { job } = submitted;
  return {
    accepted: true,
    request_id: job.request_id,
    job_id: job.job_id,
    status: job.status,
    last_event_id: job.last_event_id,
    ...state,
    ...(job.idempotency_key === undefined ? {} : { idempotency_key: job.idempotency_key }),
  };
}

export function mismatchHeaders(
  submits: readonly Submitted[],
): Readonly<Record<string, string>> | undefined {
  return submits.some((submitted) => submitted.mismatch) ? MISMATCH_HEADERS : undefined;
}
