/** The values a request may carry in its fields, beyond their JSON types (digest §5.1, §10). */
import { Fault } from "../errors/fault.ts";
import { isJobType, JOB_TYPES, type JobType, RESERVED_JOB_IDS } from "../kernel/job/types.ts";

const ID_BYTES_MAX = 512;
const KEY_BYTES_MAX = 256;
const QUOTED_CHARS_MAX = 200;
/** C0, DEL and C1: text that a log line, a header or a database would not carry unchanged. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** A value in quotes for an error text, shortened when it is long. */
export function quote(value: string): string {
  return JSON.stringify(
    value.length > QUOTED_CHARS_MAX ? `${value.slice(0, QUOTED_CHARS_MAX)}…` : value,
  );
}

export function invalidField(
  field: string,
  message: string,
  limits: { max_bytes?: number; got_bytes?: number } = {},
): Fault {
  return new Fault("invalid_field", message, { details: { field, ...limits } });
}

/** A caller's job id: trimmed; absent when nothing is left, so that one is made. */
export function readJobId(given: string | undefined): string | undefined {
  const id = given?.trim();
  if (id === undefined || id === "") return undefined;
  if (RESERVED_JOB_IDS.has(id)) throw invalidField("job_id", `job_id ${quote(id)} is reserved`);
  return plainId("job_id", id);
}

/** A caller's request id: absent when empty, refused when it is blank or holds whitespace. */
export function readRequestId(given: string | undefined): string | undefined {
  if (given === undefined || given === "") return undefined;
  const id = given.trim();
  if (id === "") throw invalidField("request_id", "request_id is required");
  if (/\s/.test(id)) {
    throw invalidField("request_id", `request_id ${quote(id)} must not contain whitespace`);
  }
  return plainId("request_id", id);
}

/** A caller's idempotency key: absent when empty, at most 256 bytes. */
export function readIdempotencyKey(given: string | undefined): string | undefined {
  if (given === undefined || given === "") return undefined;
  const bytes = Buffer.byteLength(given);
  if (bytes > KEY_BYTES_MAX) {
    throw new Fault("key_too_long", "idempotency_key exceeds MaxIdempotencyKeyBytes", {
      details: { field: "idempotency_key", max_bytes: KEY_BYTES_MAX, got_bytes: bytes },
    });
  }
  return plainId("idempotency_key", given);
}

/** One of the contract's job types; absent counts as empty. */
export function readJobType(given: string | undefined): JobType {
  const type = given ?? "";
  if (isJobType(type)) return type;
  throw new Fault("invalid_job_type", `invalid job type ${quote(type)}`, {
    details: { field: "job_type", detail: `one of ${JOB_TYPES.join(", ")}` },
  });
}

/** Refuses text that could not be an id everywhere an id goes. */
export function plainId(field: string, id: string): string {
  if (CONTROL.test(id)) {
    throw invalidField(field, `${field} ${quote(id)} must not contain control characters`);
  }
  if (!id.isWellFormed()) throw invalidField(field, `${field} is not well-formed Unicode`);
  // Three bytes a character is the most, so most ids need no count.
  if (id.length * 3 > ID_BYTES_MAX) {
    const bytes = Buffer.byteLength(id);
    if (bytes > ID_BYTES_MAX) {
      throw invalidField(field, `${field} is longer than ${ID_BYTES_MAX} bytes`, {
        max_bytes: ID_BYTES_MAX,
        got_bytes: bytes,
      });
    }
  }
  return id;
}
