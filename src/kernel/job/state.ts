/**
 * A job as the fold of its events (digest §11). Invariants, cited by number in the tests:
 *
 * 1. The fold is total: any event, also a foreign or damaged payload, gives a state.
 * 2. The first terminal event wins; later events change nothing.
 * 3. `attempt` and `lease_epoch` never fall, but for a lease that is handed back unused.
 * 4. Only a claim makes a job `running`, and each claim has an epoch of its own.
 * 5. Folding the events of a decision one by one gives what the decision promised.
 */
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { isEventType, type LedgerEvent, type NumberedEvent } from "./events.ts";
import { type FoldedStatus, isTerminal } from "./types.ts";

/** A content-addressed body that a job produced (digest §17.4). */
export interface ArtifactRef {
  /** Path relative to the root, forward slashes. */
  readonly path: string;
  /** 64 lower-case hexadecimal characters. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  /** RFC 3339. */
  readonly written_at: string;
}

export interface Failure {
  readonly code: string;
  readonly message?: string;
  readonly retryable?: boolean;
}

/**
 * Everything known about one job. Field names are the contract's (`QueueJobState`), so that no
 * translation stands between the fold and the wire; `seq`, `result_status` are ours to sort and
 * project by. Treated as immutable: the fold makes a new one.
 */
export interface JobState {
  /** Position of the job's first event: its place in the queue, for ever. */
  readonly seq: number;
  readonly job_id: string;
  /** Empty when the ledger never said (a foreign ledger whose accepted event is missing). */
  readonly job_type: string;
  readonly request_id: string;
  readonly request_ids: readonly string[];
  readonly status: FoldedStatus;
  readonly idempotency_key?: string;
  readonly attempt: number;
  readonly max_attempts: number;
  readonly claim_token?: string;
  readonly lease_epoch: number;
  readonly lease_expires_at?: string;
  readonly retry_exhausted?: boolean;
  readonly result_status?: "succeeded" | "failed" | "cancelled";
  readonly failure?: Failure;
  readonly artifacts?: Readonly<Record<string, string>>;
  readonly artifact_refs?: Readonly<Record<string, ArtifactRef>>;
  readonly projection_targets?: readonly string[];
  readonly payload?: JsonObject;
  readonly last_event_id: string;
  readonly created_at: string;
  readonly updated_at: string;
}

const MAX_ATTEMPTS_DEFAULT = 3;

type Patch = { -readonly [K in keyof JobState]?: JobState[K] | undefined };
type Reducer = (state: JobState, payload: JsonObject) => Patch;

const REDUCERS: Readonly<Record<string, Reducer>> = {
  "job.accepted": (state, payload) => ({
    status: "queued",
    job_type: text(payload["job_type"]) ?? state.job_type,
    payload: nonEmptyObject(payload["job_payload"]) ?? state.payload,
    max_attempts: atLeast(payload["max_attempts"], 1) ?? state.max_attempts,
    projection_targets: texts(payload["projection_targets"]) ?? state.projection_targets,
    idempotency_key: text(payload["idempotency_key"]) ?? state.idempotency_key,
  }),
  "job.claimed": (state, payload) => ({
    status: "running",
    ...leaseOf(state, payload),
    attempt: atLeast(payload["attempt"], 0) ?? state.attempt + 1,
    retry_exhausted: undefined,
    failure: undefined,
  }),
  "job.heartbeat": (state, payload) => ({ status: "running", ...leaseOf(state, payload) }),
  "job.lease_expired": (state, payload) => {
    const attempt = atLeast(payload["attempt"], 0) ?? state.attempt;
    return {
      status: "retry_waiting",
      claim_token: undefined,
      attempt,
      retry_exhausted: attempt >= state.max_attempts ? true : undefined,
      failure: failureOf(payload) ?? state.failure,
    };
  },
  "job.completed": () => ({ status: "completed", result_status: "succeeded", failure: undefined }),
  "job.failed": (state, payload) => ({
    status: "failed",
    result_status: "failed",
    failure: failureOf(payload) ?? state.failure ?? { code: "request_rejected" },
  }),
  "job.cancelled": () => ({ status: "cancelled", result_status: "cancelled" }),
};

/** Folds one event of this job. Unknown types and `projection.*` leave the state as it is. */
export function fold(state: JobState | undefined, numbered: NumberedEvent): JobState | undefined {
  const { event, position } = numbered;
  const reducer = isEventType(event.event_type) ? REDUCERS[event.event_type] : undefined;
  if (reducer === undefined) return state;
  if (state !== undefined && isTerminal(state.status)) return state;
  const before = state ?? firstSeen(event, position);
  const payload = event.payload ?? {};
  return withPatch(before, {
    ...artifactsOf(before, payload),
    ...reducer(before, payload),
    request_ids: before.request_ids.includes(event.request_id)
      ? before.request_ids
      : [...before.request_ids, event.request_id],
    last_event_id: event.event_id,
    updated_at: event.occurred_at,
  });
}

function firstSeen(event: LedgerEvent, position: number): JobState {
  return {
    seq: position,
    job_id: event.job_id,
    job_type: "",
    request_id: event.request_id,
    request_ids: [],
    status: "queued",
    attempt: 0,
    max_attempts: MAX_ATTEMPTS_DEFAULT,
    lease_epoch: 0,
    last_event_id: event.event_id,
    created_at: event.occurred_at,
    updated_at: event.occurred_at,
  };
}

function leaseOf(state: JobState, payload: JsonObject): Patch {
  return {
    claim_token: text(payload["claim_token"]) ?? state.claim_token,
    lease_epoch: atLeast(payload["lease_epoch"], 0) ?? state.lease_epoch,
    lease_expires_at: text(payload["lease_expires_at"]) ?? state.lease_expires_at,
  };
}

/** The failure an event carries, nested or flattened (digest §8.2: the flat form overrides). */
function failureOf(payload: JsonObject): Failure | undefined {
  const nested = isJsonObject(payload["failure"]) ? payload["failure"] : {};
  const code = text(payload["failure_code"]) ?? text(nested["code"]);
  if (code === undefined) return undefined;
  const message = text(payload["message"]) ?? text(nested["message"]);
  const retryable = payload["retryable"] ?? nested["retryable"];
  return {
    code,
    ...(message === undefined ? {} : { message }),
    ...(typeof retryable === "boolean" ? { retryable } : {}),
  };
}

/** Merges `artifacts` and `artifact_refs`; a reference's path is mirrored into `artifacts`. */
function artifactsOf(state: JobState, payload: JsonObject): Patch {
  if (payload["artifacts"] === undefined && payload["artifact_refs"] === undefined) return {};
  const artifacts: Record<string, string> = { ...state.artifacts };
  const refs: Record<string, ArtifactRef> = { ...state.artifact_refs };
  for (const [name, value] of entries(payload["artifacts"])) {
    if (typeof value === "string") define(artifacts, name, value);
  }
  for (const [name, value] of entries(payload["artifact_refs"])) {
    const ref = artifactRefOf(value);
    if (ref === undefined) continue;
    define(refs, name, ref);
    define(artifacts, name, ref.path);
  }
  return {
    ...(Object.keys(artifacts).length > 0 ? { artifacts } : {}),
    ...(Object.keys(refs).length > 0 ? { artifact_refs: refs } : {}),
  };
}

/** Reads an artifact reference, or `undefined` when it is not a whole one. */
export function artifactRefOf(value: unknown): ArtifactRef | undefined {
  if (!isJsonObject(value)) return undefined;
  const { path, sha256, size, written_at: writtenAt } = value;
  if (typeof path !== "string" || path.trim() === "") return undefined;
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/i.test(sha256)) return undefined;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return undefined;
  if (typeof writtenAt !== "string") return undefined;
  return { path, sha256, size, written_at: writtenAt };
}

function entries(value: unknown): [string, unknown][] {
  return isJsonObject(value) ? Object.entries(value) : [];
}

/** Sets an own property whatever its name, `__proto__` included. */
function define<T>(record: Record<string, T>, name: string, value: T): void {
  Object.defineProperty(record, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function texts(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((item) => typeof item === "string")
    ? value
    : undefined;
}

function atLeast(value: unknown, min: number): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= min
    ? value
    : undefined;
}

function nonEmptyObject(value: unknown): JsonObject | undefined {
  return isJsonObject(value) && Object.keys(value).length > 0 ? value : undefined;
}

/** Drops the fields a patch cleared, so that absent means absent in every copy of a state. */
function withPatch(before: JobState, patch: Patch): JobState {
  const after: Record<string, unknown> = { ...before };
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) delete after[key];
    else after[key] = value;
  }
  return after as unknown as JobState;
}
