/** Times, sizes and counts as people read them. */
const UNITS = [
  { ms: 86_400_000, name: "d" },
  { ms: 3_600_000, name: "h" },
  { ms: 60_000, name: "min" },
  { ms: 1_000, name: "s" },
] as const;

/** `850 ms`, `12 s`, `4 min 10 s`, `3 h 5 min`, `2 d 4 h`: two units at most, rounded down. */
export function duration(ms: number): string {
  const at = UNITS.findIndex((unit) => ms >= unit.ms);
  const large = UNITS[at];
  if (large === undefined) return `${Math.max(0, Math.round(ms))} ms`;
  const head = `${Math.floor(ms / large.ms)} ${large.name}`;
  const small = UNITS[at + 1];
  const rest = small === undefined ? 0 : Math.floor((ms % large.ms) / small.ms);
  return rest === 0 ? head : `${head} ${rest} ${small?.name}`;
}

/** How long ago a time stamp is. */
export function ago(timestamp: string | undefined, now: number): string {
  const then = Date.parse(timestamp ?? "");
  return Number.isNaN(then) ? "-" : `${duration(Math.max(0, now - then))} ago`;
}

/** `512 B`, `1.5 KiB`, `20 MiB`. */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 10 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** `1,234`. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** `1 job`, `2 jobs`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
