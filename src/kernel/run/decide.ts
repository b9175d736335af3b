/**
 * The run kernel: what happens in a run of a workflow (openwop-core §2–§6), as pure functions.
 *
 * - `parseWorkflow` makes a definition ready to run, or says what is wrong with it.
 * - `decide` takes a run's state and one input, and gives the events to append and the effects to
 *   carry out. Pure nodes run inside it, so a workflow of pure nodes starts and ends in one commit.
 * - `foldAll` gives the state of a log. It needs no definition.
 * - `outstandingEffects` is what a state asks of the world: all of it is issued after a restart.
 * - `dueAt` says when the run wants a `tick`.
 * - `forkRun` and `replayRun` make a new run of an old one's log; `diffRuns` compares two.
 *
 * The caller redacts and validates events before it appends them. Where that changes a value, a later
 * fold sees the changed one; `Decision.state` has the values as they were, for as long as the caller
 * keeps it in memory.
 */
import type { JsonObject } from "../../lib/json.ts";
import { ok, type Result } from "../../lib/result.ts";
import type { EpochMs } from "../../lib/time.ts";
import { mayCrossEngines } from "./channel.ts";
import { childFinished, childStarted } from "./child-news.ts";
import { cancel, conclude, goOnFrom, pause, resume } from "./control.ts";
import { type Effect, newEffects, outstandingEffects } from "./effect.ts";
import type { EventFacts, LoggedEvent } from "./events.ts";
import type { AttemptRef, PinVersion, RunInput, SetVariables, WriteChannel } from "./input.ts";
import { resolveInterrupt } from "./interrupt-close.ts";
import { nodeFinished, nodeReported, tick } from "./outcome.ts";
import { type RunRejection, refuse } from "./rejection.ts";
import { advance, lookAtAll } from "./schedule.ts";
import { type RunPlan, Session } from "./session.ts";
import { startedEvent } from "./start.ts";
import { own, type RunState } from "./state.ts";
import { channelWritten, variableChanged } from "./variable.ts";

export interface Decision {
  /** To be appended in this order, in one commit; none when the input changed nothing. */
  readonly events: readonly LoggedEvent[];
  /** To be carried out once the events are durable. */
  readonly effects: readonly Effect[];
  /** The fold of everything up to here. */
  readonly state: RunState;
}

/** Decides one input. A rejection writes nothing. Inputs to a run that has ended change nothing. */
export function decide(
  plan: RunPlan,
  state: RunState | undefined,
  input: RunInput,
): Result<Decision, RunRejection> {
  const decision = decideOnce(plan, state, input);
  if (!decision.ok || decision.value.state.context.fork?.mode !== "replay") return decision;
  // A replay that lives on, because its source waited for somebody, still calls nobody.
  const more = starved(plan, decision.value.state);
  const events = [decision.value, ...more].flatMap((part) => part.events);
  return ok({ events, effects: [], state: more.at(-1)?.state ?? decision.value.state });
}

/**
 * Fails whatever a replay would have to ask the world for and its source cannot tell: safer than
 * doing it (openwop-core §6.2). Each failure is a commit of its own.
 */
export function starved(plan: RunPlan, state: RunState): readonly Decision[] {
  const decisions: Decision[] = [];
  let last = state;
  for (;;) {
    const [effect] = outstandingEffects(plan.workflow, last).filter(
      ({ kind }) => kind === "run-node" || kind === "start-child" || kind === "await-child",
    );
    if (effect === undefined || last.end !== undefined) return decisions;
    const decision = decideOnce(plan, last, refusalOf(effect, last.at));
    if (!decision.ok) return decisions;
    decisions.push(decision.value);
    last = decision.value.state;
  }
}

function refusalOf(effect: Effect, now: EpochMs): RunInput {
  const message = "the source of this replay has no record of it";
  const error = { code: "replay_source_missing", message, retryable: false };
  if (effect.kind === "start-child") {
    return { kind: "child-started", now, ref: effect.ref, started: { error } };
  }
  if (effect.kind === "await-child") {
    const { ref } = effect;
    return { kind: "child-finished", now, ref, status: "failed", variables: {}, error };
  }
  const { nodeId = "", iteration = 0, attempt = 0, step = 0 } = effect as Partial<AttemptRef>;
  const work = { nodeId, iteration, attempt, step };
  return { kind: "node-finished", now, ...work, outcome: { ok: false, error } };
}

/** `decide` for a run that is no replay, or for the replay itself. */
export function decideOnce(
  plan: RunPlan,
  state: RunState | undefined,
  input: RunInput,
): Result<Decision, RunRejection> {
  if (input.kind === "start") {
    if (state !== undefined) return refuse("conflict", "the run has started already");
    const started = startedEvent(plan, input);
    if (!started.ok) return started;
    const session = Session.begin(plan, started.value);
    lookAtAll(session);
    return ok(finished(session, undefined, undefined));
  }
  if (state === undefined) return refuse("not_found", "there is no such run");
  const session = Session.on(plan, state, input.now);
  const handled = handle(session, input);
  return handled.ok ? ok(finished(session, state, input)) : handled;
}

/** Lets everything run that can, and collects what came of it. */
function finished(
  session: Session,
  before: RunState | undefined,
  input: RunInput | undefined,
): Decision {
  // A log that ends just before a run's end needs nothing but that end.
  const hasMoved = session.events.length > 0 || input?.kind === "continue";
  if (hasMoved) {
    advance(session);
    conclude(session);
  }
  const { events, state, workflow } = session;
  const [first, ...rest] = events;
  return {
    events:
      first === undefined || input === undefined
        ? events
        : [recorded(first, input, events), ...rest],
    effects: hasMoved ? newEffects(workflow, before, state) : [],
    state,
  };
}

/** The commit's first event, with what was decided: a replay feeds it again. */
function recorded(
  event: LoggedEvent,
  input: RunInput,
  events: readonly LoggedEvent[],
): LoggedEvent {
  const facts: EventFacts = { ...event.facts, input: slim(input, events) };
  return { ...event, facts };
}

/** Outputs can be large; those that the commit writes anyway are not written twice. */
function slim(input: RunInput, events: readonly LoggedEvent[]): RunInput {
  if (input.kind !== "node-finished" || !("outputs" in input.outcome)) return input;
  const { outputs } = input.outcome;
  const isWritten = events.some(
    ({ type, nodeId, payload }) =>
      type === "node.completed" && nodeId === input.nodeId && payload["outputs"] === outputs,
  );
  if (!isWritten) return input;
  return { ...input, outcome: { ok: true, outputs: {} }, outputsInEvent: true };
}

type Handled = Result<undefined, RunRejection>;
type Handlers = {
  readonly [K in Exclude<RunInput["kind"], "start">]: (
    session: Session,
    input: Extract<RunInput, { readonly kind: K }>,
  ) => Handled;
};

const HANDLERS: Handlers = {
  "node-reported": nodeReported,
  "node-finished": nodeFinished,
  tick,
  resolve: resolveInterrupt,
  cancel,
  pause,
  resume,
  continue: goOnFrom,
  "child-started": childStarted,
  "child-finished": childFinished,
  "write-channel": writeChannel,
  "set-variables": setVariables,
  "pin-version": pinVersion,
};

/** Inputs that a run which has ended answers for itself. */
const AFTER_END: ReadonlySet<string> = new Set([
  "cancel",
  "continue",
  "pause",
  "resume",
  "resolve",
  "tick",
]);

function handle(session: Session, input: Exclude<RunInput, { kind: "start" }>): Handled {
  const { end } = session.state;
  if (end !== undefined && !AFTER_END.has(input.kind)) {
    return refuse("stale_outcome", `the run is ${end.status}`, { runStatus: end.status });
  }
  const handler = HANDLERS[input.kind] as (session: Session, input: RunInput) => Handled;
  return handler(session, input);
}

function writeChannel(session: Session, input: WriteChannel): Handled {
  const { host, now, state, workflow } = session;
  const { definition } = workflow;
  const reducer = own(definition.channels ?? {}, input.channel)?.reducer;
  if (reducer === undefined) {
    return refuse("validation_error", `no channel "${input.channel}" is declared`);
  }
  if (input.sourceEngineId !== undefined && !mayCrossEngines(reducer)) {
    const message = `${reducer} channels take no writes from other engines`;
    return refuse("channel_cross_engine_write_forbidden", message);
  }
  const { kind: _, now: __, ...write } = input;
  const event = channelWritten({ host, now, state, definition }, write, undefined);
  if (!event.ok) {
    const denied = event.error.code === "channel_access_denied";
    return refuse(denied ? "channel_access_denied" : "validation_error", event.error.message);
  }
  session.emit(event.value);
  return ok(undefined);
}

function setVariables(session: Session, { variables }: SetVariables): Handled {
  const { host, now, state, workflow } = session;
  const scope = { host, now, state, definition: workflow.definition };
  const events = [];
  for (const [name, value] of Object.entries(variables)) {
    const event = variableChanged(scope, undefined, name, value);
    if (!event.ok) return refuse("validation_error", event.error.message);
    events.push(event.value);
  }
  for (const event of events) session.emit(event);
  return ok(undefined);
}

function pinVersion(session: Session, { nodeId, changeId, min, max }: PinVersion): Handled {
  const pinned = own(session.state.pins, changeId);
  const version = pinned ?? max;
  if (version < min || version > max) {
    const message = `"${changeId}" is pinned to ${version}, the code takes ${min} to ${max}`;
    return refuse("version_out_of_range", message);
  }
  const payload: JsonObject = { changeId, version, nodeId };
  if (pinned === undefined) session.emit({ type: "version.pinned", nodeId, payload });
  return ok(undefined);
}
