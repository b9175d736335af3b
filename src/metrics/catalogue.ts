/**
 * Every metric there is. The registry is built from this table and `docs/reference/metrics.md` is
 * generated from it, so that neither can name what the other has not. Names end in the unit; labels
 * take values from fixed lists alone, whatever a caller sends.
 */
export interface MetricEntry {
  readonly kind: "counter" | "gauge" | "histogram";
  readonly labels: readonly string[];
  readonly means: string;
  /** Upper bounds of a histogram, in its unit. */
  readonly buckets?: readonly number[];
}

/** From a fast disk's sync to a database across the street that is having a bad day. */
const SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
const COUNTS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

export const METRICS = {
  keelson_build_info: {
    kind: "gauge",
    labels: ["version"],
    means: "Always 1; the label is the version that runs.",
  },
  keelson_ready: {
    kind: "gauge",
    labels: [],
    means:
      "1 while this node should get requests, as `/ready` tells load balancers: the store can be " +
      "asked, the ledger is sound, the projections follow it, and the node is not stopping. Else 0.",
  },
  keelson_appended_events_total: {
    kind: "counter",
    labels: ["event"],
    means: "Events that this node appended and made durable, by event type.",
  },
  keelson_commit_commands: {
    kind: "histogram",
    labels: [],
    buckets: COUNTS,
    means: "Commands that one commit of this node answered: the size of a batch.",
  },
  keelson_commit_events: {
    kind: "histogram",
    labels: [],
    buckets: COUNTS,
    means: "Events in one commit of this node.",
  },
  keelson_commit_duration_seconds: {
    kind: "histogram",
    labels: [],
    buckets: SECONDS,
    means: "From asking the store for a turn until the batch's callers were answered.",
  },
  keelson_sync_duration_seconds: {
    kind: "histogram",
    labels: [],
    buckets: SECONDS,
    means:
      "How long the ledger took to become durable: the disk's sync, or with PostgreSQL the round " +
      "trip that writes and commits.",
  },
  keelson_commit_failures_total: {
    kind: "counter",
    labels: ["code"],
    means: "Commits that failed, by code (see errors.md). Their callers were told.",
  },
  keelson_jobs: {
    kind: "gauge",
    labels: ["type", "status"],
    means:
      "Jobs in the ledger as they are now, by type and status; absent while the store cannot be " +
      "asked. Every node of a cluster says the same.",
  },
  keelson_claims_total: {
    kind: "counter",
    labels: ["type"],
    means: "Jobs that this node handed out under a lease.",
  },
  keelson_lease_takeovers_total: {
    kind: "counter",
    labels: ["type"],
    means:
      "Leases that had lapsed and that this node ended (`job.lease_expired`), whichever node had " +
      "granted them: the holder died or went silent.",
  },
  keelson_waiting_claims: {
    kind: "gauge",
    labels: [],
    means: "Claims over HTTP that wait for work here.",
  },
  keelson_ledger_position: {
    kind: "gauge",
    labels: [],
    means: "Position of the newest event that this node knows of.",
  },
  keelson_follower_lag_events: {
    kind: "gauge",
    labels: [],
    means:
      "Events that the ledger has and that this node has not yet passed on to its readers and " +
      "workers. Stays at 0 where one process owns the ledger.",
  },
  keelson_follower_delay_seconds: {
    kind: "histogram",
    labels: [],
    buckets: SECONDS,
    means: "Age of another node's event when this node passed it on.",
  },
  keelson_projection_behind: {
    kind: "gauge",
    labels: ["projection"],
    means: "1 while the read model is degraded or marked stale, 0 while it follows the ledger.",
  },
  keelson_sse_subscribers: {
    kind: "gauge",
    labels: [],
    means: "Event streams that are open on this node.",
  },
  keelson_http_requests_total: {
    kind: "counter",
    labels: ["method", "route", "status"],
    means:
      "Requests that are over, streams when they end. `route` is the route's path or `unmatched`, " +
      "`status` the number or `left` when the peer went before the answer.",
  },
  keelson_rejected_requests_total: {
    kind: "counter",
    labels: ["code"],
    means: "Requests that were answered with a problem, by code (see errors.md).",
  },
} as const satisfies Readonly<Record<string, MetricEntry>>;

export type MetricName = keyof typeof METRICS;

/** What the runtime tells of itself, by names that dashboards for Node know. */
export const RUNTIME_METRICS: Readonly<Record<string, string>> = {
  process_cpu_user_seconds_total: "Processor time in the program.",
  process_cpu_system_seconds_total: "Processor time in the system on the program's behalf.",
  process_cpu_seconds_total: "The sum of both.",
  process_start_time_seconds: "When the process started, in seconds since 1970.",
  process_resident_memory_bytes: "Memory that the process holds.",
  process_virtual_memory_bytes: "Address space of the process (Linux).",
  process_heap_bytes: "Data segment of the process (Linux).",
  process_open_fds: "Open file descriptors (Linux).",
  process_max_fds: "How many there may be (Linux).",
  nodejs_eventloop_lag_seconds: "How late a timer fired just now.",
  nodejs_eventloop_lag_min_seconds: "The least lag since the last scrape.",
  nodejs_eventloop_lag_max_seconds: "The most.",
  nodejs_eventloop_lag_mean_seconds: "The mean.",
  nodejs_eventloop_lag_stddev_seconds: "The standard deviation.",
  nodejs_eventloop_lag_p50_seconds: "The median.",
  nodejs_eventloop_lag_p90_seconds: "The 90th percentile.",
  nodejs_eventloop_lag_p99_seconds: "The 99th percentile.",
  nodejs_active_resources: "What keeps the event loop busy, by `type`.",
  nodejs_active_resources_total: "How many that are.",
  nodejs_active_handles: "Handles by `type`.",
  nodejs_active_handles_total: "How many that are.",
  nodejs_active_requests: "Requests to the system by `type`.",
  nodejs_active_requests_total: "How many that are.",
  nodejs_heap_size_total_bytes: "Heap that the engine has reserved.",
  nodejs_heap_size_used_bytes: "Heap in use.",
  nodejs_external_memory_bytes: "Memory outside the heap that belongs to its objects.",
  nodejs_heap_space_size_total_bytes: "Reserved, by `space`.",
  nodejs_heap_space_size_used_bytes: "In use, by `space`.",
  nodejs_heap_space_size_available_bytes: "Free, by `space`.",
  nodejs_version_info: "Always 1; labels say which Node runs.",
  nodejs_gc_duration_seconds: "Time in garbage collection, by `kind`.",
};
