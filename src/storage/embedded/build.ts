/** Making read models: opening the ones on disk, or folding the ledger into new ones. */
import { closeSync, openSync, rmSync, statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { Fault, isFault, messageOf } from "../../errors/fault.ts";
import type { Progress, RebuildReason } from "../maintenance.ts";
import { type Checkpoint, EMPTY_CHECKPOINT } from "./checkpoint.ts";
import { createDatabase, finishBulkLoad, openDatabase } from "./database.ts";
import type { LineLog } from "./log.ts";
import { Projections } from "./projections.ts";
import { NeedsIdIndex, replayPolitely } from "./replay.ts";

/** A database that lives and dies with its connection. */
export const IN_MEMORY = ":memory:";

const DATABASE_MODE = 0o600;

export interface BuildOptions {
  readonly log: LineLog;
  /** File of the database, or `:memory:`. */
  readonly path: string;
  readonly onProgress?: Progress;
}

/** The read models at the end of the log: those on disk brought forward, or new ones. */
export async function openProjections(
  options: BuildOptions,
): Promise<{ projections: Projections; rebuilt?: RebuildReason }> {
  const { log, path } = options;
  if (path === IN_MEMORY || !hasContent(path)) {
    return { projections: await buildProjections(options), rebuilt: "missing" };
  }
  const database = openDatabase(path);
  if (database === undefined) {
    return { projections: await buildProjections(options), rebuilt: "unusable" };
  }
  try {
    const projections = new Projections(database);
    if (isOfThisLedger(log, projections.checkpoint)) {
      await replayPolitely(log, projections, options.onProgress);
      return { projections };
    }
  } catch {
    // A damaged page or an id that needs the index: either way the answer is to fold again.
  }
  closeDatabase(database);
  return { projections: await buildProjections(options), rebuilt: "not of this ledger" };
}

/** Folds the whole ledger into a new database at `path`; whatever was there is gone. */
export async function buildProjections(options: BuildOptions): Promise<Projections> {
  try {
    return await build(options, false);
  } catch (error) {
    if (error instanceof NeedsIdIndex) return build(options, true);
    if (isFault(error)) throw error;
    const message = `the projections cannot be made: ${messageOf(error)}`;
    throw new Fault("projection_unavailable", message, { cause: error });
  }
}

async function build(options: BuildOptions, indexesIds: boolean): Promise<Projections> {
  removeDatabase(options.path);
  // The file is made with the daemon's own mode; SQLite gives the same to its side files.
  if (options.path !== IN_MEMORY) closeSync(openSync(options.path, "w", DATABASE_MODE));
  const database = createDatabase(options.path);
  try {
    const projections = new Projections(database);
    projections.checkpoint = { ...EMPTY_CHECKPOINT, indexesIds };
    projections.transaction(() => undefined);
    await replayPolitely(options.log, projections, options.onProgress);
    finishBulkLoad(database);
    return projections;
  } catch (error) {
    closeDatabase(database);
    removeDatabase(options.path);
    throw error;
  }
}

/** SQLite keeps its files on the machine's disk, so that is where they are looked for. */
function hasContent(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** Removes a database with its side files. */
export function removeDatabase(path: string): void {
  if (path === IN_MEMORY) return;
  for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(path + suffix, { force: true });
}

/** True when the bytes the checkpoint was made from are the bytes the log still holds. */
function isOfThisLedger(log: LineLog, checkpoint: Checkpoint): boolean {
  const { segment, offset } = checkpoint.place;
  if (segment > log.activeSegment) return false;
  if ((log.rotated[segment - 1] ?? "") !== checkpoint.previousSegment) return false;
  if (log.segmentSize(segment) < offset) return false;
  if (segment === log.activeSegment && offset === log.activeSize) {
    return log.activeCrc === checkpoint.crc;
  }
  return crcUpTo(log, segment, offset) === checkpoint.crc;
}

const CRC_READ_BYTES = 4 * 1024 * 1024;

function crcUpTo(log: LineLog, segment: number, size: number): number {
  let crc = 0;
  for (let offset = 0; offset < size; offset += CRC_READ_BYTES) {
    const length = Math.min(CRC_READ_BYTES, size - offset);
    crc = crc32(log.read({ segment, offset }, length), crc);
  }
  return crc;
}

/** Closes a connection that may have been closed before. */
export function closeDatabase(database: DatabaseSync): void {
  if (database.isOpen) database.close();
}
