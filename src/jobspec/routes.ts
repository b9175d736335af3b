/** The route table. Policy, 405 answers, router and OpenAPI are all derived from these rows. */
import { getArtifact, putArtifact } from "./artifacts.ts";
import { submitBatch } from "./batch.ts";
import { cancelJob, cancelJobByPath } from "./cancel.ts";
import { getEvents } from "./events.ts";
import {
  claimJobs,
  completeBatch,
  completeJob,
  failJob,
  heartbeatJob,
  releaseJob,
} from "./execute.ts";
import { getJob, listJobs } from "./jobs.ts";
import { getMetrics, METRICS_TYPE } from "./metrics.ts";
import { getOpenClawHealth, getOpenClawList, getOpenClawSnapshot, triggerJob } from "./openclaw.ts";
import { operation } from "./operate.ts";
import { getHealth, getReady, probeHealth, probeReady } from "./ready.ts";
import type { QueryParameter, Route } from "./route.ts";
import { getStatus } from "./status.ts";
import { submitJob } from "./submit.ts";

const MUTATION_ERRORS = [400, 403, 405, 503, 500] as const;
const READ_ERRORS = [405, 500] as const;
const HELD_ERRORS = [404, 409] as const;

function parameter(
  name: string,
  description: string,
  type: QueryParameter["type"] = "string",
): QueryParameter {
  return { name, type, description };
}

const CURSOR = parameter("cursor", "`next_cursor` of the page before.");
const LIMIT = parameter("limit", "Jobs per page, 1 to 1000.", "integer");

const READS: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/health",
    alias: "/health",
    operationId: "getDaemonHealth",
    tag: "Readiness",
    summary: "Says that the daemon answers.",
    success: { status: 200, schema: "HealthResponse" },
    contract: [405],
    storeless: true,
    probe: probeHealth,
    handle: getHealth,
  },
  {
    method: "GET",
    path: "/v1/ready",
    alias: "/ready",
    operationId: "getDaemonReady",
    tag: "Readiness",
    summary: "Says whether the ledger is sound and the projections follow it.",
    success: { status: 200, schema: "ReadyResponse" },
    contract: READ_ERRORS,
    probe: probeReady,
    handle: getReady,
  },
  {
    method: "GET",
    path: "/v1/status",
    alias: "/status",
    operationId: "getDaemonStatus",
    tag: "Readiness",
    summary: "The queue and all projections at one instant; in pages when `limit` is given.",
    query: [CURSOR, LIMIT],
    success: { status: 200, schema: "StatusResponse" },
    contract: READ_ERRORS,
    handle: getStatus,
  },
  {
    method: "GET",
    path: "/v1/events",
    alias: "/events",
    operationId: "listDaemonEvents",
    tag: "Events",
    summary: "The ledger's events in order; a live stream for `Accept: text/event-stream`.",
    query: [
      parameter("since", "Only events after this id; `latest` starts a stream at the head."),
      parameter("after_id", "The same, used when `since` is absent."),
      parameter("limit", "At most so many events, capped at 1000; absent means all.", "integer"),
      parameter("types", "Event types a stream keeps, separated by commas; absent means all."),
      parameter("job", "Only events of this job."),
      parameter("last", "Only the newest so many, at most 1000; instead of a cursor.", "integer"),
    ],
    success: { status: 200, schema: "EventsResponse" },
    contract: READ_ERRORS,
    handle: getEvents,
  },
];

const MUTATIONS: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/jobs",
    alias: "/jobs",
    operationId: "submitJob",
    tag: "Jobs",
    summary: "Submits a job; answered once its event is durable.",
    needs: "submit_job",
    body: "json",
    request: "SubmitJobRequest",
    success: { status: 202, schema: "SubmitJobResponse" },
    contract: MUTATION_ERRORS,
    handle: submitJob,
  },
  {
    method: "POST",
    path: "/v1/jobs/cancel",
    alias: "/jobs/cancel",
    operationId: "cancelJob",
    tag: "Jobs",
    summary: "Cancels a job that has not ended.",
    needs: "cancel_job",
    body: "json",
    request: "CancelJobRequest",
    success: { status: 202, schema: "CancelJobResponse" },
    contract: MUTATION_ERRORS,
    errors: [404],
    handle: cancelJob,
  },
];

const OPENCLAW: readonly Route[] = [
  {
    method: "GET",
    path: "/openclaw/v1/health",
    operationId: "getOpenClawHealth",
    tag: "OpenClaw",
    summary: "Health of the consumer snapshot.",
    success: { status: 200, schema: "OpenClawHealthResponse" },
    contract: READ_ERRORS,
    handle: getOpenClawHealth,
  },
  {
    method: "GET",
    path: "/openclaw/v1/snapshot/latest",
    operationId: "getOpenClawSnapshotLatest",
    tag: "OpenClaw",
    summary: "The consumer snapshot of this instant.",
    success: { status: 200, schema: "OpenClawConsumerSnapshot" },
    contract: READ_ERRORS,
    handle: getOpenClawSnapshot,
  },
  openClawList("runs", "listOpenClawRuns"),
  openClawList("jobs", "listOpenClawJobs"),
  openClawList("wiki", "listOpenClawWiki"),
  {
    method: "POST",
    path: "/openclaw/v1/triggers/jobs",
    operationId: "triggerOpenClawJob",
    tag: "OpenClaw",
    summary: "Submits a job of one of the four safe types, when the daemon is ready.",
    needs: "openclaw_trigger",
    gate: "ready",
    body: "json",
    request: "OpenClawTriggerJobRequest",
    success: { status: 202, schema: "OpenClawTriggerJobResponse" },
    contract: MUTATION_ERRORS,
    handle: triggerJob,
  },
];

function openClawList(name: "runs" | "jobs" | "wiki", operationId: string): Route {
  return {
    method: "GET",
    path: `/openclaw/v1/${name}`,
    operationId,
    tag: "OpenClaw",
    summary: `The consumer's ${name}.`,
    success: { status: 200, schema: `OpenClawList:${name}` },
    contract: READ_ERRORS,
    handle: getOpenClawList(name),
  };
}

const JOB_EXTENSIONS: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/jobs",
    operationId: "listJobs",
    tag: "Jobs",
    summary: "Jobs in pages, filtered by status and type.",
    query: [
      parameter("status", "Only jobs in these states; repeats or takes commas."),
      parameter("type", "Only jobs of these types; repeats or takes commas."),
      CURSOR,
      LIMIT,
      parameter("order", "`asc` (default) or `desc` by acceptance."),
    ],
    success: { status: 200, schema: "JobListResponse" },
    handle: listJobs,
  },
  {
    method: "GET",
    path: "/v1/jobs/{job_id}",
    operationId: "getJob",
    tag: "Jobs",
    summary: "One job.",
    success: { status: 200, schema: "AnyJobState" },
    errors: [404],
    handle: getJob,
  },
  {
    method: "POST",
    path: "/v1/jobs/{job_id}/cancel",
    operationId: "cancelJobByPath",
    tag: "Jobs",
    summary: "Cancels the job named in the path; the body may be empty.",
    needs: "cancel_job",
    body: "optional-json",
    request: "PathCancelRequest",
    success: { status: 202, schema: "CancelJobResponse" },
    errors: [404],
    handle: cancelJobByPath,
  },
  {
    method: "POST",
    path: "/v1/jobs:batch",
    operationId: "submitJobBatch",
    tag: "Jobs",
    summary: "Submits up to 1000 jobs in one commit, each judged on its own.",
    needs: "submit_job",
    body: "json",
    request: "BatchSubmitRequest",
    success: { status: 202, schema: "BatchSubmitResponse" },
    handle: submitBatch,
  },
  {
    method: "GET",
    path: "/v1/jobs/{job_id}/artifacts/{name}",
    operationId: "getJobArtifact",
    tag: "Jobs",
    summary: "The bytes of an artifact.",
    needs: "any",
    success: { status: 200 },
    errors: [404, 500],
    handle: getArtifact,
  },
];

const EXECUTION: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/jobs/claim",
    operationId: "claimJobs",
    tag: "Execution",
    summary: "Takes jobs under leases; waits for work when asked to.",
    needs: "execute_job",
    body: "json",
    request: "ClaimRequest",
    success: { status: 200, schema: "ClaimResponse" },
    handle: claimJobs,
  },
  held("heartbeat", "HeartbeatRequest", "Extends a lease.", heartbeatJob),
  held("complete", "CompleteRequest", "Ends a held job well.", completeJob),
  held("fail", "FailRequest", "Ends a held job badly.", failJob),
  held("release", "ReleaseRequest", "Hands a held job back.", releaseJob),
  {
    method: "POST",
    path: "/v1/jobs:complete",
    operationId: "completeJobBatch",
    tag: "Execution",
    summary: "Completes up to 256 held jobs in one commit.",
    needs: "execute_job",
    body: "json",
    request: "BatchCompleteRequest",
    success: { status: 200, schema: "BatchCompleteResponse" },
    handle: completeBatch,
  },
  {
    method: "PUT",
    path: "/v1/jobs/{job_id}/artifacts/{name}",
    operationId: "putJobArtifact",
    tag: "Execution",
    summary: "Stores an artifact's bytes for the job's holder.",
    needs: "execute_job",
    body: "raw",
    success: { status: 200, schema: "ArtifactRef" },
    errors: HELD_ERRORS,
    handle: putArtifact,
  },
];

function held(verb: string, request: string, summary: string, handle: Route["handle"]): Route {
  return {
    method: "POST",
    path: `/v1/jobs/{job_id}/${verb}`,
    operationId: `${verb}Job`,
    tag: "Execution",
    summary,
    needs: "execute_job",
    body: "json",
    request,
    success: { status: 200, schema: "JobResponse" },
    errors: HELD_ERRORS,
    handle,
  };
}

const OPERATION: readonly Route[] = [
  {
    method: "GET",
    path: "/metrics",
    operationId: "getMetrics",
    tag: "Operation",
    summary: "What happens here, in the text format of Prometheus.",
    success: { status: 200, content: METRICS_TYPE },
    storeless: true,
    handle: getMetrics,
  },
  operating("rebuild", "RebuildResponse", "Folds the ledger into fresh projections."),
  operating("verify", "VerifyResponse", "Compares every read model with a fresh fold."),
  operating("repair", "RepairResponse", "Moves broken lines to quarantine."),
  {
    method: "GET",
    path: "/v1/openapi.json",
    operationId: "getOpenApi",
    tag: "Operation",
    summary: "This document.",
    success: { status: 200, schema: "OpenApiDocument" },
    storeless: true,
    handle: ({ surface }) => ({ status: 200, text: surface.openapi() }),
  },
];

function operating(verb: "rebuild" | "verify" | "repair", schema: string, summary: string): Route {
  return {
    method: "POST",
    path: `/v1/${verb}`,
    operationId: `${verb}Ledger`,
    tag: "Operation",
    summary,
    needs: "admin",
    body: "optional-json",
    success: { status: 200, schema },
    handle: operation(verb),
  };
}

export const ROUTES: readonly Route[] = [
  ...READS,
  ...MUTATIONS,
  ...OPENCLAW,
  ...JOB_EXTENSIONS,
  ...EXECUTION,
  ...OPERATION,
];
