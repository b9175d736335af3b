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
  /** The daemon took the request and let the time for an answer go by. */
  readonly silent: boolean;
}

export interface Endpoint {
  /** Changes when the daemon under test starts again on another port. */
  url: string;
  token: string;
  readonly connections: Connections;
}

export const ANSWER_MS_MAX = 30_000;
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;
const SOCKETS_MAX = 256;
const TOKEN_HEADER = "x-agentops-daemon-token";
const WRONG_TOKEN = "not-the-token-of-this-daemon";

/** The kept connections of one run, and how long an answer may take. */
export class Connections {
  readonly answerMsMax: number;
  readonly plain: Agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX });
  readonly tls: TlsAgent = new TlsAgent({ keepAlive: true, maxSockets: SOCKETS_MAX });

  constructor(answerMsMax: number) {
    this.answerMsMax = answerMsMax;
  }

  /** Gives the connections back, so that the process can end. */
  close(): void {
    this.plain.destroy();
    this.tls.destroy();
  }
}

interface Outgoing {
  readonly method: string;
  readonly url: URL;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
  readonly connections: Connections;
}

interface Incoming {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly silent: boolean;
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
  const { connections } = endpoint;
  const outgoing = { method, url: new URL(path, endpoint.url), headers, body, connections };
  const answer = await send(outgoing).catch(
    (error: unknown): Incoming => ({
      status: 0,
      headers: {},
      text: reason(error),
      silent: error instanceof Silence,
    }),
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
class Silence extends Error {}

function sendOnce(outgoing: Outgoing): Promise<Incoming> {
  const { url, connections, body } = outgoing;
  return new Promise((resolve, reject) => {
    const secure = url.protocol === "https:";
    const call = (secure ? tlsRequest : request)(url, {
      method: outgoing.method,
      headers: outgoing.headers,
      agent: secure ? connections.tls : connections.plain,
    });
    let answered = false;
    // One limit for the whole answer: a body that comes a byte at a time is no answer either.
    const limit = setTimeout(() => {
      reject(new Silence(`no whole answer within ${connections.answerMsMax} ms`));
      call.destroy();
    }, connections.answerMsMax);
    call.on("close", () => clearTimeout(limit));
    call.on("response", (message) => {
      answered = true;
      collect(message).then(resolve, reject);
    });
    call.on("error", (error: NodeJS.ErrnoException) => {
      if (answered) return;
      const stale = call.reusedSocket && error.code === "ECONNRESET" && body.length < 65_536;
      reject(stale ? new StaleConnection() : error);
    });
    call.end(body);
  });
}

async function collect(message: IncomingMessage): Promise<Incoming> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`an answer of over ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  const headers = Object.entries(message.headers).map(([name, value]) => [name, String(value)]);
  return {
    status: message.statusCode ?? 0,
    headers: Object.fromEntries(headers) as Record<string, string>,
    text: Buffer.concat(chunks).toString("utf8"),
    silent: false,
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
