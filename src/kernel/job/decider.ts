import type { Decider } from "../decider.ts";
import { decide, type JobCommand } from "./decide.ts";
import type { EventDraft, NumberedEvent } from "./events.ts";
import { fold, type JobState } from "./state.ts";

/** The job stream, in the shape of every stream: what the engine's workspace runs. */
export const jobDecider: Decider<JobState, JobCommand, EventDraft, NumberedEvent> = {
  fold,
  decide,
};
