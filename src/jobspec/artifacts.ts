/** Bodies that jobs made: PUT by whoever holds the job, GET by anybody with a token. */
import { Fault } from "../errors/fault.ts";
import { bodyPieces, readBody } from "../http/body.ts";
import { sendBytes } from "../http/reply.ts";
import type { ArtifactRef, JobState } from "../kernel/job/state.ts";
import { type Answer, type Call, json, refuse } from "./call.ts";
import { invalidField, plainId } from "./fields.ts";

export async function getArtifact(call: Call): Promise<Answer> {
  const { engine } = call.surface;
  const job = await findJob(call);
  if (job === undefined) return noJob();
  const ref = ownRef(job, call.params["name"] ?? "");
  const body = ref === undefined ? undefined : await engine.getBlob(ref);
  if (ref === undefined || body === undefined) {
    return refuse({ code: "artifact_not_found", message: "artifact not found" });
  }
  sendBytes(call.response, body, {
    "content-type": "application/octet-stream",
    // What an agent wrote is data: no browser may take it for a page of ours.
    "x-content-type-options": "nosniff",
    "content-disposition": "attachment",
    etag: `"${ref.sha256}"`,
  });
  return undefined;
}

/** Stores the raw body; the reference joins the job with the call that names it. */
export async function putArtifact(call: Call): Promise<Answer> {
  const { engine, http } = call.surface;
  const job = await findJob(call);
  if (job === undefined) return noJob();
  const name = plainId("name", call.params["name"] ?? "");
  if (name === "") throw invalidField("name", "the artifact's name is empty");
  const refused = refuseHolder(call, job);
  if (refused !== undefined) return refused;
  const { artifactBytesMax } = http;
  const announced = Number(call.request.headers["content-length"]);
  if (announced > artifactBytesMax) {
    call.request.resume();
    throw new Fault("body_too_large", "artifact exceeds MaxArtifactBytes", {
      details: { max_bytes: artifactBytesMax, got_bytes: announced },
    });
  }
  // A body of known size that fits one buffer is read whole; others flow through.
  const small = announced <= http.bodyBytesMax;
  const body = small ? await readBody(call.request, http.bodyBytesMax) : bodyPieces(call.request);
  return json(200, await engine.putBlob(body, artifactBytesMax));
}

/** Nobody but the holder of a live claim may add to a job. */
function refuseHolder(call: Call, job: JobState): Answer {
  const { headers } = call.request;
  const token = headers["keelson-claim-token"];
  const epoch = Number(headers["keelson-lease-epoch"]);
  if (job.result_status !== undefined) {
    return refuse({ code: "job_terminal", message: `job is already ${job.status}` });
  }
  if (job.claim_token !== token || job.lease_epoch !== epoch) {
    return refuse({ code: "claim_mismatch", message: "claim token or lease epoch mismatch" });
  }
  if (job.status !== "running") return refuse({ code: "lease_expired", message: "lease expired" });
  return undefined;
}

function ownRef(job: JobState, name: string): ArtifactRef | undefined {
  const refs = job.artifact_refs;
  return refs !== undefined && Object.hasOwn(refs, name) ? refs[name] : undefined;
}

function findJob(call: Call): Promise<JobState | undefined> {
  return call.surface.engine.job(call.params["job_id"] ?? "");
}

function noJob(): Answer {
  return refuse({ code: "job_not_found", message: "daemon queue: job not found" });
}
