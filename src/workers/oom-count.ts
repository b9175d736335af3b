/** The kernel's own count of processes that it killed for lack of memory, where it tells one. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Processes killed so far in this process's memory group (cgroup v2), or on this machine where
 * there is no such group; undefined where the system does not say.
 */
export function oomKillCount(): number | undefined {
  const group = /^0::(.*)$/m.exec(readText("/proc/self/cgroup") ?? "")?.[1];
  const events =
    group === undefined ? undefined : readText(join("/sys/fs/cgroup", group, "memory.events"));
  const text = events ?? readText("/proc/vmstat");
  const count = /^oom_kill (\d+)$/m.exec(text ?? "")?.[1];
  return count === undefined ? undefined : Number(count);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
