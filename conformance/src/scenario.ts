import type { RequirementId } from "./requirements.ts";
import type { Trial } from "./trial.ts";

export interface Scenario {
  /** `group/name`, unique. */
  readonly id: string;
  /** A sentence: what is done and what is to come of it. */
  readonly title: string;
  readonly cites: readonly RequirementId[];
  /** `start`: works only with a command that starts the daemon over a prepared ledger. */
  readonly needs: "url" | "start";
  readonly run: (trial: Trial) => Promise<void>;
}
