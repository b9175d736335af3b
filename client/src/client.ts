/**
 * The Keelson client: one object per daemon. It needs nothing but `fetch`, streams and
 * `AbortSignal`, so it runs in Node 20 and later and in browsers.
 */

import type { CompleteResult } from "./completions.ts";
import type {
  ArtifactRef,
  CancelJobRequest,
  ClaimRequest,
  HealthResponse,
  JobListResponse,
  OpenClawConsumerSnapshot,
  OpenClawHealthResponse,
  OpenClawResourceSummary,
  OpenClawTriggerJobResponse,
  ReadyResponse,
  RebuildResponse,
  RepairResponse,
  StatusResponse,
  SubmitJobResponse,
  VerifyResponse,
} from "./generated/types.ts";
import { runOperation } from "./operation.ts";
import { eachEvent, eachJob } from "./pages.ts";
import { type TailOptions, tailEvents } from "./tail.ts";
import { createTransport, type Transport, type TransportOptions } from "./transport.ts";
import type * as wire from "./types.ts";
import { startWorker, type Worker, type WorkerOptions } from "./worker.ts";

export type { CompleteResult } from "./completions.ts";
export { isKeelsonError, isLostAnswer, isStaleHold, KeelsonError } from "./error.ts";
export type * from "./generated/types.ts";
export {
  type Handler,
  type HandlerContext,
  HandlerFailure,
  type HandlerResult,
} from "./handler.ts";
export type { Outcome } from "./held-job.ts";
export type { TailOptions } from "./tail.ts";
export type * from "./types.ts";
export type { Worker, WorkerOptions } from "./worker.ts";

export type ClientOptions = TransportOptions;

/** Every call may be given up with a signal; it then rejects with the signal's reason. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface OperationOptions extends CallOptions {
  /** Told how far the daemon is; the unit is its own. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** The OpenClaw consumer's side of the daemon. */
export interface OpenClaw {
  health(call?: CallOptions): Promise<OpenClawHealthResponse>;
  snapshot(call?: CallOptions): Promise<OpenClawConsumerSnapshot>;
  runs(call?: CallOptions): Promise<readonly OpenClawResourceSummary[]>;
  jobs(call?: CallOptions): Promise<readonly OpenClawResourceSummary[]>;
  wiki(call?: CallOptions): Promise<readonly OpenClawResourceSummary[]>;
  /** Submits one of the four allow-listed job types; refused while the daemon is not ready. */
  trigger(request: wire.SubmitRequest, call?: CallOptions): Promise<OpenClawTriggerJobResponse>;
}

export interface Client {
  readonly url: string;
  health(call?: CallOptions): Promise<HealthResponse>;
  ready(call?: CallOptions): Promise<ReadyResponse>;
  status(query?: wire.StatusQuery, call?: CallOptions): Promise<StatusResponse>;
  /** Resolves once the job is durable. Safe against lost answers: it is repeated with one key. */
  submit(request: wire.SubmitRequest, call?: CallOptions): Promise<wire.Submitted>;
  /** 1 to 1,000 jobs in one commit; each is judged on its own, in the same order. */
  submitBatch(
    requests: readonly wire.SubmitRequest[],
    call?: CallOptions,
  ): Promise<readonly wire.BatchResult[]>;
  cancel(request: string | CancelJobRequest, call?: CallOptions): Promise<wire.Cancelled>;
  job(jobId: string, call?: CallOptions): Promise<wire.Job>;
  /** One page of jobs. */
  listJobs(query?: wire.JobsQuery, call?: CallOptions): Promise<JobListResponse>;
  /** Every job of the query, fetched page by page. */
  jobs(query?: wire.JobsQuery, call?: CallOptions): AsyncIterable<wire.Job>;
  /** One page of events. */
  listEvents(query?: wire.EventsQuery, call?: CallOptions): Promise<wire.EventsPage>;
  /** Every event in the ledger now; `tail` goes on living. */
  events(query?: wire.EventsQuery, call?: CallOptions): AsyncIterable<wire.JobEvent>;
  /** Live events; reconnects by itself without gap or repetition. */
  tail(options?: TailOptions): AsyncIterable<wire.JobEvent>;
  readonly openclaw: OpenClaw;
  claim(request: ClaimRequest, call?: CallOptions): Promise<wire.Claimed>;
  heartbeat(request: wire.Heartbeat, call?: CallOptions): Promise<wire.Job>;
  complete(request: wire.Hold, call?: CallOptions): Promise<wire.Job>;
  /** Many completions in one commit, at most 256. */
  completeBatch(
    holds: readonly wire.Hold[],
    call?: CallOptions,
  ): Promise<readonly CompleteResult[]>;
  fail(request: wire.JobFailed, call?: CallOptions): Promise<wire.Job>;
  release(request: wire.Release, call?: CallOptions): Promise<wire.Job>;
  /** Stores a body (≤ 64 MiB); name it in `artifact_refs` of the next call that holds the job. */
  putArtifact(
    hold: wire.Hold,
    name: string,
    body: Uint8Array<ArrayBuffer> | string,
    call?: CallOptions,
  ): Promise<ArtifactRef>;
  getArtifact(jobId: string, name: string, call?: CallOptions): Promise<Uint8Array<ArrayBuffer>>;
  rebuild(call?: OperationOptions): Promise<RebuildResponse>;
  verify(call?: OperationOptions): Promise<VerifyResponse>;
  repair(call?: OperationOptions): Promise<RepairResponse>;
  /** Claims jobs of these types and runs `handler` on each until stopped. */
  worker(options: WorkerOptions): Worker;
}

/**
 * Makes a client for one daemon.
 *
 * @example
 * const keelson = createClient({ url: "http://127.0.0.1:8765", token });
 * const { job_id } = await keelson.submit({ job_type: "rpi.run", payload: { goal: "ship" } });
 * for await (const event of keelson.tail({ after: "latest" })) console.log(event.event_type);
 */
export function createClient(options: ClientOptions): Client {
  const transport = createTransport(options);
  const client: Client = {
    url: transport.url,
    ...reads(transport),
    ...mutations(transport),
    ...holding(transport),
    ...operations(transport),
    openclaw: openclaw(transport),
    worker: (workerOptions) => startWorker(client, workerOptions),
  };
  return client;
}

type Reads = Pick<
  Client,
  "health" | "ready" | "status" | "job" | "listJobs" | "jobs" | "listEvents" | "events" | "tail"
>;

function reads(transport: Transport): Reads {
  const get = getter(transport);
  const listJobs: Client["listJobs"] = (query = {}, call) => get("/v1/jobs", { ...query }, call);
  const listEvents: Client["listEvents"] = (query = {}, call) =>
    get("/v1/events", { ...query }, call);
  return {
    health: (call) => get("/v1/health", {}, call),
    ready: (call) => get("/v1/ready", {}, call),
    status: (query = {}, call) => get("/v1/status", { ...query }, call),
    job: (jobId, call) => get(`/v1/jobs/${encodeURIComponent(jobId)}`, {}, call),
    listJobs,
    jobs: (query = {}, call) => eachJob((page) => listJobs(page, call), query),
    listEvents,
    events: (query = {}, call) => eachEvent((page) => listEvents(page, call), query),
    tail: (tailOptions = {}) => tailEvents(transport, tailOptions),
  };
}

type Mutations = Pick<Client, "submit" | "submitBatch" | "cancel">;

function mutations(transport: Transport): Mutations {
  return {
    submit: async (request, call) => {
      const response = await transport.send({
        method: "POST",
        path: "/v1/jobs",
        body: withKey(request),
        repeat: "always",
        signal: call?.signal,
      });
      const mismatch = response.headers.get("keelson-idempotency-mismatch") === "true";
      const body: SubmitJobResponse = JSON.parse(await response.text());
      return { ...body, mismatch };
    },
    submitBatch: async (requests, call) => {
      const body = { jobs: requests.map(withKey) };
      const post = poster(transport);
      const { results } = await post<{ results: readonly wire.BatchResult[] }>(
        "/v1/jobs:batch",
        body,
        call,
      );
      return results;
    },
    cancel: (request, call) => {
      const body = typeof request === "string" ? { job_id: request } : request;
      return poster(transport)("/v1/jobs/cancel", body, call);
    },
  };
}

/**
 * A submit must be recognisable when it is sent twice. An id or a key of the caller's does that;
 * otherwise the client makes a key. (Not beside an id: a caller who submits one id twice would then
 * seem to send two different requests.)
 */
function withKey(request: wire.SubmitRequest): wire.SubmitRequest {
  const named = (request.job_id ?? "") !== "" || (request.idempotency_key ?? "") !== "";
  return named ? request : { ...request, idempotency_key: randomKey() };
}

function randomKey(): string {
  // Not `randomUUID`: browsers offer that only on secure origins.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `client-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

type Holding = Pick<
  Client,
  | "claim"
  | "heartbeat"
  | "complete"
  | "completeBatch"
  | "fail"
  | "release"
  | "putArtifact"
  | "getArtifact"
>;

/** How much longer than the daemon's own wait an answer to a claim may take. */
const CLAIM_GRACE_MS = 30_000;

function holding(transport: Transport): Holding {
  const post = poster(transport);
  const held = async (verb: string, hold: wire.Hold, call?: CallOptions): Promise<wire.Job> => {
    const { job_id, ...body } = hold;
    const path = `/v1/jobs/${encodeURIComponent(job_id)}/${verb}`;
    return (await post<{ job: wire.Job }>(path, body, call)).job;
  };
  return {
    // A claim whose answer was lost may have taken jobs; asking again would take others on top.
    claim: (request, call) =>
      transport.json({
        method: "POST",
        path: "/v1/jobs/claim",
        body: request,
        repeat: "refused",
        timeoutMs: (request.wait_ms ?? 0) + CLAIM_GRACE_MS,
        signal: call?.signal,
      }),
    heartbeat: (request, call) => held("heartbeat", request, call),
    complete: (request, call) => held("complete", request, call),
    completeBatch: async (jobs, call) => {
      const path = "/v1/jobs:complete";
      return (await post<{ results: readonly CompleteResult[] }>(path, { jobs }, call)).results;
    },
    fail: (request, call) => held("fail", request, call),
    release: (request, call) => held("release", request, call),
    putArtifact: (hold, name, body, call) =>
      transport.json({
        method: "PUT",
        path: artifactPath(hold.job_id, name),
        bytes: body,
        headers: {
          "content-type": "application/octet-stream",
          "keelson-claim-token": hold.claim_token,
          "keelson-lease-epoch": `${hold.lease_epoch}`,
        },
        repeat: "always",
        signal: call?.signal,
      }),
    getArtifact: async (jobId, name, call) => {
      const response = await transport.send({
        method: "GET",
        path: artifactPath(jobId, name),
        headers: { accept: "*/*" },
        repeat: "always",
        signal: call?.signal,
      });
      return new Uint8Array(await response.arrayBuffer());
    },
  };
}

function operations(transport: Transport): Pick<Client, "rebuild" | "verify" | "repair"> {
  return {
    rebuild: (call) => runOperation(transport, "/v1/rebuild", call),
    verify: (call) => runOperation(transport, "/v1/verify", call),
    repair: (call) => runOperation(transport, "/v1/repair", call),
  };
}

function openclaw(transport: Transport): OpenClaw {
  const get = getter(transport);
  type Lists = Readonly<Record<"runs" | "jobs" | "wiki", readonly OpenClawResourceSummary[]>>;
  return {
    health: (call) => get("/openclaw/v1/health", {}, call),
    snapshot: (call) => get("/openclaw/v1/snapshot/latest", {}, call),
    runs: async (call) => (await get<Lists>("/openclaw/v1/runs", {}, call)).runs,
    jobs: async (call) => (await get<Lists>("/openclaw/v1/jobs", {}, call)).jobs,
    wiki: async (call) => (await get<Lists>("/openclaw/v1/wiki", {}, call)).wiki,
    trigger: (request, call) =>
      poster(transport)("/openclaw/v1/triggers/jobs", withKey(request), call),
  };
}

type Getter = <T>(
  path: string,
  query: NonNullable<Parameters<Transport["json"]>[0]["query"]>,
  call?: CallOptions,
) => Promise<T>;

function getter(transport: Transport): Getter {
  return (path, query, call) =>
    transport.json({ method: "GET", path, query, repeat: "always", signal: call?.signal });
}

type Poster = <T>(path: string, body: unknown, call?: CallOptions) => Promise<T>;

/** Posts what may be sent twice without harm. */
function poster(transport: Transport): Poster {
  return (path, body, call) =>
    transport.json({ method: "POST", path, body, repeat: "always", signal: call?.signal });
}

function artifactPath(jobId: string, name: string): string {
  return `/v1/jobs/${encodeURIComponent(jobId)}/artifacts/${encodeURIComponent(name)}`;
}
