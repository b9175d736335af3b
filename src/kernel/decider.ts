import type { Rejection } from "../errors/rejection.ts";
import type { Result } from "../lib/result.ts";

/**
 * The shape of every stream. `fold` is total: any event on any state gives a state. `decide` is
 * pure: time, ids and randomness arrive inside the command. What it returns is written in order,
 * or, for a rejection or an empty list, nothing is written at all.
 */
export interface Decider<State, Command, Draft, Event> {
  readonly fold: (state: State | undefined, event: Event) => State | undefined;
  readonly decide: (
    state: State | undefined,
    command: Command,
  ) => Result<readonly Draft[], Rejection>;
}
