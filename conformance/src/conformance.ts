/**
 * The conformance kit for JobSpec v0. It knows a URL, and, for what only a restart can show, a way
 * to start the daemon under test.
 */

import { type Progress, runAll } from "./lanes.ts";
import type { Report } from "./report.ts";
import { LEVELS, type Level } from "./requirements.ts";
import { concerns, reportScenario, type ScenarioRun } from "./run.ts";
import type { Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios/all.ts";
import { CANCEL } from "./scenarios/wording.ts";
import { shownUrl, withoutSecrets } from "./secrets.ts";
import type { Daemon } from "./target/daemon.ts";
import { ANSWER_MS_MAX, Connections, type Endpoint, exchange } from "./target/http.ts";
import type { Launcher } from "./target/launcher.ts";
import { commandLauncher } from "./target/process.ts";
import { judgeLevels, judgeRequirements } from "./verdict.ts";
import { type Launch, launchAt, rootsIn, workshop } from "./workshop.ts";

export type { Progress } from "./lanes.ts";
export { htmlReport } from "./report/html.ts";
export { jsonReport } from "./report/json.ts";
export { junitReport } from "./report/junit.ts";
export { terminalReport } from "./report/terminal.ts";
export { isConformant, type Report } from "./report.ts";
export type { Level, Requirement } from "./requirements.ts";
export { REQUIREMENTS } from "./requirements.ts";
export type { Launcher, LaunchPlan, Running } from "./target/launcher.ts";

export interface ConformanceOptions {
  /** The daemon under test. May be left out when `start` is given. */
  readonly url?: string;
  readonly token?: string;
  /** All four when absent. */
  readonly levels?: readonly Level[];
  /** Only scenarios with these ids or of these groups (what stands before the slash). */
  readonly only?: readonly string[];
  /**
   * Starts a daemon: a shell command in which {root}, {port} and {token_file} are filled in, or a
   * function for those who can do it better.
   */
  readonly start?: string | Launcher;
  /** Where the roots of started daemons are made; a new temporary directory when absent. */
  readonly root?: string;
  /** How long one answer may take, in milliseconds; 30,000 when absent. */
  readonly answerMsMax?: number;
  readonly onProgress?: (progress: Progress) => void;
}

/** There is nothing to judge: no daemon answered, none could be started, no scenario was chosen. */
export class Unreachable extends Error {}

/**
 * Runs every scenario of the levels against the daemon and judges it.
 *
 * It submits real jobs, claims and cancels jobs: give it a daemon that nobody works with.
 * Throws Unreachable when no daemon answers health.
 */
export async function runConformance(options: ConformanceOptions): Promise<Report> {
  const startedAt = new Date();
  const chosen = chosenOf(options);
  const secrets = new Set([options.token ?? ""]);
  const connections = new Connections(options.answerMsMax ?? ANSWER_MS_MAX);
  const roots = await rootsIn(options.root);
  const launcher = launcherOf(options);
  const onToken = (token: string): unknown => secrets.add(token);
  const launch = launcher && launchAt({ launcher, roots, connections, onToken });
  let own: Daemon | undefined;
  try {
    if (options.url === undefined) own = await startOwn(launch);
    const given = { url: options.url ?? "", token: options.token ?? "", connections };
    if (own === undefined) await mustAnswer(given);
    const endpoint = own?.endpoint ?? given;
    const runs = await runAll(chosen, workshop(endpoint, launch), (progress) =>
      options.onProgress?.(progress),
    );
    if (own === undefined) await cancelLeftovers(endpoint, runs);
    return withoutSecrets(reportOf(options, runs, startedAt), secrets);
  } finally {
    await own?.stop();
    connections.close();
    await roots.remove();
  }
}

function levelsOf(options: ConformanceOptions): readonly Level[] {
  return options.levels ?? LEVELS.map(({ level }) => level);
}

function chosenOf(options: ConformanceOptions): readonly Scenario[] {
  const { only } = options;
  const levels = levelsOf(options);
  const chosen = SCENARIOS.filter(
    (scenario) =>
      concerns(scenario, levels) &&
      (only === undefined ||
        only.some((name) => scenario.id === name || scenario.id.startsWith(`${name}/`))),
  );
  if (chosen.length === 0) throw new Unreachable(`no scenario is called ${only?.join() ?? "so"}`);
  return chosen;
}

function launcherOf({ start, token }: ConformanceOptions): Launcher | undefined {
  return typeof start === "string" ? commandLauncher(start, token ?? "") : start;
}

async function startOwn(launch: Launch | undefined): Promise<Daemon> {
  if (launch === undefined) throw new Unreachable("neither a URL nor a way to start a daemon");
  return launch("").catch((error: unknown) => {
    throw new Unreachable(error instanceof Error ? error.message : String(error));
  });
}

async function mustAnswer(endpoint: Endpoint): Promise<void> {
  const health = await exchange(endpoint, "GET", "/v1/health");
  if (health.status !== 0) return;
  throw new Unreachable(`${shownUrl(endpoint.url)} does not answer: ${health.text}`);
}

const CANCELS_AT_ONCE = 16;

/** Somebody else's daemon is left without queued jobs of ours. */
async function cancelLeftovers(endpoint: Endpoint, runs: readonly ScenarioRun[]): Promise<void> {
  const left = runs.flatMap(({ trial }) => trial.submittedToTarget);
  while (left.length > 0) {
    const some = left.splice(0, CANCELS_AT_ONCE);
    const answers = await Promise.all(
      some.map((job_id) => exchange(endpoint, "POST", CANCEL, { body: { job_id } })),
    );
    if (answers.some((answer) => answer.silent)) return;
  }
}

function reportOf(
  options: ConformanceOptions,
  runs: readonly ScenarioRun[],
  startedAt: Date,
): Report {
  const { url, start } = options;
  const levels = levelsOf(options);
  const requirements = judgeRequirements(runs, levels);
  const scenarios = runs.map(reportScenario);
  return {
    kit: { name: "keelson-conform", contract: "jobspec.v0" },
    target: {
      ...(url === undefined ? {} : { url: shownUrl(url) }),
      ...(start === undefined ? {} : { start: typeof start === "string" ? start : "a function" }),
    },
    startedAt: startedAt.toISOString(),
    ms: Date.now() - startedAt.getTime(),
    levels: judgeLevels(requirements, levels),
    requirements,
    scenarios,
    requests: scenarios.reduce((sum, each) => sum + each.requests, 0),
    assertions: scenarios.reduce((sum, each) => sum + each.assertions, 0),
  };
}
