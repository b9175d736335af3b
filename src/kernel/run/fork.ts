/**
 * A new run out of an old one's log (openwop-core §1.8, §6). Both kinds copy the events before a
 * sequence word for word. A `branch` goes on from there as any run does. A `replay` is fed what the
 * source was fed, at the times of the source, and calls nothing outside.
 */
import type { JsonObject } from "../../lib/json.ts";
import { ok, type Result } from "../../lib/result.ts";
import type { EpochMs } from "../../lib/time.ts";
import type { RunLog } from "./compare.ts";
import type { ForkMode, RunContext } from "./context.ts";
import { type Decision, decide } from "./decide.ts";
import { outstandingEffects } from "./effect.ts";
import type { LoggedEvent } from "./events.ts";
import { foldAll } from "./fold.ts";
import { type RunRejection, refuse } from "./rejection.ts";
import { Replay } from "./replay.ts";
import type { RunPlan } from "./session.ts";
import { startOf } from "./start.ts";
import type { RunState } from "./state.ts";

export interface ForkRequest {
  readonly source: RunLog;
  readonly runId: string;
  readonly now: EpochMs;
  readonly mode: ForkMode;
  /** Events before this sequence are copied; 0 when absent, which only a replay may leave out. */
  readonly fromSeq?: number;
  /** Of a branch: what replaces the source's options, field by field. */
  readonly overlay?: {
    readonly configurable?: JsonObject;
    readonly tags?: readonly string[];
    readonly metadata?: JsonObject;
  };
}

/** The fork's whole log as one commit, with the effects that it asks for. */
export function forkRun(plan: RunPlan, request: ForkRequest): Result<Decision, RunRejection> {
  const { source, mode, fromSeq = 0, overlay } = request;
  const context = source.log[0]?.facts?.run;
  if (context === undefined) return refuse("not_found", "the source has no log");
  const problem = requestProblem(request);
  if (problem !== undefined) return problem;
  // A fork is nobody's child: its source's parent waits for the source.
  const { parent: _, ...own } = context;
  const forked: RunContext = {
    ...own,
    runId: request.runId,
    ...overlay,
    configurable: { ...context.configurable, ...overlay?.configurable },
    fork: { sourceRunId: source.runId, fromSeq, mode },
  };
  const prefix = source.log.slice(0, fromSeq).map((event, index) => copied(event, index, forked));
  if (mode === "replay") return new Replay(plan, { source, prefix, context: forked }).run();
  const decision = branched(plan, { prefix, context: forked, now: request.now });
  if (!decision.ok) return decision;
  const { events, state } = decision.value;
  const effects = outstandingEffects(plan.workflow, state);
  return ok({ events: [...prefix, ...events], effects, state });
}

function requestProblem(request: ForkRequest): ReturnType<typeof refuse> | undefined {
  const { source, mode, fromSeq, overlay = {} } = request;
  if (fromSeq === undefined && mode === "branch") {
    return refuse("validation_error", "a branch needs fromSeq");
  }
  if (fromSeq !== undefined && (!Number.isSafeInteger(fromSeq) || fromSeq < 0)) {
    return refuse("validation_error", "fromSeq must be an integer of at least 0");
  }
  if (mode === "replay" && Object.keys(overlay).length > 0) {
    return refuse("validation_error", "a replay takes no overlay");
  }
  const boundary = source.log.length;
  if (fromSeq === undefined || fromSeq <= boundary) return undefined;
  const details = { sourceRunId: source.runId, fromSeq, boundary };
  return refuse("validation_error", `the source has ${boundary} events`, details);
}

function copied(event: LoggedEvent, index: number, context: RunContext): LoggedEvent {
  return index === 0 ? { ...event, facts: { ...event.facts, run: context } } : event;
}

interface Branch {
  readonly prefix: readonly LoggedEvent[];
  readonly context: RunContext;
  readonly now: EpochMs;
}

function branched(plan: RunPlan, { prefix, context, now }: Branch): Result<Decision, RunRejection> {
  const state: RunState | undefined = foldAll(prefix);
  if (state === undefined) return decide(plan, undefined, startOf(context, now));
  return decide(plan, state, { kind: "continue", now, cause: "fork" });
}
