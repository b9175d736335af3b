/** Opens the ledger of a daemon, wherever it is kept. */

import type { Clock } from "../lib/clock.ts";
import { systemClock } from "../lib/clock.ts";
import { EmbeddedBlobs } from "../storage/embedded/blobs.ts";
import type { Layout } from "../storage/embedded/layout.ts";
import { openEmbeddedStore } from "../storage/embedded/store.ts";
import { systemDisk } from "../storage/embedded/system-disk.ts";
import type { MaintainedStore, Progress } from "../storage/maintenance.ts";
import { openPostgresStore } from "../storage/postgres/store.ts";
import type { Blobs } from "../storage/store.ts";
import { timedDisk } from "./timed-disk.ts";

export interface Storage {
  readonly store: MaintainedStore;
  readonly blobs: Blobs;
  /** The clock that leases are measured with: one for all processes that share the store. */
  readonly clock: Clock;
  /** Where the ledger is, for people; holds no secret. */
  readonly ledger: string;
  /** Values that open the store, which nobody else may see. */
  readonly secrets: readonly string[];
  close(): Promise<void>;
}

export interface StorageOptions {
  readonly layout: Layout;
  /** URL of a database that several daemons may share; without it the ledger is below the root. */
  readonly url?: string | undefined;
  readonly rotateBytes: number;
  readonly onProgress?: Progress | undefined;
  /** Told how long each sync of the ledger's own disk took. */
  readonly onSync?: ((ms: number) => void) | undefined;
}

/** Throws a `Fault` that says what to do. */
export function openStorage(options: StorageOptions): Promise<Storage> {
  return options.url === undefined ? openEmbedded(options) : openPostgres(options.url);
}

async function openPostgres(url: string): Promise<Storage> {
  const store = await openPostgresStore({ url, clock: systemClock });
  // The driver takes it from there when the URL has none.
  const password = process.env["PGPASSWORD"];
  return {
    store,
    blobs: store.blobs,
    clock: store.clock,
    ledger: store.place,
    secrets: password === undefined ? store.secrets : [...store.secrets, password],
    close: () => store.close(),
  };
}

async function openEmbedded(options: StorageOptions): Promise<Storage> {
  const { layout, rotateBytes, onProgress, onSync } = options;
  const store = await openEmbeddedStore({
    disk: onSync === undefined ? systemDisk : timedDisk(systemDisk, systemClock, onSync),
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
    secrets: [],
    close: () => store.close(),
  };
}
