/**
 * A note on disk about each attempt that may be running, so that a daemon that was killed leaves no
 * agent that nobody knows of. It is written before the child starts and removed after the attempt is
 * settled; whatever is found at the next start belongs to a daemon that died.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isJsonObject } from "../lib/json.ts";
import { bootId, startedOf } from "./process-table.ts";

export interface ChildRecord {
  readonly job_id: string;
  readonly attempt: number;
  /** What the dead daemon held the job with: the next one hands the job back with it. */
  readonly claim_token: string;
  readonly lease_epoch: number;
  /** `NAME=value` in the child's environment. */
  readonly mark: string;
  /** Absolute path of the running transcript. */
  readonly transcript: string;
  readonly artifacts_dir: string;
  /** Boot of the machine; empty where unknown. */
  readonly boot: string;
  /** Absent until the child has started. */
  readonly pid?: number;
  readonly started?: string;
}

export interface FoundRecord {
  readonly path: string;
  readonly record: ChildRecord;
}

/** Writes a record (mode 0600), whole or not at all. */
export async function writeRecord(path: string, record: ChildRecord): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** The record, completed with the process that now runs. */
export async function withProcess(record: ChildRecord, pid: number): Promise<ChildRecord> {
  const started = await startedOf(pid);
  return { ...record, pid, ...(started === undefined ? {} : { started }) };
}

export async function removeRecord(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** Everything an earlier daemon noted. A note that cannot be read is removed: it never was whole. */
export async function readRecords(dir: string): Promise<readonly FoundRecord[]> {
  const names = await readdir(dir).catch(() => []);
  const found: FoundRecord[] = [];
  for (const name of names) {
    const path = join(dir, name);
    const record = name.endsWith(".json") ? await readRecord(path) : undefined;
    if (record === undefined) await rm(path, { force: true });
    else found.push({ path, record });
  }
  return found;
}

async function readRecord(path: string): Promise<ChildRecord | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    if (!isJsonObject(value)) return undefined;
    const { job_id: jobId, attempt, mark, lease_epoch: epoch } = value;
    const isWhole =
      typeof jobId === "string" &&
      typeof attempt === "number" &&
      typeof epoch === "number" &&
      typeof mark === "string" &&
      mark.length > "=".length &&
      typeof value["claim_token"] === "string" &&
      typeof value["transcript"] === "string" &&
      typeof value["artifacts_dir"] === "string";
    return isWhole ? (value as unknown as ChildRecord) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The process that a record names, if it is still that process: same boot, same start. Ids are used
 * again, and a stranger must not be killed for having one.
 */
export async function leaderOf(record: ChildRecord): Promise<number | undefined> {
  const { pid, started, boot } = record;
  if (pid === undefined || started === undefined || boot !== bootId()) return undefined;
  return (await startedOf(pid)) === started ? pid : undefined;
}
