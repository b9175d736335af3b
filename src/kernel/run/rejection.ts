/**
 * Why a run says no. Nothing was decided and nothing is to be written. The codes are those of the
 * contract (openwop-core §1.13), with `stale_outcome` of our own for a result that nobody waits for.
 */
import type { JsonObject } from "../../lib/json.ts";
import { err } from "../../lib/result.ts";

export type RunRejectionCode =
  | "not_found"
  | "validation_error"
  | "conflict"
  | "forbidden"
  | "interrupt_not_found"
  | "interrupt_already_resolved"
  | "interrupt_gone"
  | "interrupt_expired"
  | "channel_access_denied"
  | "channel_cross_engine_write_forbidden"
  | "version_out_of_range"
  | "stale_outcome";

export interface RunRejection {
  readonly code: RunRejectionCode;
  readonly message: string;
  readonly details?: JsonObject;
}

/** A refusal as the error of a result. */
export function refuse(
  code: RunRejectionCode,
  message: string,
  details?: JsonObject,
): { readonly ok: false; readonly error: RunRejection } {
  return err(details === undefined ? { code, message } : { code, message, details });
}
