import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** The fields of request bodies that the tests look at. */
interface SeenBody {
  readonly idempotency_key?: string;
  readonly max: number;
  readonly jobs: readonly {
    readonly job_id: string;
    readonly idempotency_key?: string;
    readonly artifact_refs?: unknown;
  }[];
  readonly [name: string]: unknown;
}

/** One request as the fake saw it. */
interface Seen {
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  readonly body: SeenBody;
}

interface Exchange {
  readonly request: Seen;
  readonly response: ServerResponse;
  json(status: number, body: unknown, headers?: Record<string, string>): void;
  /** Breaks the connection instead of answering. */
  drop(): void;
}

export type Route = (exchange: Exchange) => void | Promise<void>;

export interface FakeDaemon {
  readonly url: string;
  readonly seen: readonly Seen[];
  /** The requests of one route, in order. */
  of(route: string): readonly Seen[];
}

/** A loopback server whose every answer the test decides; closed when the test ends. */
export async function fakeDaemon(routes: Readonly<Record<string, Route>>): Promise<FakeDaemon> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    void serve(request, response);
  });
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = await exchangeOf(request, response);
    seen.push(exchange.request);
    const route = routes[`${exchange.request.method} ${exchange.request.path}`];
    if (route === undefined) exchange.json(404, { error: "no such route", code: "not_found" });
    else await route(exchange);
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    of: (route) => seen.filter((each) => `${each.method} ${each.path}` === route),
  };
}

async function exchangeOf(request: IncomingMessage, response: ServerResponse): Promise<Exchange> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  const url = new URL(request.url ?? "/", "http://fake");
  const isJson = request.headers["content-type"] === "application/json";
  return {
    request: {
      method: request.method ?? "",
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      text,
      body: isJson ? JSON.parse(text) : { max: 0, jobs: [] },
    },
    response,
    json: (status, body, headers = {}) => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(body));
    },
    drop: () => response.destroy(),
  };
}

/** Answers one after another; the last one goes on for ever. */
export function inTurn(...routes: readonly Route[]): Route {
  let turn = 0;
  return (exchange) => {
    const route = routes[Math.min(turn, routes.length - 1)];
    turn += 1;
    return route?.(exchange);
  };
}

/** Resolves once the condition holds; the test's own time limit bounds the wait. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}
