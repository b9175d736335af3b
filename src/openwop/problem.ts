/**
 * Everything this surface says no with (openwop-core §1.13), and the HTTP status of each. The body is
 * exactly `{error, message, details?}`: the public schema is closed.
 */
import type { TextAnswer } from "../http/reply.ts";
import type { TransportCode } from "../http/server.ts";
import type { JsonObject } from "../lib/json.ts";

const STATUSES = {
  validation_error: 400,
  unsupported_stream_mode: 400,
  unsupported_mock_provider: 400,
  unsupported_force_engine_version: 400,
  webhook_url_rejected: 400,
  unauthenticated: 401,
  key_expired: 401,
  key_revoked: 401,
  forbidden: 403,
  host_denied: 403,
  mock_provider_forbidden: 403,
  force_engine_version_forbidden: 403,
  tenant_membership_required: 403,
  not_found: 404,
  workflow_not_found: 404,
  interrupt_not_found: 404,
  subscription_not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  conflict: 409,
  run_already_active: 409,
  idempotency_in_flight: 409,
  idempotency_key_mismatch: 409,
  interrupt_already_resolved: 409,
  interrupt_gone: 410,
  interrupt_expired: 410,
  run_expired: 410,
  payload_too_large: 413,
  unprocessable: 422,
  capability_required: 422,
  upgrade_required: 426,
  rate_limited: 429,
  headers_too_large: 431,
  internal_error: 500,
  capability_not_provided: 501,
  service_unavailable: 503,
} as const satisfies Readonly<Record<string, number>>;

export type ProblemCode = keyof typeof STATUSES;

export interface Problem {
  readonly code: ProblemCode;
  /** For people; says what to do where there is something to do. Never holds a secret. */
  readonly message: string;
  readonly details?: JsonObject;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the server refuses before a route is reached, in this surface's words. */
export const TRANSPORT_CODES: Readonly<Record<TransportCode, ProblemCode>> = {
  bad_request: "validation_error",
  host_denied: "host_denied",
  route_not_found: "not_found",
  method_not_allowed: "method_not_allowed",
  request_timeout: "request_timeout",
  headers_too_large: "headers_too_large",
};

/** The whole answer to a problem. */
export function presentProblem(problem: Problem): TextAnswer {
  const { code, message, details, headers } = problem;
  const body = { error: code, message, ...(details === undefined ? {} : { details }) };
  return {
    status: STATUSES[code],
    problem: code,
    text: JSON.stringify(body),
    ...(headers === undefined ? {} : { headers }),
  };
}

/** A field that cannot be used: names it, and says what it must be. */
export function invalid(field: string, rule: string): Problem {
  return { code: "validation_error", message: `${field} ${rule}`, details: { field } };
}

/** Too busy, or its database is away: come again. */
export function unavailable(message: string, retryAfterSeconds: number): Problem {
  return {
    code: "service_unavailable",
    message,
    details: { retryAfter: retryAfterSeconds },
    headers: { "retry-after": String(retryAfterSeconds) },
  };
}

export function rateLimited(
  scope: "tenant" | "route" | "global" | "key",
  afterMs: number,
): Problem {
  return {
    code: "rate_limited",
    message: `too many requests; try again in ${Math.ceil(afterMs / 1000)} s`,
    details: { scope, retryAfterMs: Math.ceil(afterMs) },
    headers: { "retry-after": String(Math.ceil(afterMs / 1000)) },
  };
}
