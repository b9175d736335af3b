/**
 * The catalogue of everything that can go wrong, one line each. No HTTP status lives here: every
 * surface maps each code to its own envelope through a total record, so a new code does not compile
 * until each surface has answered for it. `docs/reference/errors.md` is generated from this table.
 *
 * Families: a *rejection* is the kernel saying no (nothing happened); a *fault* is the world failing
 * (read `outcome` before trying again); an *input* error is a request that cannot be understood.
 */
export const ERROR_CODES = {
  invalid_json: {
    family: "input",
    means: "The request body is not a JSON object of the documented shape.",
    fix: "Send one JSON object; `detail` names the field.",
  },
  invalid_field: {
    family: "input",
    means: "A field has a value that is not allowed.",
    fix: "Correct the field named in `field`.",
  },
  invalid_job_type: {
    family: "input",
    means: "The job type is not one of the contract's.",
    fix: "Use one of the types listed in `detail`.",
  },
  invalid_cursor: {
    family: "input",
    means: "The cursor names an event or a page that this ledger does not hold.",
    fix: "Start again without a cursor, or use one from an earlier answer.",
  },
  key_too_long: {
    family: "input",
    means: "The idempotency key is longer than 256 bytes of UTF-8.",
    fix: "Shorten it, for example to a hash of the long value.",
  },
  body_too_large: {
    family: "input",
    means: "The request body is over 1 MiB.",
    fix: "Put large inputs in a file and send its path.",
  },
  type_not_allowlisted: {
    family: "input",
    means: "The OpenClaw trigger takes only its four safe job types.",
    fix: "Submit the job through POST /v1/jobs.",
  },
  job_not_found: {
    family: "rejection",
    means: "No job has this id.",
    fix: "List the jobs with GET /v1/jobs.",
  },
  artifact_not_found: {
    family: "rejection",
    means: "The job has no artifact of this name, or its body is gone.",
    fix: "Read the names from the job's artifact_refs.",
  },
  claim_mismatch: {
    family: "rejection",
    means: "The claim token or the lease epoch is not the one that holds the job.",
    fix: "Stop working on it: somebody else holds the job now.",
  },
  lease_expired: {
    family: "rejection",
    means: "The lease lapsed before this request; a lapsed lease cannot be revived.",
    fix: "Claim again, and send heartbeats more often.",
  },
  job_terminal: {
    family: "rejection",
    means: "The job has already completed, failed or been cancelled.",
    fix: "Stop working on it.",
  },
  not_ready: {
    family: "rejection",
    means: "The ledger or its projections are degraded, and this route asks for a ready daemon.",
    fix: "Read GET /v1/ready, then run `keelson repair`.",
  },
  draining: {
    family: "fault",
    means: "The daemon is shutting down and takes no new work.",
    fix: "Try again once it is back.",
  },
  overloaded: {
    family: "fault",
    means: "Too many commands are waiting for the ledger.",
    fix: "Wait for the time in Retry-After, then try again.",
  },
  no_space: {
    family: "fault",
    means: "The disk is full; nothing of this request was written.",
    fix: "Free space. Appends go on by themselves.",
  },
  ledger_unavailable: {
    family: "fault",
    means: "The ledger could not be read or written.",
    fix: "Read the daemon's log; check the file's mode and its disk.",
  },
  projection_unavailable: {
    family: "fault",
    means: "The projections could not be brought up to the ledger.",
    fix: "Check the disk; `keelson rebuild` makes them anew.",
  },
  sync_failed: {
    family: "fault",
    means: "The disk refused to make an append durable. The daemon stops.",
    fix: "Check the disk, then start the daemon again: it reads what is really there.",
  },
  store_unavailable: {
    family: "fault",
    means: "The database does not answer. What was not acknowledged may be sent again.",
    fix: "Wait for the time in Retry-After. The daemon comes back with the database by itself.",
  },
  store_unusable: {
    family: "fault",
    means:
      "The database answers, and cannot be used: its version, its schema or the role's rights.",
    fix: "Do what the message says.",
  },
  root_locked: {
    family: "fault",
    means: "Another daemon owns this root.",
    fix: "Use that one, stop it, or choose another --root.",
  },
  token_file_invalid: {
    family: "input",
    means: "The token file cannot be used.",
    fix: "Make it mode 0600 and non-empty, or let `keelson up` create one.",
  },
  audit_key_invalid: {
    family: "input",
    means: "The file with the key that signs audit checkpoints cannot be used.",
    fix: "Make it mode 0600. If it is lost or damaged, restore it: a new key cannot vouch for old entries.",
  },
  config_invalid: {
    family: "input",
    means: "keelson.json, a flag or an environment variable has a value that is not allowed.",
    fix: "Correct the line that the message names.",
  },
  bind_not_loopback: {
    family: "input",
    means: "The daemon listens on loopback addresses only, unless it is told how others name it.",
    fix: "Use 127.0.0.1, ::1 or localhost; or name its hosts with --expose.",
  },
  egress_refused: {
    family: "fault",
    means: "The host does not connect to this destination; nothing was sent.",
    fix: "Use a public https address, or have the operator allow this one.",
  },
  egress_failed: {
    family: "fault",
    means: "The connection to another server failed or broke off.",
    fix: "Check that the other server runs and can be reached from this host.",
  },
  egress_timed_out: {
    family: "fault",
    means: "Another server did not answer in time.",
    fix: "Try again later, or allow more time where that can be set.",
  },
  egress_too_large: {
    family: "fault",
    means: "Another server's answer is larger than was asked for.",
    fix: "Ask it for less.",
  },
  address_in_use: {
    family: "fault",
    means: "Another process listens on this address.",
    fix: "Stop it, or choose another port with --addr.",
  },
} as const satisfies Record<string, ErrorEntry>;

interface ErrorEntry {
  readonly family: "input" | "rejection" | "fault";
  readonly means: string;
  readonly fix: string;
}

export type ErrorCode = keyof typeof ERROR_CODES;

/** The codes of one family. */
type CodeOf<F extends ErrorEntry["family"]> = {
  [C in ErrorCode]: (typeof ERROR_CODES)[C]["family"] extends F ? C : never;
}[ErrorCode];

export type RejectionCode = CodeOf<"rejection">;
export type InputCode = CodeOf<"input">;
