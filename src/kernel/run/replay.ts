/**
 * Runs a log again (openwop-core §6.2, §6.3). Every commit of the source carries the input that it
 * decided; the replay decides the same inputs at the same times, reads no clock and calls nobody. The
 * first event that differs is told by `replay.diverged`, and the replay goes on.
 */
import { ok, type Result } from "../../lib/result.ts";
import { type RunLog, sameEvent } from "./compare.ts";
import type { RunContext } from "./context.ts";
import { type Decision, decideOnce, starved } from "./decide.ts";
import { eventIdOf } from "./document.ts";
import { isTerminalType, type LoggedEvent } from "./events.ts";
import { foldAll } from "./fold.ts";
import type { RunInput } from "./input.ts";
import type { RunRejection } from "./rejection.ts";
import type { RunPlan } from "./session.ts";
import { startOf } from "./start.ts";
import type { RunState } from "./state.ts";

interface ReplayOf {
  readonly source: RunLog;
  /** Events that are copied, the first with the replay's own context. */
  readonly prefix: readonly LoggedEvent[];
  readonly context: RunContext;
}

/** One commit of the source. */
interface Commit {
  readonly from: number;
  readonly input: RunInput;
}

export class Replay {
  readonly #plan: RunPlan;
  readonly #source: RunLog;
  readonly #context: RunContext;
  readonly #events: LoggedEvent[];
  #state: RunState | undefined;
  #diverged = false;

  constructor(plan: RunPlan, { source, prefix, context }: ReplayOf) {
    this.#plan = plan;
    this.#source = source;
    this.#context = context;
    this.#events = [...prefix];
    this.#state = foldAll(prefix);
  }

  /** The whole log of the replay. It asks for no effect. */
  run(): Result<Decision, RunRejection> {
    const commits = commitsOf(this.#source.log, this.#context);
    const copied = this.#events.length;
    const begun = commits.findLast(({ from }) => from < copied);
    const isCut = begun !== undefined && (this.#nextAfter(commits, begun) ?? copied) > copied;
    if (isCut) this.#finish(begun, copied);
    for (const { from, input } of commits) {
      if (from < copied) continue;
      const decision = this.#decide(this.#state, input);
      if (decision.ok) this.#take(decision.value.events);
      else if (this.#state === undefined) return decision;
    }
    const { state } = this.#end();
    return ok({ events: this.#events, effects: [], state });
  }

  /** Where the commit behind this one begins. */
  #nextAfter(commits: readonly Commit[], commit: Commit): number | undefined {
    return commits[commits.indexOf(commit) + 1]?.from ?? this.#source.log.length;
  }

  /** The rest of a commit of which the copied events are the beginning. */
  #finish({ from, input }: Commit, copied: number): void {
    const before = foldAll(this.#events.slice(0, from));
    const decision = this.#decide(before, input);
    const events = decision.ok ? decision.value.events : [];
    const mine = events.slice(0, copied - from);
    const agrees =
      mine.length === copied - from &&
      mine.every((event, index) => this.#isSame(event, from + index));
    if (agrees) {
      this.#take(events.slice(copied - from));
      return;
    }
    // The code has changed since: what was copied stands, and the rest follows from it.
    const now = this.#state?.at ?? 0;
    const goesOn = this.#decide(this.#state, { kind: "continue", now, cause: "fork" });
    if (goesOn.ok) this.#take(goesOn.value.events);
  }

  #decide(state: RunState | undefined, input: RunInput): Result<Decision, RunRejection> {
    return decideOnce(this.#plan, state, input);
  }

  /** Appends a commit, and the divergence that it brings, before the end if it is the end. */
  #take(events: readonly LoggedEvent[]): void {
    const at = this.#diverged ? undefined : this.#firstDifference(events);
    const added = at === undefined ? [] : [this.#divergence(at, events)];
    this.#diverged ||= at !== undefined;
    const last = events.at(-1);
    const ends = last !== undefined && isTerminalType(last.type);
    const whole = ends ? [...events.slice(0, -1), ...added, last] : [...events, ...added];
    this.#events.push(...whole);
    this.#state = foldAll(whole, this.#state);
  }

  #firstDifference(events: readonly LoggedEvent[]): number | undefined {
    const from = this.#events.length;
    const found = events.findIndex((event, index) => !this.#isSame(event, from + index));
    return found === -1 ? undefined : from + found;
  }

  #isSame(event: LoggedEvent, sequence: number): boolean {
    const original = this.#source.log[sequence];
    if (original === undefined) return false;
    const { runId } = this.#source;
    return sameEvent({ runId, event: original }, { runId: this.#context.runId, event });
  }

  #divergence(sequence: number, events: readonly LoggedEvent[]): LoggedEvent {
    const original = this.#source.log[sequence];
    const event = events[sequence - this.#events.length];
    const at = (event ?? events.at(-1) ?? original)?.at ?? this.#state?.at ?? 0;
    const hasNode = (event ?? original)?.nodeId;
    return {
      type: "replay.diverged",
      at,
      payload: {
        sourceRunId: this.#source.runId,
        atSequence: sequence,
        ...(original === undefined
          ? {}
          : { originalEventId: eventIdOf(this.#source.runId, sequence) }),
        ...(event === undefined ? {} : { replayEventId: eventIdOf(this.#context.runId, sequence) }),
        divergenceKind: kindOf(original, event),
        divergencePoint: hasNode ?? (event ?? original)?.type ?? "",
      },
      ...(hasNode === undefined ? {} : { nodeId: hasNode }),
    };
  }

  /** What the source cannot tell fails; and a source that went further is a divergence too. */
  #end(): { readonly state: RunState } {
    const state = this.#state;
    if (state === undefined) throw new Error("a replay without a start");
    for (const decision of starved(this.#plan, state)) this.#take(decision.events);
    const isShort = this.#events.length < this.#source.log.length;
    if (!this.#diverged && isShort && this.#state?.end === undefined) {
      this.#diverged = true;
      const event = this.#divergence(this.#events.length, []);
      this.#events.push(event);
      this.#state = foldAll([event], this.#state);
    }
    return { state: this.#state ?? state };
  }
}

function kindOf(original: LoggedEvent | undefined, event: LoggedEvent | undefined): string {
  if (event === undefined) return "missing";
  if (original === undefined) return "extra";
  const isOther = original.type !== event.type || original.nodeId !== event.nodeId;
  return isOther ? "type-mismatch" : "output";
}

/** The commits of a log, each with its input as it was given. */
function commitsOf(log: readonly LoggedEvent[], context: RunContext): readonly Commit[] {
  const [first] = log;
  const commits: Commit[] =
    first === undefined ? [] : [{ from: 0, input: startOf(context, first.at) }];
  log.forEach(({ facts, at }, from) => {
    const input = facts?.input;
    if (input === undefined) return;
    commits.push({ from, input: restored({ ...input, now: at }, log, from) });
  });
  return commits;
}

/** Outputs that stand in the node's completion were not recorded twice. */
function restored(input: RunInput, log: readonly LoggedEvent[], from: number): RunInput {
  if (input.kind !== "node-finished" || input.outputsInEvent !== true) return input;
  const completed = log
    .slice(from)
    .find(({ type, nodeId }) => type === "node.completed" && nodeId === input.nodeId);
  const outputs = completed?.payload["outputs"] as Readonly<Record<string, unknown>> | undefined;
  return { ...input, outcome: { ok: true, outputs: outputs ?? {} } };
}
