/** JobSpec v0 over HTTP: the route table on a server, in front of an engine. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyInstance, RouteHandlerMethod } from "fastify";
import type { Engine, EngineLimits } from "../engine/engine.ts";
import { messageOf } from "../errors/fault.ts";
import { BrokenInvariant } from "../errors/invariant.ts";
import { PeerGone, parseJsonObject, readBody } from "../http/body.ts";
import { OpenStreams } from "../http/event-stream.ts";
import type { Exposure } from "../http/exposure.ts";
import { HTTP_LIMITS, type HttpLimits } from "../http/limits.ts";
import { sendText } from "../http/reply.ts";
import { createServer, pathOf } from "../http/server.ts";
import type { Principals } from "../identity/principals.ts";
import type { JsonObject } from "../lib/json.ts";
import type { EpochMs } from "../lib/time.ts";
import type { Call, Surface } from "./call.ts";
import { entryFor, foreignHost } from "./entry.ts";
import { type Problem, presentProblem, problemOfThrown } from "./errors.ts";
import type { MetricsPage } from "./metrics.ts";
import { openApiDocument } from "./openapi.ts";
import { notReady } from "./openclaw.ts";
import type { Operations } from "./operate.ts";
import { denial, judge } from "./policy.ts";
import { type Method, pathPattern, pathsOf, type Route, routerPath } from "./route.ts";
import { ROUTES } from "./routes.ts";
import { OpenSnapshots } from "./snapshot.ts";

export interface JobSpecAppOptions {
  readonly engine: Engine;
  readonly principals: Principals;
  readonly limits: EngineLimits;
  readonly version: string;
  readonly operate: Operations;
  readonly metrics: MetricsPage;
  /** Where answers that stay open are kept; its own when absent. */
  readonly streams?: OpenStreams;
  /** Origins of web pages that may change things; none by default. */
  readonly trustedOrigins?: readonly string[];
  /** How others reach this daemon; absent when only its own machine can. */
  readonly exposure?: Exposure | undefined;
  readonly now?: () => EpochMs;
  /** Bounds of the server that differ from the defaults. */
  readonly http?: Partial<HttpLimits>;
  /** Told about anything thrown that is no fault: a bug of ours. A broken invariant must stop the
   * process, so without a listener it is thrown again outside the request. */
  readonly onUnexpected?: (thrown: unknown) => void;
}

/** An app that the host may listen on. Closing it ends open streams and waiting claims first. */
export function createJobSpecApp(options: JobSpecAppOptions): FastifyInstance {
  const http = { ...HTTP_LIMITS, ...options.http };
  const surface = surfaceOf(options, http);
  const serve = serverOf(surface, options.onUnexpected ?? reportUnexpected);
  const app = createServer({
    limits: http,
    present: (code, message) => presentProblem({ code, message }),
  });
  for (const route of ROUTES) {
    for (const path of pathsOf(route)) {
      app.route({
        method: route.method === "GET" ? ["GET", "HEAD"] : [route.method],
        url: routerPath(path),
        handler(request, reply) {
          reply.hijack();
          void serve(route, request.raw, reply.raw, request.params as Call["params"]);
        },
      });
    }
  }
  const miss: RouteHandlerMethod = (request, reply) => {
    reply.hijack();
    sendText(reply.raw, presentProblem(missed(surface, request.raw)));
  };
  for (const path of literalsWithoutGet()) {
    app.route({ method: ["GET", "HEAD"], url: routerPath(path), handler: miss });
  }
  app.setNotFoundHandler(miss);
  app.addHook("preClose", async () => {
    surface.streams.closeAll();
  });
  return app;
}

function surfaceOf(options: JobSpecAppOptions, http: HttpLimits): Surface {
  let openapi: string | undefined;
  return {
    engine: options.engine,
    policy: {
      principals: options.principals,
      trustedOrigins: options.trustedOrigins ?? [],
      isExposed: options.exposure !== undefined,
    },
    exposure: options.exposure,
    limits: options.limits,
    http,
    operate: options.operate,
    metrics: options.metrics,
    streams: options.streams ?? new OpenStreams(),
    snapshots: new OpenSnapshots(http.snapshotsMax),
    now: options.now ?? Date.now,
    openapi: () => (openapi ??= JSON.stringify(openApiDocument(ROUTES, options.version))),
  };
}

type Serve = (
  route: Route,
  request: IncomingMessage,
  response: ServerResponse,
  params: Call["params"],
) => Promise<void>;

const NO_BODY: JsonObject = {};
const NO_QUERY = new URLSearchParams();

/** Takes one request through host check, policy, gate, body and handler, in this order. */
function serverOf(surface: Surface, onUnexpected: (thrown: unknown) => void): Serve {
  const { http } = surface;
  return async (route, request, response, params) => {
    try {
      const entry = entryFor(surface, route, request);
      if ("refusal" in entry) return sendText(response, await entry.refusal);
      if (route.method === "GET" && route.storeless !== true) await surface.engine.refresh();
      const gated = route.gate === "ready" ? notReady(surface) : undefined;
      if (gated !== undefined) return sendText(response, gated);
      const answer = await route.handle({
        surface,
        request,
        response,
        params,
        query: route.query === undefined ? NO_QUERY : queryOf(request),
        body: await bodyOf(route, request, http),
        principal: entry.principal,
      });
      if (answer !== undefined) sendText(response, answer);
    } catch (thrown) {
      failed(response, thrown, onUnexpected);
    }
  };
}

async function bodyOf(
  route: Route,
  request: IncomingMessage,
  http: HttpLimits,
): Promise<JsonObject> {
  if (route.body === undefined || route.body === "raw") return NO_BODY;
  const bytes = await readBody(request, http.bodyBytesMax);
  if (bytes.length === 0 && route.body === "optional-json") return NO_BODY;
  return parseJsonObject(bytes, http.nestingMax);
}

function queryOf(request: IncomingMessage): URLSearchParams {
  const url = request.url ?? "";
  const start = url.indexOf("?");
  return start === -1 ? NO_QUERY : new URLSearchParams(url.slice(start + 1));
}

const PATTERNS = ROUTES.flatMap((route) =>
  pathsOf(route).map((path) => ({ route, path, pattern: pathPattern(path) })),
);

/** The routes of a path, whatever their method. A literal path is never another route's parameter. */
function routesAt(path: string): readonly Route[] {
  const literal = PATTERNS.filter((known) => known.path === path);
  const found = literal.length > 0 ? literal : PATTERNS.filter(({ pattern }) => pattern.test(path));
  return found.map(({ route }) => route);
}

/** Literal paths without a GET: the router would hand their GET to a route with a parameter. */
function literalsWithoutGet(): readonly string[] {
  const literal = PATTERNS.map(({ path }) => path).filter((path) => !path.includes("{"));
  return [...new Set(literal)].filter((path) =>
    routesAt(path).every((route) => route.method !== "GET"),
  );
}

/** Methods that the policy judges before it is said whether the route has them (digest §7.3). */
const JUDGED_METHODS: ReadonlySet<string> = new Set(["POST", "PATCH", "DELETE", "PUT"]);

/** Why nothing took the request: a path we do not have, or one we have with other methods. */
function missed(surface: Surface, request: IncomingMessage): Problem {
  const foreign = foreignHost(surface, request);
  if (foreign !== undefined) return foreign;
  const path = pathOf(request);
  const routes = routesAt(path);
  if (routes.length === 0) return { code: "route_not_found", message: "route not found" };
  const mutation = routes.find((route) => route.method !== "GET");
  if (mutation?.needs !== undefined && JUDGED_METHODS.has(request.method ?? "")) {
    const verdict = judge(surface.policy, request, mutation.needs);
    if (!verdict.allowed) return denial(verdict.reason);
  }
  const allow = [...new Set<Method>(routes.map((route) => route.method))].join(", ");
  return { code: "method_not_allowed", message: "method not allowed", headers: { allow } };
}

/** Turns what a handler threw into an answer, or into an alarm when it is a bug. */
function failed(
  response: ServerResponse,
  thrown: unknown,
  onUnexpected: (thrown: unknown) => void,
): void {
  if (thrown instanceof PeerGone) {
    response.destroy();
    return;
  }
  const problem = problemOfThrown(thrown);
  if (problem === undefined) onUnexpected(thrown);
  sendText(response, presentProblem(problem ?? { code: "internal", message: "internal error" }));
}

function reportUnexpected(thrown: unknown): void {
  if (thrown instanceof BrokenInvariant) {
    setImmediate(() => {
      throw thrown;
    });
    return;
  }
  process.emitWarning(`unexpected error in a request: ${messageOf(thrown)}`);
}
