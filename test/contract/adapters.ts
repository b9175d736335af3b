/**
 * Every adapter of the storage ports, each with the ways in which it can be opened. The suites loop
 * over this list, `adapters.test.ts` compares it with the folders of `src/storage`, and
 * `ADAPTERS=memory,embedded` narrows a run to some folders.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmbeddedBlobs } from "../../src/storage/embedded/blobs.ts";
import { layoutOf } from "../../src/storage/embedded/layout.ts";
import { openEmbeddedStore } from "../../src/storage/embedded/store.ts";
import { systemDisk } from "../../src/storage/embedded/system-disk.ts";
import { createMemoryBlobs } from "../../src/storage/memory/blobs.ts";
import { createMemoryStore } from "../../src/storage/memory/store.ts";
import type { Blobs, Store } from "../../src/storage/store.ts";
import { T0 } from "../support/given.ts";

export interface OpenStore {
  readonly store: Store;
  /** Closes the store that is open and opens what it kept. */
  readonly reopen: () => Promise<Store>;
  readonly cleanup: () => Promise<void>;
}

export interface OpenBlobs {
  readonly blobs: Blobs;
  readonly reopen: () => Promise<Blobs>;
  readonly cleanup: () => Promise<void>;
}

export interface StoreAdapter {
  readonly name: string;
  /** Its folder in `src/storage`. */
  readonly folder: string;
  /** `lines` are the ledger, one text each, as it is before the store is opened. */
  readonly open: (lines?: readonly string[]) => Promise<OpenStore>;
  readonly capabilities: {
    /** Whether lines that are no events can be in its ledger; if not, the written reason. */
    readonly brokenLines: true | { readonly reason: string };
  };
}

export interface BlobsAdapter {
  readonly name: string;
  readonly folder: string;
  readonly open: () => Promise<OpenBlobs>;
}

const memory: StoreAdapter = {
  name: "memory",
  folder: "memory",
  async open(lines = []) {
    const ledger = [...lines];
    return {
      store: createMemoryStore(ledger),
      reopen: async () => createMemoryStore(ledger),
      cleanup: async () => undefined,
    };
  },
  capabilities: { brokenLines: { reason: "its ledger has no bytes that could break" } },
};

interface EmbeddedVariant {
  readonly name: string;
  readonly rotateBytes: number;
  readonly models: "kept" | "lost at each close" | "in memory";
}

function embedded({ name, rotateBytes, models }: EmbeddedVariant): StoreAdapter {
  return {
    name,
    folder: "embedded",
    async open(lines = []) {
      const root = mkdtempSync(join(tmpdir(), "keelson-contract-"));
      const layout = layoutOf(root);
      systemDisk.ensureDir(layout.dir);
      if (lines.length > 0) writeFileSync(layout.ledger, lines.map((line) => `${line}\n`).join(""));
      const openStore = (): Promise<Store> =>
        openEmbeddedStore({
          disk: systemDisk,
          dir: layout.dir,
          database: models === "in memory" ? ":memory:" : layout.database,
          rotateBytes,
          now: () => T0,
        });
      let current = await openStore();
      return {
        store: current,
        async reopen() {
          await current.close();
          if (models === "lost at each close") {
            for (const suffix of ["", "-wal", "-shm"]) {
              rmSync(layout.database + suffix, { force: true });
            }
          }
          current = await openStore();
          return current;
        },
        async cleanup() {
          await current.close();
          rmSync(root, { recursive: true });
        },
      };
    },
    capabilities: { brokenLines: true },
  };
}

/** With tests narrowed by `ADAPTERS`, only the named folders are looped over. */
const narrowed = process.env["ADAPTERS"]?.split(",");

function chosen<T extends { readonly folder: string }>(adapters: readonly T[]): readonly T[] {
  return adapters.filter(({ folder }) => narrowed?.includes(folder) ?? true);
}

export const ALL_STORES: readonly StoreAdapter[] = [
  memory,
  embedded({ name: "embedded", rotateBytes: 0, models: "kept" }),
  embedded({ name: "embedded, rebuilt", rotateBytes: 4096, models: "lost at each close" }),
  embedded({ name: "embedded, models in memory", rotateBytes: 65_536, models: "in memory" }),
];

export const ALL_BLOBS: readonly BlobsAdapter[] = [
  {
    name: "memory",
    folder: "memory",
    async open() {
      const blobs = createMemoryBlobs(() => T0);
      return { blobs, reopen: async () => blobs, cleanup: async () => undefined };
    },
  },
  {
    name: "embedded",
    folder: "embedded",
    async open() {
      const root = mkdtempSync(join(tmpdir(), "keelson-blobs-"));
      const openBlobs = (): Blobs => new EmbeddedBlobs(layoutOf(root), () => T0);
      return {
        blobs: openBlobs(),
        reopen: async () => openBlobs(),
        cleanup: async () => rmSync(root, { recursive: true }),
      };
    },
  },
];

export const STORES: readonly StoreAdapter[] = chosen(ALL_STORES);
export const BLOBS: readonly BlobsAdapter[] = chosen(ALL_BLOBS);
