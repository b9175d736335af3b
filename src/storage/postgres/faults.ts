/** What the driver and the server throw, as faults. No message of ours holds a URL or a password. */
import type { ErrorCode } from "../../errors/codes.ts";
import { Fault, isFault, messageOf, type Outcome } from "../../errors/fault.ts";

/** SQLSTATE of an error that the server sent; absent for a socket's error. */
export function sqlStateOf(error: unknown): string | undefined {
  const isError = typeof error === "object" && error !== null && "code" in error;
  if (!isError || !("severity" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

const READ_ONLY = "25006";

/** True when the connection is over: its socket failed, or the server said that it ends it. */
export function endsConnection(error: unknown): boolean {
  if (sqlStateOf(error) === undefined) return true;
  // A server that became a standby keeps its connections; the primary is elsewhere.
  if (sqlStateOf(error) === READ_ONLY) return true;
  const severity = (error as { readonly severity?: unknown }).severity;
  return severity === "FATAL" || severity === "PANIC";
}

const STATES: Readonly<Record<string, { readonly code: ErrorCode; readonly what: string }>> = {
  [READ_ONLY]: { code: "store_unavailable", what: "the database is read-only, perhaps a standby" },
  "25P03": { code: "store_unavailable", what: "the turn was given up because it took too long" },
  "28000": { code: "store_unusable", what: "the database does not let this role in" },
  "28P01": { code: "store_unusable", what: "the database refused the password" },
  "3D000": { code: "store_unusable", what: "the database does not exist" },
  "42501": { code: "store_unusable", what: "the role lacks a right" },
  "53100": { code: "no_space", what: "the database's disk is full" },
  "53300": { code: "store_unavailable", what: "the database has no free connection" },
  "55P03": { code: "store_unavailable", what: "a lock was not free in time" },
  "57014": { code: "store_unavailable", what: "the database did not answer in time" },
  "57P03": { code: "store_unavailable", what: "the database is starting up or shutting down" },
};

/** Classes of SQLSTATE after which the same request may succeed. */
const PASSING = /^(?:08|40|53|57|58)/;

/** The fault for anything that a statement or a connection attempt threw. */
export function faultOf(error: unknown, outcome: Outcome = "not-done"): Fault {
  if (isFault(error)) return error;
  const state = sqlStateOf(error);
  const options = { cause: error, outcome, ...(state === undefined ? {} : detailsOf(state)) };
  if (state === undefined) {
    return new Fault(
      "store_unavailable",
      `no connection to the database: ${wordsOf(error)}`,
      options,
    );
  }
  const known = STATES[state];
  if (known !== undefined)
    return new Fault(known.code, `${known.what} (${wordsOf(error)})`, options);
  const code =
    PASSING.test(state) || endsConnection(error) ? "store_unavailable" : "ledger_unavailable";
  return new Fault(code, `the database refused: ${wordsOf(error)}`, options);
}

function detailsOf(state: string): { details: { sqlstate: string } } {
  return { details: { sqlstate: state } };
}

/** A refused connection to several addresses has no message of its own, but a code. */
function wordsOf(error: unknown): string {
  const message = messageOf(error);
  if (message !== "") return message;
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" ? code : "unknown error";
}
