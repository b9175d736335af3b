import type { Result } from "./report.ts";

export interface Effort {
  /** Rounds of interleaved measurements; the median counts. */
  readonly rounds: number;
  /** Seconds of one timed measurement. */
  readonly seconds: number;
  /** Numbers of clients that submit at the same time. */
  readonly clients: readonly number[];
  /** Short ledgers and few events: checks that everything runs, measures little. */
  readonly quick: boolean;
}

export interface Scenario {
  readonly name: string;
  readonly about: string;
  run(effort: Effort): Promise<readonly Result[]>;
}
