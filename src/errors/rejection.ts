import type { InputCode, RejectionCode } from "./codes.ts";
import type { ErrorDetails } from "./fault.ts";

/** "No", as data: nothing happened and nothing was written. */
export interface Rejection {
  readonly code: RejectionCode | InputCode;
  readonly message: string;
  readonly details?: ErrorDetails;
}

export function rejection(
  code: Rejection["code"],
  message: string,
  details?: ErrorDetails,
): Rejection {
  return details === undefined ? { code, message } : { code, message, details };
}
