/** The reference daemon's bodies: readiness, status, events and what OpenClaw reads. */
import type { Json } from "../../src/json.ts";
import { JOB_TYPES, type ReferenceDaemon } from "./daemon.ts";
import { isOver, type JobRow } from "./jobs.ts";

const LEDGER = ".agents/daemon/ledger.jsonl";
const TARGETS = [
  "rpi-registry",
  "dream-runs",
  "wiki-jobs",
  "openclaw-snapshot",
  "daemon-status",
  "daemon-job-status",
];
const RESULTS: Readonly<Record<string, string>> = {
  completed: "succeeded",
  failed: "failed",
  cancelled: "cancelled",
};

type Kind = "run" | "job" | "wiki";

export class Views {
  readonly #daemon: ReferenceDaemon;

  constructor(daemon: ReferenceDaemon) {
    this.#daemon = daemon;
  }

  health(): Json {
    const { ledger, flaws } = this.#daemon;
    const isIll = ledger.corrupt.length > 0 && flaws.has("is-ill-over-a-broken-ledger");
    return {
      status: isIll ? "degraded" : "ok",
      daemon: "agentopsd",
      read_only: true,
      now: new Date().toISOString(),
    };
  }

  lag(): Json {
    const { ledger, isDegraded, flaws } = this.#daemon;
    const corrupt = isDegraded ? ledger.corrupt.length : 0;
    const extra = flaws.has("counts-broken-lines-as-events") ? ledger.corrupt.length : 0;
    const miscounted = flaws.has("miscounts-events") ? 7 : 0;
    return {
      last_event_id: this.#lastEventId(),
      event_count: ledger.events.length + extra + miscounted,
      corrupt_record_count: corrupt,
      degraded: corrupt > 0,
    };
  }

  standing(): Json {
    const { isDegraded } = this.#daemon;
    return {
      projection_status: isDegraded ? "degraded" : "current",
      projection_lag: this.lag(),
      degraded_reasons: this.#reasons(),
    };
  }

  ready(): Json {
    const { isDegraded, flaws } = this.#daemon;
    const isReady =
      (!isDegraded || flaws.has("says-ready-over-broken-lines")) && !flaws.has("is-never-ready");
    return {
      ready: isReady,
      ledger_replay_status: isDegraded ? "corrupt" : "complete",
      ...this.standing(),
      ...(isReady || isDegraded || flaws.has("gives-no-reasons")
        ? {}
        : { degraded_reasons: ["not today"] }),
    };
  }

  events(): Json {
    const { ledger, flaws } = this.#daemon;
    const events = flaws.has("lists-events-backwards") ? ledger.events.toReversed() : ledger.events;
    return {
      events: this.#list(events),
      corrupt: ledger.corrupt.length === 0 ? undefined : ledger.corrupt,
      last_event_id: flaws.has("names-no-last-event") ? "evt_other" : this.#lastEventId(),
    };
  }

  status(): Json {
    if (this.#daemon.flaws.has("quarantines-while-reading")) this.#daemon.ledger.quarantine();
    const rows = this.#rows();
    return {
      ready: !this.#daemon.isDegraded,
      projection_lag: this.lag(),
      queue: { jobs: this.#list(rows.map(shown)), last_event_id: this.#lastEventId() },
      projections: this.#projections(rows),
    };
  }

  consumerHealth(): Json {
    const { jobs, runs, wiki } = this.#resources();
    const { isDegraded, flaws } = this.#daemon;
    const off = flaws.has("miscounts-resources") ? 1 : 0;
    const source = { ledger: LEDGER, last_event_id: this.#lastEventId() };
    const stale = { ledger: LEDGER, last_event_id: "evt_older" };
    return {
      status: "ok",
      ready: !isDegraded,
      ...this.#moment(),
      source: flaws.has("names-an-older-source") ? stale : source,
      snapshot_status: isDegraded ? "degraded" : "current",
      resource_counts: { runs: runs.length + off, jobs: jobs.length, wiki: wiki.length },
    };
  }

  snapshot(): Json {
    const { isDegraded, flaws } = this.#daemon;
    const { jobs, runs, wiki } = this.#resources();
    const listed = flaws.has("leaves-jobs-out-of-the-snapshot") ? jobs.slice(1) : jobs;
    return {
      schema_version: 1,
      ...this.#moment(),
      source: { ledger: LEDGER, last_event_id: this.#lastEventId() },
      status: isDegraded ? "degraded" : "current",
      resources: { runs: this.#list(runs), jobs: this.#list(listed), wiki: this.#list(wiki) },
    };
  }

  consumerList(name: "runs" | "jobs" | "wiki"): Json {
    return { [name]: this.#list(this.#resources()[name]) };
  }

  row(row: JobRow): Json {
    return shown(row);
  }

  #rows(): JobRow[] {
    const { jobs, flaws } = this.#daemon;
    const rows = [...jobs.rows.values()];
    if (flaws.has("lists-jobs-twice")) return rows.flatMap((row) => [row, row]);
    return flaws.has("lists-jobs-backwards") ? rows.toReversed() : rows;
  }

  #projections(rows: readonly JobRow[]): Json {
    const { isDegraded } = this.#daemon;
    const jobs = rows.map((row) => this.#projected(row));
    const of = (family: string): unknown =>
      this.#list(jobs.filter((job) => String(job["job_type"]).startsWith(`${family}.`)));
    const moment = { last_event_id: this.#lastEventId(), rebuilt_at: new Date().toISOString() };
    const status = isDegraded ? "degraded" : "current";
    const openclaw = { runs: [...jobs], jobs, wiki: [] };
    return {
      schema_version: 1,
      source_ledger: LEDGER,
      ...moment,
      manifests: Object.fromEntries(
        TARGETS.map((projection) => [
          projection,
          { schema_version: 1, projection, source_ledger: LEDGER, status, ...moment },
        ]),
      ),
      jobs: this.#list(jobs),
      rpi: { runs: this.#daemon.flaws.has("mixes-up-buckets") ? of("dream") : of("rpi") },
      dream: { runs: of("dream") },
      wiki: { jobs: of("wiki") },
      openclaw: {
        schema_version: 1,
        ...this.#moment(),
        source: { ledger: LEDGER },
        resources: openclaw,
        status,
      },
      degraded_reasons: this.#reasons(),
    };
  }

  #projected(row: JobRow): Json {
    const { flaws } = this.#daemon;
    const lags = flaws.has("projects-lapses-as-running") && row.status === "retry_waiting";
    return {
      job_id: row.job_id,
      job_type: row.job_type,
      request_id: row.request_id,
      request_ids: row.request_ids,
      failure: row.failure,
      artifacts: row.artifacts,
      projection_targets: row.projection_targets,
      created_at: row.created_at,
      updated_at: row.updated_at,
      last_event_id: row.last_event_id,
      status: lags ? "running" : row.status,
      result_status: isOver(row) ? RESULTS[row.status] : undefined,
    };
  }

  #resources(): Readonly<Record<"runs" | "jobs" | "wiki", Json[]>> {
    const { flaws } = this.#daemon;
    const rows = this.#rows();
    const of = (kind: Kind, ...families: readonly string[]): Json[] =>
      rows
        .filter((row) => families.includes(row.job_type.split(".")[0] ?? ""))
        .map((row) => this.#resource(kind, row));
    const jobs = rows.filter(({ job_type }) => JOB_TYPES.has(job_type));
    const shownJobs = flaws.has("hides-jobs-from-openclaw") ? jobs.slice(1) : jobs;
    return {
      runs: flaws.has("lists-runs-by-one-family") ? of("run", "rpi") : of("run", "rpi", "dream"),
      jobs: shownJobs.map((row) => this.#resource("job", row)),
      wiki: of("wiki", "wiki"),
    };
  }

  #resource(kind: Kind, row: JobRow): Json {
    const { flaws } = this.#daemon;
    const { failure, artifacts, status, ...others } = this.#projected(row);
    return {
      ...others,
      resource_id: `${kind}:${row.job_id}`,
      resource_kind: kind,
      status: flaws.has("shows-openclaw-old-statuses") ? "queued" : status,
      failure: flaws.has("hides-failures-from-openclaw") ? undefined : failure,
      artifacts: flaws.has("hides-artifacts-from-openclaw") ? undefined : artifacts,
    };
  }

  #moment(): Json {
    return {
      snapshot_id: `snap_${this.#lastEventId() ?? "empty"}`,
      generated_at: new Date().toISOString(),
    };
  }

  #lastEventId(): string | undefined {
    return this.#daemon.ledger.events.at(-1)?.event_id;
  }

  #reasons(): readonly string[] | null | undefined {
    const { isDegraded, flaws } = this.#daemon;
    if (!isDegraded) return flaws.has("sends-null-lists") ? null : undefined;
    return flaws.has("gives-no-reasons") ? undefined : ["the ledger has broken lines"];
  }

  #list<Item>(items: readonly Item[]): readonly Item[] | null {
    return items.length === 0 && this.#daemon.flaws.has("sends-null-lists") ? null : items;
  }
}

function shown(row: JobRow): Json {
  const { payload, ...others } = row;
  return payload === undefined || Object.keys(payload).length === 0
    ? others
    : { ...others, payload };
}
