/**
 * Runs `openclaw.snapshot`: writes the consumer snapshot to
 * `projections/openclaw/<snapshot_id>.json` and `latest.json`, each whole or not at all. The content
 * is what `GET /openclaw/v1/snapshot/latest` serves.
 */
import { randomUUID } from "node:crypto";
import { copyFile, mkdir, open, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { messageOf } from "../errors/fault.ts";
import type { Executor, JobContext, Outcome } from "./executor.ts";
import { fileName } from "./places.ts";

/** The snapshot as of now. Pieces of `json` are taken one at a time. */
export type BuildSnapshot = () => Promise<{
  readonly snapshot_id: string;
  readonly json: string | AsyncIterable<string>;
}>;

export interface OpenClawSnapshotOptions {
  /** The daemon's root. */
  readonly root: string;
  readonly buildSnapshot: BuildSnapshot;
}

const DIR_IN_ROOT = ".agents/daemon/projections/openclaw";
/** With `.json` behind it still a file name anywhere. */
const ID_BYTES_MAX = 200;

export function createOpenClawSnapshotExecutor(options: OpenClawSnapshotOptions): Executor {
  return {
    types: { "openclaw.snapshot": 1 },
    run: (_job, context) => writeSnapshot(options, context),
  };
}

async function writeSnapshot(
  { root, buildSnapshot }: OpenClawSnapshotOptions,
  context: JobContext,
): Promise<Outcome> {
  try {
    const snapshot = await buildSnapshot();
    const name = snapshotFile(snapshot.snapshot_id);
    if (name === undefined) {
      return refused(`${JSON.stringify(snapshot.snapshot_id)} cannot be a file name`);
    }
    const dir = resolve(root, DIR_IN_ROOT);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await replaceFile(dir, name, (path) => writeText(path, snapshot.json, context.signal));
    await replaceFile(dir, "latest.json", (path) => copyDurably(join(dir, name), path));
    return {
      kind: "completed",
      artifacts: {
        snapshot_id: snapshot.snapshot_id,
        snapshot_path: `${DIR_IN_ROOT}/${name}`,
      },
    };
  } catch (error) {
    if (context.signal.aborted) return { kind: "interrupted", refundAttempt: true };
    return refused(messageOf(error));
  }
}

function refused(why: string): Outcome {
  const message = `the snapshot was not written: ${why}`;
  return { kind: "failed", failure: { code: "projection_degraded", message, retryable: true } };
}

/** The file of a snapshot id, or undefined for one that would lead elsewhere. */
export function snapshotFile(snapshotId: string): string | undefined {
  if (/[/\\\u0000-\u001f]/.test(snapshotId) || /^\.*$/.test(snapshotId)) return undefined;
  if (snapshotId === "latest") return undefined;
  const isLong = Buffer.byteLength(snapshotId) > ID_BYTES_MAX;
  return `${isLong ? fileName(snapshotId) : snapshotId}.json`;
}

/** Makes `name` by renaming a file that `write` has made durable, then syncs the directory. */
async function replaceFile(
  dir: string,
  name: string,
  write: (path: string) => Promise<void>,
): Promise<void> {
  const temporary = join(dir, `.incoming-${randomUUID()}`);
  try {
    await write(temporary);
    await rename(temporary, join(dir, name));
  } finally {
    await rm(temporary, { force: true });
  }
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeText(
  path: string,
  text: string | AsyncIterable<string>,
  signal: AbortSignal,
): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    for await (const piece of typeof text === "string" ? [text] : text) {
      signal.throwIfAborted();
      await file.writeFile(piece);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

async function copyDurably(source: string, target: string): Promise<void> {
  await copyFile(source, target);
  const file = await open(target, "r+");
  try {
    await file.chmod(0o600);
    await file.sync();
  } finally {
    await file.close();
  }
}
