import type { ErrorCode } from "./codes.ts";

/** Whether the thing that failed happened: `unknown` means read before you write again. */
export type Outcome = "not-done" | "done" | "unknown";

/** Facts that travel with an error to whoever asked: names, limits, sizes. Never secrets. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | readonly string[]>>;

const BRAND = Symbol.for("keelson.fault");

/**
 * The world failed, or an input cannot be used. Callers branch on `code`; surfaces decide what a
 * peer is told. `details` may be shown to that peer, so it must never hold a secret.
 */
export class Fault extends Error {
  readonly [BRAND] = true;
  readonly code: ErrorCode;
  readonly outcome: Outcome;
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; outcome?: Outcome; details?: ErrorDetails } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Fault";
    this.code = code;
    this.outcome = options.outcome ?? "not-done";
    this.details = options.details ?? {};
  }
}

/** True for a `Fault`, also one made by a second copy of this module. */
export function isFault(value: unknown): value is Fault {
  return typeof value === "object" && value !== null && BRAND in value;
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
