/** POST /v1/jobs/cancel and /v1/jobs/{job_id}/cancel. */
import type { CancelInput, Cancelled } from "../engine/engine.ts";
import { checkBody } from "./body-shapes.ts";
import { type Answer, actorOf, type Call, json, refuse } from "./call.ts";
import { problemOf } from "./errors.ts";
import { invalidField, readRequestId } from "./fields.ts";
import { projectionState, queueJob } from "./views.ts";

export function cancelJob(call: Call): Promise<Answer> {
  const given = checkBody("cancel", call.body);
  if (given.job_id === undefined || given.job_id === "") {
    throw invalidField("job_id", "job_id is required");
  }
  return cancel(call, given.job_id);
}

export function cancelJobByPath(call: Call): Promise<Answer> {
  const given = checkBody("cancel", call.body);
  const jobId = call.params["job_id"] ?? "";
  if (given.job_id !== undefined && given.job_id !== "" && given.job_id !== jobId) {
    throw invalidField("job_id", "job_id does not match path");
  }
  return cancel(call, jobId);
}

async function cancel(call: Call, jobId: string): Promise<Answer> {
  const { engine } = call.surface;
  const given = checkBody("cancel", call.body);
  const requestId = readRequestId(given.request_id);
  const input: CancelInput = {
    job_id: jobId,
    ...(requestId === undefined ? {} : { request_id: requestId }),
    ...(given.reason === undefined ? {} : { reason: given.reason }),
    actor: actorOf(call),
  };
  const result = await engine.cancel(input);
  if (!result.ok) return refuse(problemOf(result.error));
  return json(202, {
    cancelled: result.value.job.status === "cancelled",
    outcome: outcomeOf(result.value),
    job: queueJob(result.value.job),
    ...projectionState(engine.health()),
  });
}

/** The contract's outcome: what this request did, or how the job had ended before it. */
function outcomeOf({ job, changed }: Cancelled): string {
  return changed ? "cancelled" : `already_terminal_${job.status}`;
}
