/** What an error body may carry beside its text (docs/reference/errors.md lists the codes). */
interface ErrorFacts {
  /** HTTP status; 0 when there was no answer at all. */
  readonly status: number;
  readonly code: string;
  readonly detail?: unknown;
  readonly field?: string | undefined;
  readonly fix?: string | undefined;
  /** From `Retry-After`. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

const BRAND = Symbol.for("keelson.client.error");

/**
 * The daemon said no, or did not answer. Branch on `code`: the daemon's own code, or
 * `unreachable` (no answer), `timeout` (none in time), `unexpected_answer` (not a daemon we know),
 * `http_<status>` (a daemon that sends no codes).
 */
export class KeelsonError extends Error {
  readonly [BRAND] = true;
  override readonly name = "KeelsonError";
  readonly status: number;
  readonly code: string;
  readonly detail: unknown;
  readonly field: string | undefined;
  readonly fix: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, facts: ErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.status = facts.status;
    this.code = facts.code;
    this.detail = facts.detail;
    this.field = facts.field;
    this.fix = facts.fix;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** True for a `KeelsonError`, also one made by a second copy of this package. */
export function isKeelsonError(value: unknown): value is KeelsonError {
  return typeof value === "object" && value !== null && BRAND in value;
}

/** True when the request may have been carried out although no answer came back. */
export function isLostAnswer(error: unknown): boolean {
  return isKeelsonError(error) && (error.code === "unreachable" || error.code === "timeout");
}

const STALE_CODES: ReadonlySet<string> = new Set([
  "claim_mismatch",
  "lease_expired",
  "job_terminal",
]);

/** True when the sender does not hold the job (any more): stop working on it. */
export function isStaleHold(error: unknown): boolean {
  return isKeelsonError(error) && STALE_CODES.has(error.code);
}

/** Turns an answer that is not a success into an error; reads its body. */
export async function errorOf(response: Response): Promise<KeelsonError> {
  const text = await response.text().catch(() => "");
  const body = parsed(text);
  const message = string(body["error"]) ?? (text.trim().slice(0, 200) || response.statusText);
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new KeelsonError(message, {
    status: response.status,
    code: string(body["code"]) ?? `http_${response.status}`,
    detail: body["detail"],
    field: string(body["field"]),
    fix: string(body["fix"]),
    retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : undefined,
  });
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function string(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
