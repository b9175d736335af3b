/** What an operator may do to a root whose daemon is not running: rebuild, verify, repair. */
import { createJobEngine, type JobEngine } from "../engine/job-engine.ts";
import { systemRandom } from "../lib/system-random.ts";
import { layoutOf } from "../storage/embedded/layout.ts";
import { lockRoot } from "../storage/embedded/lock.ts";
import { systemDisk } from "../storage/embedded/system-disk.ts";
import { LIMITS_DEFAULT, ROTATE_BYTES_DEFAULT } from "./defaults.ts";
import { operateOn, type RebuildAnswer, type RepairAnswer, type VerifyAnswer } from "./operate.ts";
import { openStorage, type Storage } from "./storage.ts";

/** What is worked on: a root, and the database when its ledger is in one. */
export interface OfflineTarget {
  readonly root: string;
  readonly store?: string | undefined;
}

/** Bytes of the ledger read so far, and in all. */
export type OperateProgress = (doneBytes: number, totalBytes: number) => void;

/** Folds the ledger into fresh read models. Throws `root_locked` when a daemon runs. */
export function rebuildRoot(
  target: OfflineTarget,
  onProgress?: OperateProgress,
): Promise<RebuildAnswer> {
  return withRoot(target, onProgress, (operate) => operate.rebuild(onProgress));
}

/** Folds the ledger into scratch read models and compares. Throws `root_locked`. */
export function verifyRoot(
  target: OfflineTarget,
  onProgress?: OperateProgress,
): Promise<VerifyAnswer> {
  return withRoot(target, onProgress, (operate) => operate.verify(onProgress));
}

/** Moves broken lines to quarantine. Throws `root_locked`. */
export function repairRoot(
  target: OfflineTarget,
  onProgress?: OperateProgress,
): Promise<RepairAnswer> {
  return withRoot(target, onProgress, (operate) => operate.repair(onProgress));
}

async function withRoot<T>(
  target: OfflineTarget,
  onProgress: OperateProgress | undefined,
  work: (operate: ReturnType<typeof operateOn>) => Promise<T>,
): Promise<T> {
  const { store: url } = target;
  const layout = layoutOf(target.root);
  // A database is shared anyway; the lock is for the files of the root.
  const lock = url === undefined ? lockRoot(systemDisk, layout) : undefined;
  try {
    const storage = await openStorage({
      layout,
      url,
      rotateBytes: ROTATE_BYTES_DEFAULT,
      onProgress,
    });
    const engine = engineOver(storage);
    try {
      return await work(operateOn(storage.store, engine));
    } finally {
      await engine.stop();
      await storage.close();
    }
  } finally {
    lock?.release();
  }
}

function engineOver({ store, blobs, clock }: Storage): JobEngine {
  return createJobEngine({
    store,
    blobs,
    clock,
    random: systemRandom,
    limits: LIMITS_DEFAULT,
    secrets: [],
    onFatal: (fault) => {
      throw fault;
    },
  });
}
