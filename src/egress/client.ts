/**
 * The one way out: every outgoing HTTP request of the host, whoever asks for it, goes through here.
 * A destination is judged before a byte is sent, and again at each redirect; sizes and times are
 * bounded; credentials go to their audience alone. Faults: `egress_refused` (not allowed, nothing
 * was sent), `egress_failed`, `egress_timed_out`, `egress_too_large`.
 */
import { lookup } from "node:dns/promises";
import { Agent, type Dispatcher } from "undici";
import { Fault, isFault } from "../errors/fault.ts";
import type { Clock } from "../lib/clock.ts";
import {
  type ConnectorOptions,
  checkedAddresses,
  guardedConnector,
  type Resolve,
} from "./connector.ts";
import { Deadline } from "./deadline.ts";
import { type Credential, credentialHeaders, plainHeaders } from "./headers.ts";
import type { EgressPolicy } from "./policy.ts";
import { hostOf, parseTarget, refused } from "./target.ts";

export interface EgressRequest {
  readonly url: string;
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Nothing secret: that is refused by its name. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly credential?: Credential;
  readonly body?: Uint8Array | string;
  /** How many redirects to follow; 0 when absent: the redirect itself is the answer. */
  readonly redirectsMax?: number;
  readonly limits?: Partial<EgressLimits>;
  /** Ends the request early; it then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface EgressLimits {
  /** From a connection's request to the head of the answer. */
  readonly firstByteMs: number;
  /** For everything, redirects included. */
  readonly totalMs: number;
  readonly answerBytesMax: number;
}

export interface EgressAnswer {
  readonly status: number;
  /** Names in lower case; of a repeated field all values, joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** An answer whose body arrives piece by piece, under the same limits. Read it or `cancel` it. */
export interface EgressStream extends Omit<EgressAnswer, "body"> {
  readonly body: AsyncIterable<Uint8Array>;
  cancel(): void;
}

export interface Egress {
  /** Sends a request and reads the whole answer. Any status is an answer. */
  send(request: EgressRequest): Promise<EgressAnswer>;
  open(request: EgressRequest): Promise<EgressStream>;
  /**
   * Why a URL would be refused now; undefined when it would not, or when its name does not resolve
   * yet. For registrations: a delivery is checked again.
   */
  check(url: string): Promise<Fault | undefined>;
  close(): Promise<void>;
}

export interface EgressOptions {
  readonly policy: EgressPolicy;
  readonly clock: Clock;
  readonly connectMs?: number;
  /** Where names are looked up; the machine's own resolver when absent. */
  readonly resolve?: Resolve;
  readonly connect?: ConnectorOptions["connect"];
}

const CONNECT_MS = 5_000;
const LIMITS: EgressLimits = { firstByteMs: 15_000, totalMs: 30_000, answerBytesMax: 4_194_304 };
const HEAD_BYTES_MAX = 32_768;
const IDLE_MS = 10_000;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export function createEgress(options: EgressOptions): Egress {
  const resolve = options.resolve ?? systemResolve;
  const connector = guardedConnector({
    ...options,
    resolve,
    connectMs: options.connectMs ?? CONNECT_MS,
  });
  const agent = new Agent({
    connect: connector,
    // Ours are measured from the caller's side and end the request as a whole.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: IDLE_MS,
    maxHeaderSize: HEAD_BYTES_MAX,
  });
  const wayOut = { agent, policy: options.policy, clock: options.clock };
  return {
    send: async (request) => {
      const { body, ...head } = await exchange(wayOut, request);
      const pieces: Uint8Array[] = [];
      for await (const piece of body) pieces.push(piece);
      return { status: head.status, headers: head.headers, body: Buffer.concat(pieces) };
    },
    open: (request) => exchange(wayOut, request),
    check: (url) => check(url, options.policy, resolve),
    close: () => agent.destroy(),
  };
}

interface WayOut {
  readonly agent: Agent;
  readonly policy: EgressPolicy;
  readonly clock: Clock;
}

const systemResolve: Resolve = async (hostname) => {
  const found = await lookup(hostname, { all: true, order: "verbatim" });
  return found.map(({ address }) => address);
};

async function check(
  text: string,
  policy: EgressPolicy,
  resolve: Resolve,
): Promise<Fault | undefined> {
  try {
    await checkedAddresses(hostOf(parseTarget(text, policy)), { policy, resolve });
    return undefined;
  } catch (error) {
    return isFault(error) ? error : undefined;
  }
}

async function exchange(wayOut: WayOut, request: EgressRequest): Promise<EgressStream> {
  const limits = { ...LIMITS, ...request.limits };
  const deadline = new Deadline(wayOut.clock, limits, request.signal);
  try {
    const answer = await follow(wayOut, request, deadline);
    return {
      status: answer.statusCode,
      headers: flatten(answer.headers),
      body: bounded(answer, limits.answerBytesMax, deadline),
      cancel: () => {
        answer.body.destroy();
        deadline.end();
      },
    };
  } catch (error) {
    deadline.end();
    throw deadline.reason ?? transferFault(error);
  }
}

/** The request as it goes out next; a redirect makes another one of it. */
interface Hop {
  readonly url: URL;
  readonly method: EgressRequest["method"];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: EgressRequest["body"];
}

async function follow(
  wayOut: WayOut,
  request: EgressRequest,
  deadline: Deadline,
): Promise<Dispatcher.ResponseData> {
  let hop = firstHop(request, wayOut.policy);
  const redirectsMax = request.redirectsMax ?? 0;
  for (let redirects = 0; ; redirects += 1) {
    const answer = await dispatch(wayOut.agent, hop, { request, deadline });
    const location = answer.headers["location"];
    if (redirectsMax === 0 || !REDIRECTS.has(answer.statusCode) || typeof location !== "string") {
      return answer;
    }
    answer.body.destroy();
    const { origin } = hop.url;
    if (redirects === redirectsMax) {
      throw refused("redirect", `${origin} redirects more than ${redirectsMax} times`, origin);
    }
    hop = nextHop(hop, { status: answer.statusCode, location, policy: wayOut.policy });
  }
}

/** Whoever reads a body gets its error there. */
function ignore(): void {}

function firstHop(request: EgressRequest, policy: EgressPolicy): Hop {
  const url = parseTarget(request.url, policy);
  const audience = request.credential?.audience;
  if (audience !== undefined && audience !== url.origin) {
    throw refused(
      "credential",
      `the credential for ${audience} is not for ${url.origin}`,
      url.origin,
    );
  }
  const headers = { "accept-encoding": "identity", ...plainHeaders(request.headers ?? {}) };
  return { url, method: request.method, headers, body: request.body };
}

function nextHop(
  from: Hop,
  to: { readonly status: number; readonly location: string; readonly policy: EgressPolicy },
): Hop {
  const { origin, protocol } = from.url;
  if (!URL.canParse(to.location, from.url)) {
    throw refused("redirect", `${origin} redirects to something that is no URL`, origin);
  }
  const url = parseTarget(new URL(to.location, from.url).href, to.policy);
  if (protocol === "https:" && url.protocol !== "https:") {
    throw refused("redirect", `${origin} redirects from https to http`, origin);
  }
  const isRead = from.method === "GET" || from.method === "HEAD";
  if (isRead || to.status === 307 || to.status === 308) {
    return { ...from, url };
  }
  // As every browser does, a redirected write of the older kinds becomes a read.
  const { "content-type": _, ...headers } = from.headers;
  return { url, method: "GET", headers, body: undefined };
}

async function dispatch(
  agent: Agent,
  hop: Hop,
  on: { readonly request: EgressRequest; readonly deadline: Deadline },
): Promise<Dispatcher.ResponseData> {
  const { url, method, headers, body } = hop;
  const stopFirstByte = on.deadline.firstByte(url.origin);
  try {
    const answer = await agent.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: { ...headers, ...credentialHeaders(on.request.credential, url.origin) },
      body: body ?? null,
      signal: on.deadline.signal,
    });
    // A body that breaks before, or after, anybody reads it must not take the process with it.
    answer.body.on("error", ignore);
    return answer;
  } finally {
    stopFirstByte();
  }
}

async function* bounded(
  answer: Dispatcher.ResponseData,
  bytesMax: number,
  deadline: Deadline,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  try {
    const announced = Number(answer.headers["content-length"]);
    if (announced > bytesMax) throw tooLarge(bytesMax);
    for await (const piece of answer.body as AsyncIterable<Uint8Array>) {
      bytes += piece.length;
      if (bytes > bytesMax) throw tooLarge(bytesMax);
      yield piece;
    }
  } catch (error) {
    throw deadline.reason ?? transferFault(error);
  } finally {
    answer.body.destroy();
    deadline.end();
  }
}

function tooLarge(bytesMax: number): Fault {
  const message = `the answer is larger than ${bytesMax} bytes`;
  return new Fault("egress_too_large", message, { outcome: "unknown" });
}

function flatten(headers: Dispatcher.ResponseData["headers"]): Readonly<Record<string, string>> {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value] as const],
  );
  return Object.fromEntries(entries);
}

/** The client's error objects may carry bytes of the answer; only their code goes on. */
function transferFault(error: unknown): unknown {
  if (isFault(error)) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "broken off";
  return new Fault("egress_failed", `the request failed: ${code}`, { outcome: "unknown" });
}
