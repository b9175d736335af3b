/**
 * Everything that one child started: its process group, the descendants that left the group, and
 * (on Linux) the processes that left the tree but still carry the attempt's mark in their
 * environment. Agents start shells in groups of their own, so the group alone is not enough.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isGroupAlive, signalGroup, signalProcess } from "./child.ts";
import { listProcesses, type ProcessRow, wasStartedWith } from "./process-table.ts";

export interface Family {
  /** The child; also its process group. Undefined when only the mark is known. */
  readonly leader?: number;
  /** `NAME=value` in the environment that the child was started with. */
  readonly mark: string;
}

const LOOK_EVERY_MS = 50;
/** A process that survives SIGKILL for this long hangs in the kernel. */
const KILL_WAIT_MS = 5000;

/** The living members of a family. */
async function membersOf(family: Family): Promise<readonly ProcessRow[]> {
  const table = await listProcesses();
  if (table.length === 0) return withoutTable(family);
  const rows = table.filter((row) => !row.isZombie && row.pid !== process.pid);
  const members = new Map<number, ProcessRow>();
  for (const row of rows) if (isMember(row, family)) members.set(row.pid, row);
  for (let grew = members.size > 0; grew; ) {
    grew = false;
    for (const row of rows) {
      if (members.has(row.pid) || !members.has(row.ppid)) continue;
      members.set(row.pid, row);
      grew = true;
    }
  }
  return [...members.values()];
}

/** Where no process table can be read, the group is all there is to go by. */
function withoutTable({ leader }: Family): readonly ProcessRow[] {
  if (leader === undefined || !isGroupAlive(leader)) return [];
  return [{ pid: leader, ppid: process.pid, pgid: leader, started: "", isZombie: false }];
}

function isMember(row: ProcessRow, { leader, mark }: Family): boolean {
  if (leader !== undefined && (row.pid === leader || row.pgid === leader)) return true;
  return wasStartedWith(row.pid, mark);
}

/**
 * Ends a family: SIGTERM to all, SIGKILL after `graceMs` to whoever is left, until nobody is.
 * Resolves with the ids of those that even SIGKILL did not end.
 */
export async function endFamily(family: Family, graceMs: number): Promise<readonly number[]> {
  let members = await membersOf(family);
  if (members.length === 0) return [];
  signalAll(family, members, "SIGTERM");
  const politeUntil = performance.now() + graceMs;
  while (members.length > 0 && performance.now() < politeUntil) {
    await sleep(Math.min(LOOK_EVERY_MS, graceMs));
    members = await membersOf(family);
  }
  const killUntil = performance.now() + KILL_WAIT_MS;
  while (members.length > 0 && performance.now() < killUntil) {
    signalAll(family, members, "SIGKILL");
    await sleep(LOOK_EVERY_MS / 5);
    members = await membersOf(family);
  }
  return members.map((row) => row.pid);
}

function signalAll(family: Family, members: readonly ProcessRow[], signal: NodeJS.Signals): void {
  if (members.some((row) => row.pgid === family.leader)) signalGroup(family.leader, signal);
  for (const row of members) {
    if (row.pgid !== family.leader) signalProcess(row.pid, signal);
  }
}
