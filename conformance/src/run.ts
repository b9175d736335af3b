/** Runs scenarios one after another and keeps what each of them counted. */
import type { ScenarioReport } from "./report.ts";
import { type Level, levelOf } from "./requirements.ts";
import type { Scenario } from "./scenario.ts";
import type { DaemonProcess } from "./target/process.ts";
import { NotAttempted, Stop, type Surroundings, Trial } from "./trial.ts";

export interface ScenarioRun {
  readonly scenario: Scenario;
  readonly trial: Trial;
  readonly ms: number;
  /** It broke off on something unforeseen, or asserted nothing of its own. */
  readonly error: boolean;
  /** Why it ended early or was not attempted. */
  readonly reason?: string;
  readonly attempted: boolean;
}

export interface Workshop {
  readonly surroundings: Omit<Surroundings, "cites" | "launch">;
  /** Absent without a start command. */
  readonly launch?: (ledger: string) => Promise<DaemonProcess>;
}

export function concerns(scenario: Scenario, levels: readonly Level[]): boolean {
  return scenario.cites.some((id) => levels.includes(levelOf(id)));
}

export async function runScenario(scenario: Scenario, workshop: Workshop): Promise<ScenarioRun> {
  const launched: DaemonProcess[] = [];
  const { launch } = workshop;
  const trial = new Trial({
    ...workshop.surroundings,
    cites: new Set(scenario.cites),
    ...(launch === undefined ? {} : { launch: (ledger) => keep(launched, launch(ledger)) }),
  });
  const lacking = whatIsLacking(scenario, workshop);
  if (lacking !== undefined) {
    return { scenario, trial, ms: 0, error: false, reason: lacking, attempted: false };
  }
  const started = performance.now();
  const end = await outcomeOf(scenario, trial);
  // Killed, not stopped: what a daemon does on the way down is no part of what was checked.
  await Promise.all(launched.map((daemon) => daemon.kill().catch(() => undefined)));
  return { scenario, trial, ms: Math.round(performance.now() - started), ...end };
}

async function keep(
  launched: DaemonProcess[],
  launching: Promise<DaemonProcess>,
): Promise<DaemonProcess> {
  const daemon = await launching;
  launched.push(daemon);
  return daemon;
}

function whatIsLacking(scenario: Scenario, workshop: Workshop): string | undefined {
  if (scenario.needs === "start" && workshop.launch === undefined) {
    return "needs a command that starts the daemon (--start)";
  }
  return undefined;
}

type End = Pick<ScenarioRun, "error" | "attempted"> & { readonly reason?: string };

async function outcomeOf(scenario: Scenario, trial: Trial): Promise<End> {
  try {
    await scenario.run(trial);
  } catch (error) {
    if (error instanceof NotAttempted) {
      return { error: false, attempted: trial.ownAssertions > 0, reason: error.message };
    }
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof Stop) return { error: false, attempted: true, reason };
    return { error: true, attempted: true, reason };
  }
  if (trial.ownAssertions > 0) return { error: false, attempted: true };
  return { error: true, attempted: true, reason: "the scenario asserted nothing" };
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

function outcomeFor({ error, trial, attempted }: ScenarioRun): ScenarioReport["outcome"] {
  if (error) return "error";
  if (trial.findings.length > 0) return "failed";
  return attempted && trial.ownAssertions > 0 ? "passed" : "not attempted";
}
