import { backoffMs, sleep } from "./backoff.ts";
import { deadline } from "./deadline.ts";
import { errorOf, isLostAnswer, KeelsonError } from "./error.ts";

export interface TransportOptions {
  /** Base address, for example `http://127.0.0.1:8765`. */
  readonly url: string;
  /** The daemon's token, or where to read it anew for each request. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** Another `fetch`, for example one that records. */
  readonly fetch?: typeof fetch | undefined;
  /** How often a request is repeated before its error is given up to the caller; 6 when absent. */
  readonly retries?: number | undefined;
  /** Told of every failed try that is followed by another. */
  readonly onRetry?: ((error: unknown) => void) | undefined;
}

/**
 * When a request may be sent again. `always`: its effect happens once however often it is sent.
 * `refused`: only after a 503, which promises that nothing happened. `never`: not at all.
 */
type Repeat = "always" | "refused" | "never";

type QueryValue = string | number | readonly string[] | undefined;

interface WireRequest {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly query?: Readonly<Record<string, QueryValue>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is. */
  readonly bytes?: Uint8Array<ArrayBuffer> | string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly repeat: Repeat;
  /** How long to wait for the answer's head; 30 s when absent, `Infinity` for no limit. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Transport {
  readonly url: string;
  /** Sends, repeats as allowed, and hands back a successful answer with its body unread. */
  send(request: WireRequest): Promise<Response>;
  /** The same, with the body read as JSON. */
  json<T>(request: WireRequest): Promise<T>;
  /** One try, for streams: the signal stays attached to the body. */
  open(request: WireRequest): Promise<Response>;
}

const RETRIES_DEFAULT = 6;
const TIMEOUT_MS_DEFAULT = 30_000;

export function createTransport(options: TransportOptions): Transport {
  const base = options.url.replace(/\/+$/, "");
  const retries = options.retries ?? RETRIES_DEFAULT;
  const call = options.fetch ?? ((input, init) => fetch(input, init));

  async function open(request: WireRequest): Promise<Response> {
    const init = await initOf(request, options.token);
    let response: Response;
    try {
      response = await call(base + request.path + searchOf(request.query), init);
    } catch (error) {
      if (request.signal?.aborted === true) throw request.signal.reason;
      throw unreachable(base, error);
    }
    if (!response.ok) throw await errorOf(response);
    return response;
  }

  async function once<T>(request: WireRequest, read: (from: Response) => Promise<T>): Promise<T> {
    const limit = deadline(request.timeoutMs ?? TIMEOUT_MS_DEFAULT, request.signal);
    try {
      return await read(await open({ ...request, signal: limit.signal }));
    } catch (error) {
      if (request.signal?.aborted === true) throw request.signal.reason;
      if (limit.expired()) throw timedOut(base, error);
      // A body that breaks off is as lost as an answer that never came.
      if (error instanceof KeelsonError) throw error;
      throw unreachable(base, error);
    } finally {
      limit.clear();
    }
  }

  async function repeated<T>(
    request: WireRequest,
    read: (from: Response) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await once(request, read);
      } catch (error) {
        if (attempt >= retries || !mayRepeat(error, request.repeat)) throw error;
        options.onRetry?.(error);
        const asked = error instanceof KeelsonError ? error.retryAfterMs : undefined;
        await sleep(backoffMs(attempt, asked), request.signal);
      }
    }
  }

  return {
    url: base,
    open,
    send: (request) => repeated(request, bodyKept),
    json: <T>(request: WireRequest) => repeated(request, (response) => readJson<T>(response)),
  };
}

/** Reads the body whole, so that a connection that breaks inside it counts as a lost answer. */
async function bodyKept(response: Response): Promise<Response> {
  const { status, headers } = response;
  return new Response(await response.arrayBuffer(), { status, headers });
}

async function readJson<T>(response: Response): Promise<T> {
  const text = await response.text();
  try {
    // The one cast: the daemon's answers are checked against these types in the daemon's own tests.
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new KeelsonError(`the answer is not JSON: ${text.slice(0, 80)}`, {
      status: response.status,
      code: "unexpected_answer",
      cause,
    });
  }
}

function mayRepeat(error: unknown, repeat: Repeat): boolean {
  if (repeat === "never") return false;
  if (isLostAnswer(error)) return repeat === "always";
  return error instanceof KeelsonError && error.status === 503 && error.code !== "not_ready";
}

async function initOf(
  request: WireRequest,
  token: TransportOptions["token"],
): Promise<RequestInit> {
  const secret = typeof token === "function" ? await token() : token;
  const body =
    request.bytes ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
  return {
    method: request.method,
    headers: {
      accept: "application/json",
      ...(request.body === undefined ? {} : { "content-type": "application/json" }),
      ...(secret === undefined || secret === "" ? {} : { authorization: `Bearer ${secret}` }),
      ...request.headers,
    },
    ...(body === undefined ? {} : { body }),
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  };
}

function searchOf(query: WireRequest["query"]): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined)
      search.set(name, typeof value === "object" ? value.join(",") : `${value}`);
  }
  return search.size === 0 ? "" : `?${search.toString()}`;
}

function unreachable(base: string, cause: unknown): KeelsonError {
  return new KeelsonError(`no answer from ${base}: ${reasonOf(cause)}`, {
    status: 0,
    code: "unreachable",
    cause,
  });
}

function timedOut(base: string, cause: unknown): KeelsonError {
  return new KeelsonError(`no answer from ${base} in time`, { status: 0, code: "timeout", cause });
}

/** The most telling line of a failed fetch; some runtimes hide it one or two causes down. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.cause instanceof Error) return reasonOf(thrown.cause);
  return thrown.message === "" && "code" in thrown ? String(thrown.code) : thrown.message;
}
