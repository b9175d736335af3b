/** Opens the ledger of a daemon, wherever it is kept. */

import type { Clock } from "../lib/clock.ts";
import { systemClock } from "../lib/clock.ts";
import { EmbeddedBlobs } from "../storage/embedded/blobs.ts";
import type { Layout } from "../storage/embedded/layout.ts";
import { openEmbeddedStore } from "../storage/embedded/store.ts";
import { systemDisk } from "../storage/embedded/system-disk.ts";
import type { MaintainedStore, Progress } from "../storage/maintenance.ts";
import type { Blobs } from "../storage/store.ts";

export interface Storage {
  readonly store: MaintainedStore;
  readonly blobs: Blobs;
  /** The clock that leases are measured with: one for all processes that share the store. */
  readonly clock: Clock;
  /** Where the ledger is, for people; holds no secret. */
  readonly ledger: string;
  close(): Promise<void>;
}

export interface StorageOptions {
  readonly layout: Layout;
  readonly rotateBytes: number;
  readonly onProgress?: Progress | undefined;
}

export async function openStorage(options: StorageOptions): Promise<Storage> {
  const { layout, rotateBytes, onProgress } = options;
  const store = await openEmbeddedStore({
    disk: systemDisk,
    dir: layout.dir,
    database: layout.database,
    rotateBytes,
    now: () => systemClock.now(),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  return {
    store,
    blobs: new EmbeddedBlobs(layout, () => systemClock.now()),
    clock: systemClock,
    ledger: layout.ledger,
    close: () => store.close(),
  };
}
