/** Runs scenarios one after another and keeps what each of them counted. */
import type { ScenarioReport } from "./report.ts";
import { type Level, levelOf } from "./requirements.ts";
import type { Scenario } from "./scenario.ts";
import type { Daemon } from "./target/daemon.ts";
import { NotAttempted, Silent, Stop, Trial } from "./trial.ts";
import type { Launch, Workshop } from "./workshop.ts";

export interface ScenarioRun {
  readonly scenario: Scenario;
  readonly trial: Trial;
  readonly ms: number;
  /** It broke off on something unforeseen. */
  readonly error: boolean;
  /** It broke off because the daemon left a request without an answer. */
  readonly silent: boolean;
  /** Why it ended early or was not attempted. */
  readonly reason?: string;
}

export function concerns(scenario: Scenario, levels: readonly Level[]): boolean {
  return scenario.cites.some((id) => levels.includes(levelOf(id)));
}

export async function runScenario(scenario: Scenario, bench: Workshop): Promise<ScenarioRun> {
  if (scenario.needs === "start" && bench.launch === undefined) {
    return leftOut(scenario, bench, "needs a command that starts the daemon (--start)");
  }
  const launched: Daemon[] = [];
  const trial = new Trial(withLaunchesKept(bench, launched), new Set(scenario.cites));
  const started = performance.now();
  const end = await endOf(scenario, trial);
  // Killed, not stopped: what a daemon does on the way down is no part of what was checked.
  await Promise.all(launched.map((daemon) => daemon.kill().catch(() => undefined)));
  return { scenario, trial, ms: Math.round(performance.now() - started), ...end };
}

/** A scenario that was not run at all, and why. */
export function leftOut(scenario: Scenario, bench: Workshop, reason: string): ScenarioRun {
  const trial = new Trial(bench, new Set(scenario.cites));
  return { scenario, trial, ms: 0, error: false, silent: false, reason };
}

function withLaunchesKept(bench: Workshop, launched: Daemon[]): Workshop {
  const { launch } = bench;
  if (launch === undefined) return bench;
  const keeping: Launch = async (ledger) => {
    const daemon = await launch(ledger);
    launched.push(daemon);
    return daemon;
  };
  return { ...bench, launch: keeping };
}

type End = Pick<ScenarioRun, "error" | "silent"> & { readonly reason?: string };

async function endOf(scenario: Scenario, trial: Trial): Promise<End> {
  try {
    await scenario.run(trial);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const silent = error instanceof Silent;
    const foreseen = error instanceof NotAttempted || error instanceof Stop;
    return { error: !foreseen, silent, reason };
  }
  if (trial.ownAssertions > 0) return { error: false, silent: false };
  return { error: false, silent: false, reason: "the scenario asserted nothing" };
}

export function reportScenario(run: ScenarioRun): ScenarioReport {
  const { scenario, trial, ms, reason } = run;
  let assertions = 0;
  for (const tally of trial.tallies.values()) assertions += tally.assertions;
  return {
    id: scenario.id,
    title: scenario.title,
    outcome: outcomeFor(run),
    requests: trial.requests,
    assertions,
    ms,
    findings: trial.findings,
    ...(reason === undefined ? {} : { reason }),
  };
}

/** Shape checks alone pass nothing: a scenario counts once it asserted something of its own. */
function outcomeFor({ error, trial }: ScenarioRun): ScenarioReport["outcome"] {
  if (error) return "error";
  if (trial.findings.length > 0) return "failed";
  return trial.ownAssertions > 0 ? "passed" : "not attempted";
}
