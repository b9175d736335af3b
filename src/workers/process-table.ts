/**
 * The processes of this machine, as far as needed to find what an agent left running. Linux answers
 * from `/proc`; elsewhere `ps` is asked, which knows no environments.
 */
import { readdirSync, readFileSync } from "node:fs";
import { captureChild } from "./child.ts";

export interface ProcessRow {
  readonly pid: number;
  readonly ppid: number;
  readonly pgid: number;
  /** With the pid, says which process this is: a pid alone is used again. Within one boot. */
  readonly started: string;
  /** Ended, waiting for its parent to notice. */
  readonly isZombie: boolean;
}

const PS_TIMEOUT_MS = 10_000;

export async function listProcesses(): Promise<readonly ProcessRow[]> {
  return process.platform === "linux" ? linuxProcesses() : psProcesses();
}

/** When the process `pid` started, or undefined when there is none (a zombie counts as none). */
export async function startedOf(pid: number): Promise<string | undefined> {
  const rows = process.platform === "linux" ? [linuxProcess(pid)] : await psProcesses();
  return rows.find((row) => row?.pid === pid && !row.isZombie)?.started;
}

/** An id of this boot of the machine; empty where there is none. */
export function bootId(): string {
  return readText("/proc/sys/kernel/random/boot_id")?.trim() ?? "";
}

/** True when the process was started with `variable` (as `NAME=value`) in its environment. */
export function wasStartedWith(pid: number, variable: string): boolean {
  const text = process.platform === "linux" ? readText(`/proc/${pid}/environ`) : undefined;
  return text !== undefined && `\0${text}`.includes(`\0${variable}\0`);
}

function linuxProcesses(): readonly ProcessRow[] {
  const rows: ProcessRow[] = [];
  for (const name of readdirSync("/proc")) {
    const row = /^\d+$/.test(name) ? linuxProcess(Number(name)) : undefined;
    if (row !== undefined) rows.push(row);
  }
  return rows;
}

function linuxProcess(pid: number): ProcessRow | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The program's name is in brackets and may itself hold brackets and spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state = "", ppid = "", pgid = ""] = fields;
  return {
    pid,
    ppid: Number(ppid),
    pgid: Number(pgid),
    started: fields[19] ?? "",
    isZombie: state === "Z" || state === "X",
  };
}

async function psProcesses(): Promise<readonly ProcessRow[]> {
  const { stdout } = await captureChild(
    {
      command: ["ps", "-axo", "pid=,ppid=,pgid=,stat=,lstart="],
      cwd: "/",
      env: { PATH: "/bin:/usr/bin", LC_ALL: "C" },
    },
    PS_TIMEOUT_MS,
  );
  return stdout.split("\n").flatMap((line) => {
    const [pid, ppid, pgid, state = "", ...started] = line.trim().split(/\s+/);
    if (pid === undefined || pid === "") return [];
    return [
      {
        pid: Number(pid),
        ppid: Number(ppid),
        pgid: Number(pgid),
        started: started.join(" "),
        isZombie: state.startsWith("Z"),
      },
    ];
  });
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // The process ended between two looks, or it is somebody else's.
    return undefined;
  }
}
