/**
 * OpenWOP over HTTP: puts the routes of the wired capabilities on a server. Each request passes host
 * check, admission, body and handler, in this order.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ErrorCode } from "../errors/codes.ts";
import { isFault } from "../errors/fault.ts";
import { invariant } from "../errors/invariant.ts";
import { PeerGone, parseJsonObject, readBody } from "../http/body.ts";
import type { HttpLimits } from "../http/limits.ts";
import { sendText } from "../http/reply.ts";
import type { JsonObject } from "../lib/json.ts";
import type { Admission } from "./admission.ts";
import { bodyProblem } from "./body-problem.ts";
import type { Call, Caller } from "./call.ts";
import { type Problem, type ProblemCode, presentProblem, unavailable } from "./problem.ts";
import { METHODS, type Route, routerPath } from "./route.ts";

export interface OpenWopOptions {
  readonly routes: readonly Route[];
  readonly admission: Admission;
  readonly http: HttpLimits;
  /** False for a `Host` that is not this daemon's: a page that rebinds its own name. */
  readonly isOwnHost: (host: string | undefined) => boolean;
  /** Told about anything thrown that is no fault: a bug of ours. */
  readonly onUnexpected: (thrown: unknown) => void;
}

const NO_BODY: JsonObject = {};

/** Adds every route to a server that may carry other surfaces too. */
export function mountOpenWop(app: FastifyInstance, options: OpenWopOptions): void {
  for (const [path, routes] of Map.groupBy(options.routes, ({ path }) => path)) {
    const desk = new Desk(options, routes);
    app.route({
      method: [...METHODS, "HEAD"],
      url: routerPath(path),
      handler(request, reply) {
        reply.hijack();
        void desk.answer(request, reply.raw);
      },
    });
  }
}

/** Answers for one path, whatever the method. */
class Desk {
  readonly #options: OpenWopOptions;
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #allow: string;

  constructor(options: OpenWopOptions, routes: readonly Route[]) {
    this.#options = options;
    this.#routes = new Map(routes.map((route) => [route.method, route]));
    this.#allow = [...this.#routes.keys()].join(", ");
  }

  async answer(request: FastifyRequest, response: ServerResponse): Promise<void> {
    const { admission, isOwnHost } = this.#options;
    const { method = "GET" } = request.raw;
    const route = this.#routes.get(method === "HEAD" ? "GET" : method);
    const isCounted = route?.exempt !== true;
    const full = isCounted ? admission.enter() : undefined;
    if (full !== undefined) return sendText(response, presentProblem(full));
    try {
      const problem = isOwnHost(request.raw.headers.host)
        ? await this.#take(route, request, response)
        : FOREIGN_HOST;
      if (problem !== undefined) sendText(response, presentProblem(problem));
    } catch (thrown) {
      this.#failed(response, thrown);
    } finally {
      if (isCounted) admission.leave();
    }
  }

  /** Says what is wrong, or lets the handler answer. */
  async #take(
    route: Route | undefined,
    request: FastifyRequest,
    response: ServerResponse,
  ): Promise<Problem | undefined> {
    // A path without such a method asks for a key first too: strangers learn nothing of it.
    const needs = route?.needs ?? [];
    const entry =
      needs === "public" ? undefined : await this.#options.admission.admit(request.raw, needs);
    if (entry !== undefined && "problem" in entry) return entry.problem;
    if (route === undefined) {
      const message = `this path takes ${this.#allow}`;
      return { code: "method_not_allowed", message, headers: { allow: this.#allow } };
    }
    const body = route.body === undefined ? NO_BODY : await this.#bodyOf(request.raw);
    const misfit = route.body === undefined ? undefined : bodyProblem(route.body, body);
    if (misfit !== undefined) return misfit;
    const answer = await route.handle({
      request: request.raw,
      response,
      params: request.params as Call["params"],
      query: queryOf(request.raw),
      body,
      get caller(): Caller {
        invariant(entry !== undefined, "a route without a scope knows no caller");
        return entry.caller;
      },
    });
    if (answer !== undefined) sendText(response, answer);
    return undefined;
  }

  async #bodyOf(request: IncomingMessage): Promise<JsonObject> {
    const { bodyBytesMax, nestingMax } = this.#options.http;
    const bytes = await readBody(request, bodyBytesMax);
    return bytes.length === 0 ? NO_BODY : parseJsonObject(bytes, nestingMax);
  }

  #failed(response: ServerResponse, thrown: unknown): void {
    if (thrown instanceof PeerGone) {
      response.destroy();
      return;
    }
    const problem = problemOfThrown(thrown);
    if (problem === undefined) this.#options.onUnexpected(thrown);
    sendText(response, presentProblem(problem ?? INTERNAL));
  }
}

function queryOf(request: IncomingMessage): URLSearchParams {
  const url = request.url ?? "";
  const start = url.indexOf("?");
  return new URLSearchParams(start === -1 ? "" : url.slice(start + 1));
}

const FOREIGN_HOST: Problem = {
  code: "host_denied",
  message: "Host names another machine; use the address that the daemon prints",
};
const INTERNAL: Problem = { code: "internal_error", message: "a mistake of the daemon itself" };

/** How faults of the catalogue are told here; the others are ours alone and stay inside. */
const FAULT_CODES: Partial<Readonly<Record<ErrorCode, ProblemCode>>> = {
  invalid_json: "validation_error",
  invalid_field: "validation_error",
  invalid_cursor: "validation_error",
  body_too_large: "payload_too_large",
};

/** Faults after which the same request may succeed, with the seconds to wait. */
const PASSING: Partial<Readonly<Record<ErrorCode, number>>> = {
  draining: 2,
  overloaded: 1,
  no_space: 30,
  projection_unavailable: 5,
};

function problemOfThrown(thrown: unknown): Problem | undefined {
  if (!isFault(thrown)) return undefined;
  const { code, message, details } = thrown;
  const wait = PASSING[code];
  if (wait !== undefined) return unavailable(message, wait);
  const known = FAULT_CODES[code];
  return known === undefined ? { ...INTERNAL } : { code: known, message, details: { ...details } };
}
