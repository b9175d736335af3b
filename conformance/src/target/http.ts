/** The kit's own HTTP: it may send any header and any body, and remembers every exchange. */
import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";

/** `header` and `bearer` send the token, `wrong` another one, `none` nothing. */
export type Credentials = "header" | "bearer" | "wrong" | "none";

export interface Ask {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Reads send `none` and everything else `header` unless told otherwise. */
  readonly credentials?: Credentials;
}

export interface Exchange {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Headers as sent, the token blotted out. */
  readonly sentHeaders: Readonly<Record<string, string>>;
  readonly sentBody: string;
  /** 0 when the connection ended without an answer; `text` then says how. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown;
}

export interface Endpoint {
  /** Changes when the daemon under test starts again on another port. */
  url: string;
  token: string;
}

const ANSWER_MS_MAX = 30_000;
const SOCKETS_MAX = 256;
const TOKEN_HEADER = "x-agentops-daemon-token";
const WRONG_TOKEN = "not-the-token-of-this-daemon";

const agents = {
  plain: new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX }),
  tls: new TlsAgent({ keepAlive: true, maxSockets: SOCKETS_MAX }),
};

interface Outgoing {
  readonly method: string;
  readonly url: URL;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
}

interface Incoming {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** One exchange; a connection that ends without an answer is an exchange with status 0. */
export async function exchange(
  endpoint: Endpoint,
  method: string,
  path: string,
  ask: Ask = {},
): Promise<Exchange> {
  const body = ask.raw ?? (ask.body === undefined ? "" : JSON.stringify(ask.body));
  const credentials = ask.credentials ?? (method === "GET" ? "none" : "header");
  const headers: Record<string, string> = {
    accept: "application/json",
    ...(body === "" ? {} : { "content-type": "application/json" }),
    ...tokenHeader(credentials, endpoint.token),
    ...ask.headers,
  };
  if (method !== "GET") headers["content-length"] = String(Buffer.byteLength(body));
  const outgoing = { method, url: new URL(path, endpoint.url), headers, body };
  const answer = await send(outgoing).catch(
    (error: unknown): Incoming => ({ status: 0, headers: {}, text: reason(error) }),
  );
  return {
    method,
    path,
    sentHeaders: blotted(headers, endpoint.token),
    sentBody: body,
    ...answer,
    json: parsed(answer.text),
  };
}

/** Gives the keep-alive connections back, so that the process can end. */
export function closeConnections(): void {
  agents.plain.destroy();
  agents.tls.destroy();
}

function tokenHeader(credentials: Credentials, token: string): Record<string, string> {
  if (credentials === "header") return { [TOKEN_HEADER]: token };
  if (credentials === "bearer") return { authorization: `Bearer ${token}` };
  return credentials === "wrong" ? { [TOKEN_HEADER]: WRONG_TOKEN } : {};
}

function blotted(headers: Record<string, string>, token: string): Record<string, string> {
  if (token === "") return headers;
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value.replaceAll(token, "<token>")]),
  );
}

async function send(outgoing: Outgoing): Promise<Incoming> {
  try {
    return await sendOnce(outgoing);
  } catch (error) {
    // A kept connection may have been closed just before we used it: nothing reached the daemon.
    if (error instanceof StaleConnection) return sendOnce(outgoing);
    throw error;
  }
}

class StaleConnection extends Error {}

function sendOnce(outgoing: Outgoing): Promise<Incoming> {
  return new Promise((resolve, reject) => {
    const secure = outgoing.url.protocol === "https:";
    const call = (secure ? tlsRequest : request)(outgoing.url, {
      method: outgoing.method,
      headers: outgoing.headers,
      agent: secure ? agents.tls : agents.plain,
      timeout: ANSWER_MS_MAX,
    });
    let answered = false;
    call.on("response", (message) => {
      answered = true;
      collect(message).then(resolve, reject);
    });
    call.on("timeout", () => call.destroy(new Error(`no answer within ${ANSWER_MS_MAX} ms`)));
    call.on("error", (error: NodeJS.ErrnoException) => {
      if (answered) return;
      const stale =
        call.reusedSocket && error.code === "ECONNRESET" && outgoing.body.length < 65_536;
      reject(stale ? new StaleConnection() : error);
    });
    call.end(outgoing.body);
  });
}

async function collect(message: IncomingMessage): Promise<Incoming> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const headers = Object.entries(message.headers).map(([name, value]) => [name, String(value)]);
  return {
    status: message.statusCode ?? 0,
    headers: Object.fromEntries(headers) as Record<string, string>,
    text: Buffer.concat(chunks).toString("utf8"),
  };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
