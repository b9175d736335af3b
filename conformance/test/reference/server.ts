/** The reference daemon over HTTP: routes, rights, bodies. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { isObject, type Json, text } from "../../src/json.ts";
import { type DaemonOptions, ReferenceDaemon } from "./daemon.ts";
import type { Flaws } from "./flaws.ts";
import { NoRoom } from "./ledger.ts";
import { Refusal } from "./refusal.ts";
import { type Answer, type Route, routesOf } from "./routes.ts";

const BODY_BYTES_MAX = 1_048_576;
/** Long enough for the whole crowd to have come in. */
const CROWD_WAIT_MS = 30;
const ANSWER_PAUSE_MS = 3;

export interface ServerOptions extends DaemonOptions {
  readonly port: number;
  readonly token: string;
}

export interface ReferenceServer {
  readonly url: string;
  close(orderly: boolean): Promise<void>;
}

export async function startReference(options: ServerOptions): Promise<ReferenceServer> {
  const { flaws, token, port } = options;
  const daemon = new ReferenceDaemon(options);
  const routes = routesOf(daemon);
  const server = createServer((request, response) => {
    daemon.inFlight += 1;
    respond({ request, routes, flaws, token })
      .catch((error: unknown) => problem(error))
      .then((answer) => write(response, answer, flaws))
      .catch(() => response.destroy())
      .finally(() => {
        daemon.inFlight -= 1;
      });
  });
  await listen(server, port);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async (orderly) => {
      // Nothing that is still under way may be written once the ledger's end has been cut.
      server.closeAllConnections();
      daemon.close(orderly);
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
}

interface Call {
  readonly request: IncomingMessage;
  readonly routes: readonly Route[];
  readonly flaws: Flaws;
  readonly token: string;
}

async function respond({ request, routes, flaws, token }: Call): Promise<Answer> {
  const path = (request.url ?? "/").split("?")[0] ?? "/";
  const raw = await bodyOf(request, flaws);
  const known = routes.filter((route) => route.path.test(path));
  const route = known.find(({ method }) => method === request.method);
  if (known.length === 0) throw new Refusal(404, "not found");
  if (route === undefined) return wrongMethod(known, flaws);
  const matched = route.path.exec(path)?.slice(1) ?? [];
  if (route.method === "POST") {
    const denial = denialOf(request, token, flaws);
    if (denial !== undefined && flaws.has("denies-and-does")) route.answer(parsed(raw, flaws));
    if (denial !== undefined) throw denial;
  }
  if (flaws.has("asks-readers-for-a-token") && /\/(?:ready|wiki)$/.test(path)) {
    throw new Refusal(403, "reading needs a token");
  }
  if (flaws.has("drops-jobs-in-a-crowd") || flaws.has("shares-ids-in-a-crowd")) {
    await pause(CROWD_WAIT_MS);
  }
  const body = route.method === "POST" ? parsed(raw, flaws) : {};
  const answer = route.answer(body, ...matched);
  // Leaves some answers unsent when the daemon is killed, although their lines are written.
  if (flaws.has("ignores-keys") && route.method === "POST") await pause(ANSWER_PAUSE_MS);
  return answer;
}

function wrongMethod(known: readonly Route[], flaws: Flaws): Answer {
  if (flaws.has("answers-404-to-wrong-methods")) throw new Refusal(404, "not found");
  const allow = known.map(({ method }) => method).join(", ");
  return {
    status: 405,
    body: { error: "method not allowed" },
    headers: flaws.has("names-no-allowed-method") ? {} : { allow },
  };
}

const TOKEN_HEADER = "x-agentops-daemon-token";

function denialOf({ headers }: IncomingMessage, token: string, flaws: Flaws): Refusal | undefined {
  const { origin, authorization } = headers;
  const deny = (why: string): Refusal =>
    new Refusal(flaws.has("denies-with-401") ? 401 : 403, `daemon mutation denied: ${why}`);
  if (origin !== undefined && !flaws.has("lets-origins-in")) return deny("origin is not trusted");
  const site = headers["sec-fetch-site"];
  if (site === "cross-site" && !flaws.has("lets-cross-site-in")) return deny("cross-site fetch");
  const bearer = flaws.has("knows-no-bearer") ? undefined : authorization?.replace("Bearer ", "");
  const given = headers[TOKEN_HEADER] ?? bearer;
  if (given === token) return undefined;
  const isLetIn = given === undefined ? flaws.has("needs-no-token") : flaws.has("takes-any-token");
  return isLetIn ? undefined : deny("token mismatch");
}

async function bodyOf(request: IncomingMessage, flaws: Flaws): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
  }
  if (bytes <= BODY_BYTES_MAX) return Buffer.concat(chunks).toString("utf8");
  if (flaws.has("cuts-long-bodies")) {
    const [jobId = ""] = /conform-[\w-]+/.exec(Buffer.concat(chunks).toString("utf8")) ?? [];
    return JSON.stringify({ job_type: "wiki.build", job_id: jobId, payload: { filling: "cut" } });
  }
  throw new Refusal(413, "request body exceeds MaxJobSubmissionBytes");
}

function parsed(raw: string, flaws: Flaws): Json {
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch {
    if (flaws.has("takes-anything-for-json")) value = { job_type: "wiki.build", job_id: "guessed" };
    else throw new Refusal(400, "invalid json");
  }
  if (!isObject(value)) throw new Refusal(400, "invalid json");
  return value;
}

function problem(error: unknown): Answer {
  if (error instanceof Refusal) return { status: error.status, body: error.body };
  if (error instanceof NoRoom) return { status: 503, body: { error: error.message } };
  const message = error instanceof Error ? error.message : String(error);
  return { status: 500, body: { error: message } };
}

function write(response: ServerResponse, { status, body, headers }: Answer, flaws: Flaws): void {
  const isRefusal = status >= 400 && text(body, "error") !== "";
  const shownBody = isRefusal && flaws.has("sends-plain-errors") ? "no" : JSON.stringify(body);
  const type = flaws.has("calls-json-text") ? "text/plain" : "application/json";
  response.writeHead(status, { "content-type": type, ...headers });
  response.end(`${shownBody}\n`);
}
