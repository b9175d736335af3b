import type { ServerResponse } from "node:http";
import { type FakeDaemon, fakeDaemon, type Route } from "./fake-daemon.ts";

/** A fake daemon with a queue: enough of claims, leases and the tail to run a worker against. */
export interface FakeWork extends FakeDaemon {
  add(...ids: readonly string[]): void;
  /** Sends an event to every open tail. */
  tell(type: string, jobId: string, payload?: object): void;
  /** Answers the next heartbeats this way. */
  heartbeat: Route;
  /** Answers failures this way. */
  fail: Route;
  /** The `max` of every claim. */
  readonly asked: readonly number[];
  readonly completed: readonly string[];
  /** Job ids of every `jobs:complete` request. */
  readonly batches: readonly (readonly string[])[];
  /** Bodies of one verb of one job. */
  bodies(jobId: string, verb: string): readonly Record<string, unknown>[];
  readonly tails: number;
}

const yes: Route = ({ json }) => json(200, { job: {} });

export async function fakeWork(jobIds: readonly string[], leaseMs = 60_000): Promise<FakeWork> {
  const queue: string[] = [];
  const asked: number[] = [];
  const batches: string[][] = [];
  const tails = new Set<ServerResponse>();
  let wake = (): void => undefined;
  let eventNumber = 0;
  const routes: Record<string, Route> = {
    "GET /v1/events": ({ request, response, json }) => {
      if (request.headers.accept !== "text/event-stream") {
        json(200, { events: [], last_event_id: "e0" });
        return;
      }
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(": open\n\n");
      tails.add(response);
      response.on("close", () => tails.delete(response));
    },
    "POST /v1/jobs/claim": async ({ request, response, json }) => {
      asked.push(request.body.max);
      const closed = new Promise<void>((resolve) => response.on("close", resolve));
      while (queue.length === 0 && !response.destroyed) {
        await Promise.race([closed, new Promise<void>((resolve) => (wake = resolve))]);
      }
      if (response.destroyed) return;
      const jobs = queue.splice(0, request.body.max).map((job_id) => ({
        job_id,
        claim_token: `token-${job_id}`,
        lease_epoch: 1,
        payload: { goal: job_id },
      }));
      json(200, { jobs, lease_ms: leaseMs, heartbeat_ms: leaseMs / 4 });
    },
    "POST /v1/jobs:complete": ({ request, json }) => {
      const ids = request.body.jobs.map((job) => job.job_id);
      batches.push(ids);
      json(200, { results: ids.map((job_id) => ({ job_id, ok: true, status: "completed" })) });
    },
  };
  const work: FakeWork = Object.assign(await fakeDaemon(routes), {
    asked,
    batches,
    heartbeat: yes,
    fail: yes,
    add: (...ids: readonly string[]) => {
      queue.push(...ids);
      for (const id of ids) addRoutes(routes, id, work);
      wake();
    },
    tell: (type: string, jobId: string, payload: object = {}) => {
      eventNumber += 1;
      const event_id = `e${eventNumber}`;
      const data = JSON.stringify({ event_id, event_type: type, job_id: jobId, payload });
      for (const tail of tails) tail.write(`id: ${event_id}\nevent: ${type}\ndata: ${data}\n\n`);
    },
    bodies: (jobId: string, verb: string) =>
      work.of(`POST /v1/jobs/${jobId}/${verb}`).map((seen) => seen.body),
  }) as unknown as FakeWork;
  Object.defineProperties(work, {
    completed: { get: () => batches.flat() },
    tails: { get: () => tails.size },
  });
  work.add(...jobIds);
  return work;
}

function addRoutes(routes: Record<string, Route>, id: string, work: FakeWork): void {
  routes[`POST /v1/jobs/${id}/heartbeat`] = (exchange) => work.heartbeat(exchange);
  routes[`POST /v1/jobs/${id}/fail`] = (exchange) => work.fail(exchange);
  routes[`POST /v1/jobs/${id}/release`] = ({ json }) => json(200, { job: {} });
  routes[`GET /v1/jobs/${id}`] = ({ json }) =>
    json(200, { job_id: id, status: "failed", claim_token: `token-${id}` });
  for (const name of ["log", "report"]) {
    routes[`PUT /v1/jobs/${id}/artifacts/${name}`] = ({ json, request }) =>
      json(200, { path: `blobs/${name}`, sha256: "0", size: request.text.length, written_at: "" });
  }
}
