/** Runs the chosen scenarios: what is about one daemon in a row, what starts its own beside it. */
import { leftOut, runScenario, type ScenarioRun } from "./run.ts";
import type { Scenario } from "./scenario.ts";
import type { Workshop } from "./workshop.ts";

export interface Progress {
  readonly done: number;
  readonly total: number;
  /** The scenario that begins now; absent when all are done. */
  readonly scenario?: string;
}

/** How many scenarios with daemons of their own run at a time. */
const STARTING_LANES = 2;
/** A daemon that hangs this often is not going to answer the rest. */
const SILENT_SCENARIOS_MAX = 3;

/** The runs in the order of the scenarios, whichever ended first. */
export async function runAll(
  chosen: readonly Scenario[],
  bench: Workshop,
  onProgress: (progress: Progress) => void,
): Promise<readonly ScenarioRun[]> {
  const runs = new Map<Scenario, ScenarioRun>();
  const total = chosen.length;
  let silent = 0;
  const lane = async (waiting: Scenario[]): Promise<void> => {
    for (let scenario = waiting.shift(); scenario !== undefined; scenario = waiting.shift()) {
      onProgress({ done: runs.size, total, scenario: scenario.id });
      const run =
        silent < SILENT_SCENARIOS_MAX
          ? await runScenario(scenario, bench)
          : leftOut(scenario, bench, "not tried: the daemon had let too many requests hang");
      if (run.silent) silent += 1;
      runs.set(scenario, run);
    }
  };
  // Scenarios about the daemon at the URL would see each other's jobs if they ran at once.
  const atUrl = chosen.filter(({ needs }) => needs === "url");
  const starting = chosen.filter(({ needs }) => needs === "start");
  const lanes = Array.from({ length: STARTING_LANES }, () => lane(starting));
  await Promise.all([lane(atUrl), ...lanes]);
  onProgress({ done: total, total });
  return chosen.flatMap((scenario) => runs.get(scenario) ?? []);
}
