import type { ArtifactRef, FailureCode } from "./generated/types.ts";
import type { Failure, Job } from "./types.ts";

export type Artifacts = Readonly<Record<string, string>>;

/** What a handler may hand back: names and values that join the job's artifacts. */
export interface HandlerResult {
  readonly artifacts?: Artifacts;
}

/** What a handler may do with the job it holds. */
export interface HandlerContext {
  /** Aborts at once when the job is cancelled, its lease is lost or the worker stops. */
  readonly signal: AbortSignal;
  /** Renews the lease now and records artifacts; plain heartbeats go out by themselves. */
  heartbeat(artifacts?: Artifacts): Promise<void>;
  /** Stores a body under a name; it joins the job with the next heartbeat or the outcome. */
  artifact(name: string, body: Uint8Array<ArrayBuffer> | string): Promise<ArtifactRef>;
  /** Keeps a line for the artifact `log`, which is stored with the outcome (at most 1 MiB). */
  log(line: string): void;
}

/** Returns when the job is done; throws when it is not. */
export type Handler = (job: Job, context: HandlerContext) => Returned | Promise<Returned>;
type Returned = HandlerResult | undefined | void;

/** Thrown by a handler that wants a say in how its job fails. */
export class HandlerFailure extends Error {
  override readonly name = "HandlerFailure";
  readonly code: FailureCode;
  /** True hands the job back for another attempt; false (the default) ends it. */
  readonly retryable: boolean;

  constructor(code: FailureCode, message: string, options: { retryable?: boolean } = {}) {
    super(message);
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** What a thrown value says about the job. */
export function failureOf(thrown: unknown): Failure {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof HandlerFailure) {
    return { code: thrown.code, message, retryable: thrown.retryable };
  }
  return { code: "request_rejected", message, retryable: false };
}
