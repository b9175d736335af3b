/**
 * The conformance kit for JobSpec v0. It knows a URL, and, for what only a restart can show, a
 * command that starts the daemon under test.
 */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Report } from "./report.ts";
import { LEVELS, type Level } from "./requirements.ts";
import { concerns, reportScenario, runScenario, type ScenarioRun, type Workshop } from "./run.ts";
import { SCENARIOS } from "./scenarios/all.ts";
import { CANCEL } from "./scenarios/wording.ts";
import { closeConnections, type Endpoint, exchange } from "./target/http.ts";
import { DaemonProcess } from "./target/process.ts";
import { judgeLevels, judgeRequirements } from "./verdict.ts";

export { htmlReport } from "./report/html.ts";
export { jsonReport } from "./report/json.ts";
export { junitReport } from "./report/junit.ts";
export { terminalReport } from "./report/terminal.ts";
export { isConformant, type Report } from "./report.ts";
export type { Level, Requirement } from "./requirements.ts";
export { REQUIREMENTS } from "./requirements.ts";

export interface ConformanceOptions {
  /** The daemon under test. May be left out when `start` is given. */
  readonly url?: string;
  readonly token?: string;
  /** All four when absent. */
  readonly levels?: readonly Level[];
  /** Shell command that starts a daemon; {root}, {port} and {token_file} are filled in. */
  readonly start?: string;
  /** Where the roots of started daemons are made; a new temporary directory when absent. */
  readonly root?: string;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  /** The scenario that begins now; absent when all are done. */
  readonly scenario?: string;
}

/** There is nothing to judge: no daemon answered, or none could be started. */
export class Unreachable extends Error {}

/**
 * Runs every scenario of the levels against the daemon and judges it.
 *
 * It submits real jobs, claims and cancels jobs: give it a daemon that nobody works with.
 * Throws Unreachable when no daemon answers health.
 */
export async function runConformance(options: ConformanceOptions): Promise<Report> {
  const levels = options.levels ?? LEVELS.map(({ level }) => level);
  const startedAt = new Date();
  const roots = await rootsIn(options.root);
  const endpoint: Endpoint = { url: options.url ?? "", token: options.token ?? "" };
  let own: DaemonProcess | undefined;
  try {
    if (options.url === undefined) own = await startOwn(options, roots, endpoint);
    else await mustAnswer(endpoint);
    const runs = await runAll(options, levels, workshop(options, roots, endpoint));
    if (own === undefined) await cancelLeftovers(endpoint, runs);
    return reportOf(options, levels, runs, startedAt);
  } finally {
    await own?.stop();
    closeConnections();
    await roots.remove();
  }
}

interface Roots {
  next(): Promise<string>;
  remove(): Promise<void>;
}

async function rootsIn(given: string | undefined): Promise<Roots> {
  if (given !== undefined) await mkdir(given, { recursive: true });
  const parent = await mkdtemp(join(given ?? tmpdir(), "conform-"));
  let count = 0;
  return {
    next: async () => {
      count += 1;
      const root = join(parent, String(count), "root");
      await mkdir(root, { recursive: true, mode: 0o700 });
      return root;
    },
    remove: () => rm(parent, { recursive: true, force: true }),
  };
}

async function startOwn(
  options: ConformanceOptions,
  roots: Roots,
  endpoint: Endpoint,
): Promise<DaemonProcess> {
  if (options.start === undefined) throw new Unreachable("neither a URL nor a start command");
  const daemon = await launch(options, options.start, roots, "").catch((error: unknown) => {
    throw new Unreachable(error instanceof Error ? error.message : String(error));
  });
  endpoint.url = daemon.endpoint.url;
  endpoint.token = daemon.endpoint.token;
  return daemon;
}

async function launch(
  options: ConformanceOptions,
  command: string,
  roots: Roots,
  ledger: string,
): Promise<DaemonProcess> {
  const root = await roots.next();
  const daemon = new DaemonProcess({ command, root, token: options.token ?? "" });
  await daemon.prepare(ledger);
  await daemon.start();
  return daemon;
}

async function mustAnswer(endpoint: Endpoint): Promise<void> {
  const health = await exchange(endpoint, "GET", "/v1/health");
  if (health.status === 0) throw new Unreachable(`${endpoint.url} does not answer: ${health.text}`);
}

function workshop(options: ConformanceOptions, roots: Roots, endpoint: Endpoint): Workshop {
  const { start } = options;
  let routes: Promise<boolean> | undefined;
  return {
    surroundings: {
      endpoint,
      fresh: freshIds(),
      workerRoutes: () => (routes ??= hasWorkerRoutes(endpoint)),
    },
    ...(start === undefined
      ? {}
      : { launch: (ledger: string) => launch(options, start, roots, ledger) }),
  };
}

/** One count for the whole run: two scenarios with one id would be handed each other's job. */
function freshIds(): (name: string) => string {
  const nonce = randomBytes(4).toString("hex");
  let count = 0;
  return (name) => {
    count += 1;
    return `conform-${nonce}-${name}-${count}`;
  };
}

/** An empty claim takes no job; a daemon without the route says 404 or 405 to it. */
async function hasWorkerRoutes(endpoint: Endpoint): Promise<boolean> {
  const probe = await exchange(endpoint, "POST", "/v1/jobs/claim", { body: { types: [] } });
  return ![0, 404, 405, 501].includes(probe.status);
}

async function runAll(
  options: ConformanceOptions,
  levels: readonly Level[],
  bench: Workshop,
): Promise<ScenarioRun[]> {
  const chosen = SCENARIOS.filter((scenario) => concerns(scenario, levels));
  const runs: ScenarioRun[] = [];
  for (const scenario of chosen) {
    options.onProgress?.({ done: runs.length, total: chosen.length, scenario: scenario.id });
    runs.push(await runScenario(scenario, bench));
  }
  options.onProgress?.({ done: runs.length, total: chosen.length });
  return runs;
}

const CANCELS_AT_ONCE = 16;

/** Somebody else's daemon is left without queued jobs of ours. */
async function cancelLeftovers(endpoint: Endpoint, runs: readonly ScenarioRun[]): Promise<void> {
  const left = runs.flatMap(({ trial }) => trial.submittedToTarget);
  while (left.length > 0) {
    const some = left.splice(0, CANCELS_AT_ONCE);
    await Promise.all(
      some.map((job_id) => exchange(endpoint, "POST", CANCEL, { body: { job_id } })),
    );
  }
}

function reportOf(
  options: ConformanceOptions,
  levels: readonly Level[],
  runs: readonly ScenarioRun[],
  startedAt: Date,
): Report {
  const requirements = judgeRequirements(runs, levels);
  const scenarios = runs.map(reportScenario);
  return {
    kit: { name: "keelson-conform", contract: "jobspec.v0" },
    target: {
      ...(options.url === undefined ? {} : { url: options.url }),
      ...(options.start === undefined ? {} : { start: options.start }),
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
