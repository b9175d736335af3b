/** Small summaries of measured numbers. */

export function median(values: readonly number[]): number {
  return quantile([...values].sort(rising), 0.5);
}

/** The value that a share of the sorted values does not exceed, by linear interpolation. */
function quantile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? low;
  return low + (high - low) * (at - Math.floor(at));
}

/** How long things took, in milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

export function latencyOf(ms: readonly number[]): Latency {
  const sorted = Float64Array.from(ms).sort();
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) };
}

function rising(left: number, right: number): number {
  return left - right;
}
