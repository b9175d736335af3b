import { METRICS, type MetricEntry, RUNTIME_METRICS } from "../../src/metrics/catalogue.ts";
import { generated, table } from "./markdown.ts";

/** `docs/reference/metrics.md`: everything that `GET /metrics` serves. */
export function metricsPage(): string {
  const entries: readonly (readonly [string, MetricEntry])[] = Object.entries(METRICS);
  const rows = entries.map(([name, { kind, labels, means }]) => [
    `\`${name}\``,
    kind,
    labels.map((label) => `\`${label}\``).join(", "),
    means,
  ]);
  const runtime = Object.entries(RUNTIME_METRICS).map(([name, means]) => [`\`${name}\``, means]);
  return generated("src/metrics/catalogue.ts", [
    "# Metrics",
    "",
    "`GET /metrics` answers in the text format of Prometheus. It needs no token, unless the daemon is",
    "[exposed](cli.md#up): then any token will do, as for every read. Each node of a cluster tells of",
    "itself alone; only `keelson_jobs` is about the ledger that all of them share.",
    "",
    "Labels take values from lists that the program holds: job types that the contract does not have",
    "are counted as `other`, paths without a route as `unmatched`, unusual methods as `other`.",
    "Histograms have the usual `_bucket`, `_sum` and `_count`. Counters start at 0 with the process.",
    "",
    ...table(["Metric", "Kind", "Labels", "What it tells"], rows),
    "",
    "## Of the runtime",
    "",
    "By the names that dashboards for Node know. They begin with the first scrape.",
    "",
    ...table(["Metric", "What it tells"], runtime),
  ]);
}
