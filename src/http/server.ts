/**
 * The server below a surface: limits, timeouts, and the refusals that happen before a route is
 * reached. It knows no protocol; the surface gives each refusal its words through `present`.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import Fastify, { type FastifyInstance, LogController } from "fastify";
import type { HttpLimits } from "./limits.ts";
import { sendText, type TextAnswer } from "./reply.ts";

/** What can be wrong with a request before it is anybody's request. */
export type TransportCode =
  | "bad_request"
  | "host_denied"
  | "route_not_found"
  | "method_not_allowed"
  | "request_timeout"
  | "headers_too_large";

/** The surface's words for a transport refusal. */
type Present = (code: TransportCode, message: string) => TextAnswer;

export interface ServerOptions {
  readonly limits: HttpLimits;
  readonly present: Present;
}

/** Methods whose bodies Fastify would otherwise parse by content type; ours are read by the route. */
const BODY_METHODS = ["DELETE", "OPTIONS", "PATCH", "POST", "PUT", "QUERY"] as const;
const CHECKS_PER_LIMIT = 4;
const CHECK_MS_MAX = 1_000;

/** A Fastify instance that routes and nothing else: no parsing, no logging. */
export function createServer(options: ServerOptions): FastifyInstance {
  const { limits, present } = options;
  const app = Fastify({
    logger: false,
    logController: new LogController({ disableRequestLogging: true }),
    exposeHeadRoutes: false,
    return503OnClosing: false,
    forceCloseConnections: "idle",
    keepAliveTimeout: limits.idleMsMax,
    requestTimeout: limits.requestMsMax,
    // Longer than any header block, so that an over-long id is answered by its route.
    routerOptions: { maxParamLength: 65_536 },
    http: {
      headersTimeout: Math.min(limits.headersMsMax, limits.requestMsMax),
      connectionsCheckingInterval: checkIntervalMs(limits),
      requireHostHeader: false,
    },
    clientErrorHandler: (error, socket) => refuseOnSocket(socket, present, error.code),
    frameworkErrors: (_error, _request, reply) => {
      reply.hijack();
      sendText(reply.raw, present("bad_request", "the URL cannot be decoded"));
    },
  });
  for (const method of BODY_METHODS) {
    app.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  }
  app.server.maxConnections = limits.connectionsMax;
  app.addHook("preClose", async () => {
    // A peer in the middle of a request, or of nothing, must not keep the process alive.
    setTimeout(() => app.server.closeAllConnections(), limits.closeMsMax).unref();
  });
  return app;
}

function checkIntervalMs(limits: HttpLimits): number {
  const tightest = Math.min(limits.headersMsMax, limits.requestMsMax);
  return Math.max(10, Math.min(CHECK_MS_MAX, Math.floor(tightest / CHECKS_PER_LIMIT)));
}

/** Answers a connection whose bytes never became a request, then closes it. */
function refuseOnSocket(socket: Socket, present: Present, code: string | undefined): void {
  if (code === "ECONNRESET" || !socket.writable || hasAnswered(socket)) {
    socket.destroy();
    return;
  }
  const answer = refusalOf(present, code);
  const body = `${answer.text}\n`;
  socket.end(
    `HTTP/1.1 ${answer.status} ${REASONS[answer.status] ?? "Bad Request"}\r\n` +
      "Content-Type: application/json\r\nConnection: close\r\n" +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  // A peer that goes on sending must not keep the connection half open.
  socket.destroySoon();
}

const REASONS: Readonly<Record<number, string>> = {
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
};

function refusalOf(present: Present, code: string | undefined): TextAnswer {
  if (code === "HPE_HEADER_OVERFLOW") {
    return present("headers_too_large", "the request's headers are too large");
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return present("request_timeout", "the request did not arrive in time");
  }
  return present("bad_request", "not an HTTP request");
}

/** True when bytes of an answer have left on this connection: a second head would corrupt it. */
function hasAnswered(socket: Socket): boolean {
  const { _httpMessage: current } = socket as Socket & { _httpMessage?: ServerResponse };
  return current?.headersSent === true;
}

/** The path of a request, without its query. */
export function pathOf(request: IncomingMessage): string {
  const url = request.url ?? "/";
  const query = url.indexOf("?");
  return query === -1 ? url : url.slice(0, query);
}
