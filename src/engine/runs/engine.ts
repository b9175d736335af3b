/**
 * What surfaces and other parts of the host may ask of workflows and their runs.
 *
 * Every call carries whose it is: a run or a workflow of another tenant or workspace is answered
 * exactly like one that does not exist. "No" is a value (`RunRefusal`); a `Fault` is thrown when the
 * world failed. A call that changes something answers once the change is durable, and a read after it
 * sees the change.
 */
import type { ForkMode } from "../../kernel/run/context.ts";
import type { DefinitionProblem, WorkflowDefinition } from "../../kernel/run/definition/types.ts";
import type { RunDiff } from "../../kernel/run/diff.ts";
import type { EventDocument } from "../../kernel/run/document.ts";
import type { RunRejection, RunRejectionCode } from "../../kernel/run/rejection.ts";
import type { InterruptState, RunState } from "../../kernel/run/state.ts";
import type { JsonObject } from "../../lib/json.ts";
import type { Result } from "../../lib/result.ts";
import type { EpochMs } from "../../lib/time.ts";

/** On whose behalf something is asked. The caller has been authenticated and authorised. */
export interface RunScope {
  readonly tenant: string;
  readonly workspace: string;
  /** Opaque id of the principal; written as `cancelledBy`, `resolvedBy`, `decidedBy`. */
  readonly principal: string;
}

export type RunRefusalCode =
  | RunRejectionCode
  /** No workflow of this name is registered here. */
  | "workflow_not_found"
  /** The workflow is registered, but uses what this host does not offer (any more). */
  | "capability_required"
  /** The idempotency key was used with another body. */
  | "idempotency_key_mismatch"
  /** `onlyOne` was asked for, and an equivalent run is active; `details.activeRunId` names it. */
  | "run_already_active"
  /** A defect on our side; nothing was written. */
  | "internal_error";

export interface RunRefusal extends Omit<RunRejection, "code"> {
  readonly code: RunRefusalCode;
}

export interface WorkflowRef {
  readonly workflowId: string;
  /** SHA-256 of the definition's canonical JSON. */
  readonly digest: string;
}

export interface PutWorkflow extends WorkflowRef {
  readonly change: "created" | "changed" | "unchanged";
}

export interface WorkflowView extends WorkflowRef {
  /** As it was put, field by field. */
  readonly definition: WorkflowDefinition;
  /** False for those that belong to the host and that nobody may change. */
  readonly deletable: boolean;
}

export interface WorkflowPage {
  readonly workflows: readonly WorkflowView[];
  /** Goes on behind the last one; absent on the last page. */
  readonly cursor?: string;
}

export interface PageRequest {
  /** From the page before. One that is not ours gives an empty last page. */
  readonly cursor?: string;
  /** 1 to 200; 50 when absent. */
  readonly limit?: number;
}

/** What makes a repeated request the same one (openwop-core §7.1). */
export interface Idempotency {
  /** With what it belongs to, for example the route; stored as a digest only. */
  readonly key: string;
  /** Digest of the body's canonical JSON. */
  readonly bodyDigest: string;
}

export interface CreateRun {
  readonly workflowId: string;
  readonly inputs?: JsonObject;
  readonly configurable?: JsonObject;
  readonly tags?: readonly string[];
  readonly metadata?: JsonObject;
  /** How it was asked for, for example `rest`. */
  readonly transport?: string;
  readonly idempotency?: Idempotency;
  /**
   * Id of the new run, at most 128 characters without a slash; a fresh one when absent. An id that
   * exists gives `existing`.
   */
  readonly runId?: string;
  /** Refuses while a run of the same workflow with the same inputs is active in the workspace. */
  readonly onlyOne?: boolean;
}

export interface CreatedRun {
  /** `existing` when the idempotency key, or the id, has made this run before. */
  readonly outcome: "created" | "existing";
  readonly runId: string;
  /** Right after the run's first commit; the same each time the key is used again. */
  readonly status: string;
}

/** A run as it is now. */
export interface RunView {
  readonly runId: string;
  /** As a reader is shown it: a run that waits for its children has the status of one of them. */
  readonly status: string;
  /** Of the newest event. With the status it makes an ETag: `status` may follow a child's. */
  readonly lastSequence: number;
  /** The contract's run snapshot (openwop-core §2.2), but for tokens, callback URLs and costs. */
  readonly snapshot: JsonObject;
  readonly definition: WorkflowDefinition;
  readonly state: RunState;
}

export interface RunEvents {
  /** Oldest first; empty behind the end. */
  readonly events: readonly EventDocument[];
  readonly lastSequence: number;
  readonly status: string;
  /** True when the run has ended: no event will follow `lastSequence`. */
  readonly isTerminal: boolean;
}

/** A reader that goes on where it stands, from the log or live; it holds no memory while it is slow. */
export interface RunTail<Item = EventDocument> {
  /** At least one, oldest first. None after the terminal event, and when `signal` was aborted. */
  next(limit: number, signal: AbortSignal): Promise<readonly Item[]>;
}

/** An event, and the run snapshot right after it. */
export interface RunMoment {
  readonly event: EventDocument;
  /** Made when asked for. Its `status` is the run's own, not that of a child. */
  snapshot(): JsonObject;
}

export interface RunQuery extends PageRequest {
  /** The run's own: a run that waits for a child is `running`. */
  readonly statuses?: readonly string[];
  readonly workflowIds?: readonly string[];
  /** Runs that carry every one of these. */
  readonly tags?: readonly string[];
  /** Inclusive and exclusive. */
  readonly createdFrom?: EpochMs;
  readonly createdTo?: EpochMs;
  /** Newest first unless false. */
  readonly newestFirst?: boolean;
}

export interface RunRow {
  readonly runId: string;
  readonly workflowId: string;
  readonly status: string;
  readonly tags: readonly string[];
  readonly createdAt: EpochMs;
  readonly updatedAt: EpochMs;
  readonly lastSequence: number;
}

export interface RunPage {
  readonly runs: readonly RunRow[];
  readonly cursor?: string;
}

export interface BulkCancelled {
  readonly runId: string;
  readonly ok: boolean;
  readonly status?: string;
  /** `run_terminal` when it has ended otherwise than by a cancellation. */
  readonly error?: { readonly code: string; readonly message: string };
}

export interface PauseRequest {
  /** `drain-current-node` when absent. */
  readonly drainPolicy?: "immediate" | "drain-current-node";
  readonly reason?: string;
}

export interface InterruptAnswer {
  /** The interrupt itself, or the node whose newest interrupt is meant. */
  readonly target: { readonly interruptId: string } | { readonly nodeId: string };
  readonly value: unknown;
  readonly override?: { readonly reason: string };
}

/** What a verified token says; it stands for a scope. */
export interface InterruptTokenClaims {
  readonly runId: string;
  readonly nodeId: string;
  readonly interruptId: string;
}

export interface ForkRun {
  readonly mode: ForkMode;
  /** Events before it are copied. A replay may leave it out. */
  readonly fromSeq?: number;
  readonly overlay?: {
    readonly configurable?: JsonObject;
    readonly tags?: readonly string[];
    readonly metadata?: JsonObject;
  };
  readonly idempotency?: Idempotency;
}

export interface ForkedRun extends CreatedRun {
  readonly sourceRunId: string;
  readonly fromSeq: number;
  readonly mode: ForkMode;
}

export interface RunAncestry {
  readonly runId: string;
  /** Null for a run that no run has started. */
  readonly parent: {
    readonly runId: string;
    readonly nodeId: string;
    readonly cause: "core.subWorkflow" | "core.dispatch";
  } | null;
}

/** An event of any run, for those who follow all of them: webhooks, metrics, spans. */
export interface JournalledEvent {
  readonly tenant: string;
  readonly workspace: string;
  /** Place in the journal; rises. */
  readonly position: number;
  readonly event: EventDocument;
  /** True for an event that a fork has copied from its source: it happened before. */
  readonly copied: boolean;
}

export interface RunEngine {
  /** Registers or replaces. Runs keep the definition that they have started with. */
  putWorkflow(
    scope: RunScope,
    definition: unknown,
  ): Promise<Result<PutWorkflow, readonly DefinitionProblem[]>>;
  getWorkflow(scope: RunScope, workflowId: string): Promise<WorkflowView | undefined>;
  /** Those of the host first, then those of the workspace in the order of their first put. */
  listWorkflows(scope: RunScope, page?: PageRequest): Promise<WorkflowPage>;
  /** False when there is none that could be deleted. */
  deleteWorkflow(scope: RunScope, workflowId: string): Promise<boolean>;

  createRun(scope: RunScope, request: CreateRun): Promise<Result<CreatedRun, RunRefusal>>;
  getRun(scope: RunScope, runId: string): Promise<RunView | undefined>;
  /** The run as it was right after an event; undefined beyond the log. */
  getRunAt(scope: RunScope, runId: string, sequence: number): Promise<RunView | undefined>;
  /** Events behind `afterSequence` (-1: from the beginning), at most `limit`. */
  events(
    scope: RunScope,
    runId: string,
    page: { readonly afterSequence: number; readonly limit: number },
  ): Promise<RunEvents | undefined>;
  tail(scope: RunScope, runId: string, afterSequence: number): Promise<RunTail | undefined>;
  /** As `tail`, with the snapshot after each event. */
  moments(
    scope: RunScope,
    runId: string,
    afterSequence: number,
  ): Promise<RunTail<RunMoment> | undefined>;
  searchRuns(scope: RunScope, query: RunQuery): Promise<RunPage>;

  /** Idempotent. A run that has ended keeps its status. */
  cancel(scope: RunScope, runId: string, reason?: string): Promise<Result<RunView, RunRefusal>>;
  /** In the order of the ids, and as many. */
  bulkCancel(
    scope: RunScope,
    runIds: readonly string[],
    reason?: string,
  ): Promise<readonly BulkCancelled[]>;
  /** After a drain was asked for, the status is `running` until the nodes under way are done. */
  pause(
    scope: RunScope,
    runId: string,
    request?: PauseRequest,
  ): Promise<Result<RunView, RunRefusal>>;
  resume(scope: RunScope, runId: string): Promise<Result<RunView, RunRefusal>>;

  /** Open interrupts, oldest first. */
  openInterrupts(scope: RunScope, runId: string): Promise<readonly InterruptState[] | undefined>;
  resolve(
    scope: RunScope,
    runId: string,
    answer: InterruptAnswer,
  ): Promise<Result<RunView, RunRefusal>>;
  /** The interrupt that a token is for, whatever has become of it. */
  interruptOfToken(claims: InterruptTokenClaims): Promise<InterruptState | undefined>;
  resolveByToken(
    claims: InterruptTokenClaims,
    answer: { readonly value: unknown; readonly by: string },
  ): Promise<Result<RunView, RunRefusal>>;

  fork(
    scope: RunScope,
    sourceRunId: string,
    request: ForkRun,
  ): Promise<Result<ForkedRun, RunRefusal>>;
  diff(scope: RunScope, runId: string, against: string): Promise<RunDiff | undefined>;
  ancestry(scope: RunScope, runId: string): Promise<RunAncestry | undefined>;

  /** Changes variables from outside; a seam of the contract's tests. */
  setVariables(
    scope: RunScope,
    runId: string,
    variables: JsonObject,
  ): Promise<Result<RunView, RunRefusal>>;

  /** Follows the events of all runs behind a place in the journal. */
  follow(afterPosition: number): RunTail<JournalledEvent>;
  /** Place of the newest entry of the journal. */
  head(): number;
}
