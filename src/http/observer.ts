/** Tells what became of every request, whichever surface answered it. */
import type { FastifyInstance } from "fastify";
import { problemSentTo } from "./reply.ts";

export interface AnsweredRequest {
  /** One of the usual methods, or `other`. */
  readonly method: string;
  /** The route's own path, `/v1/jobs/{job_id}`; `unmatched` where no route took it. */
  readonly route: string;
  /** What was sent, or undefined when the peer left before that. */
  readonly status: number | undefined;
  /** The problem that the answer names, if it does. */
  readonly problem: string | undefined;
}

const METHODS: ReadonlySet<string> = new Set([
  "DELETE",
  "GET",
  "HEAD",
  "OPTIONS",
  "PATCH",
  "POST",
  "PUT",
]);

/** Calls `seen` once per request, when its connection is done with it. */
export function observeRequests(
  app: FastifyInstance,
  seen: (request: AnsweredRequest) => void,
): void {
  app.addHook("onRequest", (request, reply, done) => {
    const { raw: response } = reply;
    response.once("close", () => {
      const { method } = request;
      seen({
        method: METHODS.has(method) ? method : "other",
        route: request.is404 ? "unmatched" : pathOf(request.routeOptions.url ?? ""),
        status: response.headersSent ? response.statusCode : undefined,
        problem: problemSentTo(response),
      });
    });
    done();
  });
}

const PATHS = new Map<string, string>();

/** The router's spelling in the one of OpenAPI. There are as many as routes. */
function pathOf(url: string): string {
  const known = PATHS.get(url);
  if (known !== undefined) return known;
  const path = url.replaceAll(/::|:(\w+)(?:\([^)]*\))?/g, (whole, name?: string) =>
    whole === "::" ? ":" : `{${name ?? ""}}`,
  );
  PATHS.set(url, path);
  return path;
}
