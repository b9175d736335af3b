/** What an operator may do to a root whose daemon is not running: rebuild, verify, repair. */
import { createJobEngine, type JobEngine } from "../engine/job-engine.ts";
import { systemClock } from "../lib/clock.ts";
import { systemRandom } from "../lib/system-random.ts";
import { EmbeddedBlobs } from "../storage/embedded/blobs.ts";
import { layoutOf } from "../storage/embedded/layout.ts";
import { lockRoot } from "../storage/embedded/lock.ts";
import { type EmbeddedStore, openEmbeddedStore } from "../storage/embedded/store.ts";
import { systemDisk } from "../storage/embedded/system-disk.ts";
import { LIMITS_DEFAULT, ROTATE_BYTES_DEFAULT } from "./defaults.ts";
import { operateOn, type RebuildAnswer, type RepairAnswer, type VerifyAnswer } from "./operate.ts";

/** Bytes of the ledger read so far, and in all. */
export type OperateProgress = (doneBytes: number, totalBytes: number) => void;

/** Folds the ledger into fresh read models. Throws `root_locked` when a daemon runs. */
export function rebuildRoot(root: string, onProgress?: OperateProgress): Promise<RebuildAnswer> {
  return withRoot(root, onProgress, (operate) => operate.rebuild(onProgress));
}

/** Folds the ledger into scratch read models and compares. Throws `root_locked`. */
export function verifyRoot(root: string, onProgress?: OperateProgress): Promise<VerifyAnswer> {
  return withRoot(root, onProgress, (operate) => operate.verify(onProgress));
}

/** Moves broken lines to quarantine. Throws `root_locked`. */
export function repairRoot(root: string, onProgress?: OperateProgress): Promise<RepairAnswer> {
  return withRoot(root, onProgress, (operate) => operate.repair(onProgress));
}

async function withRoot<T>(
  root: string,
  onProgress: OperateProgress | undefined,
  work: (operate: ReturnType<typeof operateOn>) => Promise<T>,
): Promise<T> {
  const layout = layoutOf(root);
  const lock = lockRoot(systemDisk, layout);
  try {
    const store = await openEmbeddedStore({
      disk: systemDisk,
      dir: layout.dir,
      database: layout.database,
      rotateBytes: ROTATE_BYTES_DEFAULT,
      now: () => systemClock.now(),
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    const engine = engineOver(store, layout);
    try {
      return await work(operateOn(store, engine));
    } finally {
      await engine.stop();
      await store.close();
    }
  } finally {
    lock.release();
  }
}

function engineOver(store: EmbeddedStore, layout: ReturnType<typeof layoutOf>): JobEngine {
  return createJobEngine({
    store,
    blobs: new EmbeddedBlobs(layout, () => systemClock.now()),
    clock: systemClock,
    random: systemRandom,
    limits: LIMITS_DEFAULT,
    secrets: [],
    onFatal: (fault) => {
      throw fault;
    },
  });
}
