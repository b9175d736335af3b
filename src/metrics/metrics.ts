/** The counters of one daemon, and the page that a Prometheus server reads. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Health, JobCounts } from "../engine/engine.ts";
import type { Commit, EngineObserver } from "../engine/observer.ts";
import { isFault } from "../errors/fault.ts";
import { isEventType, type LedgerEvent } from "../kernel/job/events.ts";
import { isJobType, JOB_STATUSES, JOB_TYPES } from "../kernel/job/types.ts";
import { type EpochMs, fromIso } from "../lib/time.ts";
import { METRICS, type MetricEntry, type MetricName } from "./catalogue.ts";
import { Tally } from "./tally.ts";

/** What is asked at the moment of a scrape. */
export interface MetricSources {
  /** Brings the others up to what every process has appended. */
  readonly refresh: () => Promise<void>;
  readonly counts: () => Promise<JobCounts>;
  readonly health: () => Health;
  readonly isDraining: () => boolean;
  readonly headPosition: () => number;
  /** Position of the newest event that readers and workers here have been told of. */
  readonly toldPosition: () => number;
  readonly subscribers: () => number;
  readonly waitingClaims: () => number;
}

/** A finished request, as the server tells of it. */
export interface RequestSeen {
  readonly method: string;
  readonly route: string;
  readonly status: number | undefined;
  readonly problem: string | undefined;
}

/** Types of job that the contract does not have share one label. */
const OTHER = "other";
/** Milliseconds between two looks at the event loop's lag. */
const LOOP_LAG_EVERY_MS = 50;
const STATUSES = JOB_STATUSES.filter((status) => status !== "degraded");

/** Metrics of one kind, by name. */
type Made<K extends MetricEntry["kind"], M> = Readonly<
  Record<{ [N in MetricName]: (typeof METRICS)[N]["kind"] extends K ? N : never }[MetricName], M>
>;

export class Metrics {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #counters: Made<"counter", Counter>;
  readonly #gauges: Made<"gauge", Gauge>;
  readonly #histograms: Made<"histogram", Histogram>;
  readonly #requests = new Tally();
  readonly #problems = new Tally();
  readonly #events = new Tally();
  readonly #claims = new Tally();
  readonly #takeovers = new Tally();
  #tellsRuntime = false;

  constructor(options: { readonly version: string }) {
    const registers = [this.#registry];
    this.contentType = this.#registry.contentType;
    this.#counters = made("counter", (settings) => new Counter({ ...settings, registers }));
    this.#gauges = made("gauge", (settings) => new Gauge({ ...settings, registers }));
    this.#histograms = made("histogram", (settings) => new Histogram({ ...settings, registers }));
    this.#gauges.keelson_build_info.set({ version: options.version }, 1);
  }

  /** Where saving is the sync, a commit tells of both; elsewhere the disk calls `synced`. */
  observer(options: {
    readonly savingIsSync: boolean;
    /** The clock that events are stamped with. */
    readonly now: () => EpochMs;
  }): EngineObserver {
    return {
      committed: (commit) => {
        this.#committed(commit);
        if (options.savingIsSync) this.synced(commit.saveMs);
      },
      failed: (code) => this.#counters.keelson_commit_failures_total.inc({ code }),
      followed: (events) => this.#followed(events, options.now()),
    };
  }

  /** A sync of the disk took so long. */
  synced(ms: number): void {
    this.#histograms.keelson_sync_duration_seconds.observe(ms / 1000);
  }

  answered({ method, route, status, problem }: RequestSeen): void {
    this.#requests.add([method, route, String(status ?? "left")]);
    if (problem !== undefined) this.#problems.add([problem]);
  }

  /** The page as text. A store that cannot be asked leaves its part out and fails nothing. */
  async page(sources: MetricSources): Promise<string> {
    if (!this.#tellsRuntime) {
      // Watching the event loop wakes it up all the time: not where nobody reads of it.
      const eventLoopMonitoringPrecision = LOOP_LAG_EVERY_MS;
      collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision });
    }
    this.#tellsRuntime = true;
    this.#drainTallies();
    const counts = await unlessFault(sources.refresh().then(() => sources.counts()));
    this.#look(sources, counts !== undefined);
    this.#countJobs(counts);
    return this.#registry.metrics();
  }

  #committed({ commands, events, changes, commitMs }: Commit): void {
    this.#histograms.keelson_commit_commands.observe(commands);
    this.#histograms.keelson_commit_events.observe(events.length);
    this.#histograms.keelson_commit_duration_seconds.observe(commitMs / 1000);
    let types: ReadonlyMap<string, string> | undefined;
    for (const { event } of events) {
      const { event_type: eventType, job_id: jobId } = event;
      this.#events.add([isEventType(eventType) ? eventType : OTHER]);
      const tally = eventType === "job.claimed" ? this.#claims : this.#takeovers;
      if (eventType !== "job.claimed" && eventType !== "job.lease_expired") continue;
      types ??= new Map(changes.map(({ after }) => [after.job_id, after.job_type]));
      tally.add([typeLabel(types.get(jobId))]);
    }
  }

  #followed(events: readonly LedgerEvent[], now: EpochMs): void {
    for (const { occurred_at: occurredAt } of events) {
      const at = fromIso(occurredAt);
      if (at === undefined) continue;
      // Clocks of two nodes never agree to the millisecond.
      const seconds = Math.max(0, now - at) / 1000;
      this.#histograms.keelson_follower_delay_seconds.observe(seconds);
    }
  }

  #drainTallies(): void {
    const counters = this.#counters;
    this.#requests.drain(([method = "", route = "", status = ""], count) =>
      counters.keelson_http_requests_total.inc({ method, route, status }, count),
    );
    this.#problems.drain(([code = ""], count) =>
      counters.keelson_rejected_requests_total.inc({ code }, count),
    );
    this.#events.drain(([event = ""], count) =>
      counters.keelson_appended_events_total.inc({ event }, count),
    );
    this.#claims.drain(([type = ""], count) => counters.keelson_claims_total.inc({ type }, count));
    this.#takeovers.drain(([type = ""], count) =>
      counters.keelson_lease_takeovers_total.inc({ type }, count),
    );
  }

  #look(sources: MetricSources, hasStore: boolean): void {
    const { lag, projections } = sources.health();
    const head = sources.headPosition();
    const isReady = hasStore && !lag.degraded && !sources.isDraining();
    this.#gauges.keelson_ready.set(isReady ? 1 : 0);
    for (const [projection, state] of Object.entries(projections)) {
      this.#gauges.keelson_projection_behind.set({ projection }, state === "current" ? 0 : 1);
    }
    this.#gauges.keelson_ledger_position.set(head);
    this.#gauges.keelson_follower_lag_events.set(Math.max(0, head - sources.toldPosition()));
    this.#gauges.keelson_sse_subscribers.set(sources.subscribers());
    this.#gauges.keelson_waiting_claims.set(sources.waitingClaims());
  }

  #countJobs(counts: JobCounts | undefined): void {
    const gauge = this.#gauges.keelson_jobs;
    gauge.reset();
    if (counts === undefined) return;
    // A combination that has no jobs is a zero and no gap, so that graphs and alerts go on.
    for (const type of JOB_TYPES) {
      for (const status of STATUSES) gauge.set({ type, status }, 0);
    }
    for (const [type, statuses] of Object.entries(counts)) {
      for (const [status, count] of Object.entries(statuses)) {
        gauge.inc({ type: typeLabel(type), status }, count);
      }
    }
  }
}

interface Settings {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly buckets: number[];
}

function made<K extends MetricEntry["kind"], M>(
  kind: K,
  make: (settings: Settings) => M,
): Made<K, M> {
  const entries: readonly (readonly [string, MetricEntry])[] = Object.entries(METRICS);
  const found = entries
    .filter(([, entry]) => entry.kind === kind)
    .map(([name, { means, labels, buckets = [] }]) => {
      return [name, make({ name, help: means, labelNames: [...labels], buckets: [...buckets] })];
    });
  return Object.fromEntries(found) as Made<K, M>;
}

function typeLabel(jobType: string | undefined): string {
  return jobType !== undefined && isJobType(jobType) ? jobType : OTHER;
}

async function unlessFault<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (thrown) {
    if (isFault(thrown)) return undefined;
    throw thrown;
  }
}
