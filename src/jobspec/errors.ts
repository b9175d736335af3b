/**
 * The only place where JobSpec errors get HTTP statuses. `ENVELOPES` is total over the catalogue and
 * over the codes that exist on the wire alone: a new code does not compile until it is answered here.
 */
import { ERROR_CODES, type ErrorCode } from "../errors/codes.ts";
import { type ErrorDetails, isFault } from "../errors/fault.ts";
import type { Rejection } from "../errors/rejection.ts";
import type { TextAnswer } from "../http/reply.ts";
import type { TransportCode } from "../http/server.ts";

/** Codes that only an HTTP peer can meet. */
type WireCode = TransportCode | "mutation_denied" | "read_denied" | "internal";
export type ProblemCode = ErrorCode | WireCode;

interface Envelope {
  readonly status: number;
  /** Present when trying again makes sense. */
  readonly retryAfterSeconds?: number;
}

export const ENVELOPES: Readonly<Record<ProblemCode, Envelope>> = {
  invalid_json: { status: 400 },
  invalid_field: { status: 400 },
  invalid_job_type: { status: 400 },
  invalid_cursor: { status: 400 },
  key_too_long: { status: 400 },
  type_not_allowlisted: { status: 400 },
  bad_request: { status: 400 },
  mutation_denied: { status: 403 },
  read_denied: { status: 403 },
  host_denied: { status: 403 },
  job_not_found: { status: 404 },
  artifact_not_found: { status: 404 },
  route_not_found: { status: 404 },
  method_not_allowed: { status: 405 },
  request_timeout: { status: 408 },
  claim_mismatch: { status: 409 },
  lease_expired: { status: 409 },
  job_terminal: { status: 409 },
  body_too_large: { status: 413 },
  headers_too_large: { status: 431 },
  not_ready: { status: 503 },
  draining: { status: 503, retryAfterSeconds: 2 },
  overloaded: { status: 503, retryAfterSeconds: 1 },
  no_space: { status: 503, retryAfterSeconds: 30 },
  projection_unavailable: { status: 503, retryAfterSeconds: 5 },
  store_unavailable: { status: 503, retryAfterSeconds: 1 },
  store_unusable: { status: 503, retryAfterSeconds: 30 },
  ledger_unavailable: { status: 500 },
  sync_failed: { status: 500 },
  internal: { status: 500 },
  // Start errors: no request can meet them, but the record stays total.
  root_locked: { status: 500 },
  token_file_invalid: { status: 500 },
  audit_key_invalid: { status: 500 },
  config_invalid: { status: 500 },
  bind_not_loopback: { status: 500 },
  address_in_use: { status: 500 },
  // No route of this surface sends anything out.
  egress_refused: { status: 502 },
  egress_failed: { status: 502 },
  egress_too_large: { status: 502 },
  egress_timed_out: { status: 504 },
};

/** The wire's own codes; the catalogue has the others. */
export const WIRE_CODES: Readonly<
  Record<WireCode, { readonly means: string; readonly fix?: string }>
> = {
  bad_request: { means: "The bytes are no HTTP request, or lack what one needs." },
  host_denied: {
    means: "`Host` names another machine, as a page does that rebinds its own name to this one.",
    fix: "Use 127.0.0.1, [::1], localhost or a name of `--expose` in the URL.",
  },
  route_not_found: {
    means: "No route has this path.",
    fix: "GET /v1/openapi.json lists the routes.",
  },
  method_not_allowed: { means: "The path takes other methods; `Allow` lists them." },
  request_timeout: {
    means: "The request did not arrive in time.",
    fix: "Send the whole request at once.",
  },
  headers_too_large: {
    means: "The header fields are over 16 KiB.",
    fix: "Send fewer or shorter headers.",
  },
  mutation_denied: {
    means: "The token is missing or lacks the capability, or a web page of another origin asks.",
  },
  read_denied: {
    means: "The daemon is exposed, so that reads need a token too; this one is missing or wrong.",
  },
  internal: { means: "A mistake of the daemon itself.", fix: "Read the daemon's log." },
};

export interface Problem {
  readonly code: ProblemCode;
  /** The contract's `error` text. */
  readonly message: string;
  readonly details?: ErrorDetails | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The JSON body of a problem: the contract's `error`, then what helps. */
export function problemBody(problem: Problem): Readonly<Record<string, unknown>> {
  const { code, message, details } = problem;
  const fix = isErrorCode(code) ? ERROR_CODES[code].fix : WIRE_CODES[code].fix;
  return { ...details, error: message, code, ...(fix === undefined ? {} : { fix }) };
}

/** The whole answer to a problem. */
export function presentProblem(problem: Problem): TextAnswer {
  const envelope = ENVELOPES[problem.code];
  const retryAfter = envelope.retryAfterSeconds;
  return {
    status: envelope.status,
    problem: problem.code,
    text: JSON.stringify(problemBody(problem)),
    headers: {
      ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
      ...problem.headers,
    },
  };
}

/** The kernel's or the surface's "no" as a problem. */
export function problemOf(rejection: Rejection): Problem {
  const { code, message, details } = rejection;
  return { code, message, details };
}

/** Anything thrown as a problem, or `undefined` when it is not a fault of the catalogue. */
export function problemOfThrown(thrown: unknown): Problem | undefined {
  if (!isFault(thrown)) return undefined;
  const { code, message, details } = thrown;
  return { code, message, details };
}

function isErrorCode(code: ProblemCode): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
