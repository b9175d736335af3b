/**
 * Every adapter of the storage ports, each with the ways in which it can be opened. The suites loop
 * over this list, `adapters.test.ts` compares it with the folders of `src/storage`, and
 * `ADAPTERS=memory,embedded` narrows a run to some folders.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { copyLedger } from "../../src/storage/copy.ts";
import { EmbeddedBlobs } from "../../src/storage/embedded/blobs.ts";
import { layoutOf } from "../../src/storage/embedded/layout.ts";
import { openEmbeddedStore } from "../../src/storage/embedded/store.ts";
import { systemDisk } from "../../src/storage/embedded/system-disk.ts";
import { createMemoryBlobs } from "../../src/storage/memory/blobs.ts";
import { createMemoryStore } from "../../src/storage/memory/store.ts";
import { openPostgresStore, type PostgresStore } from "../../src/storage/postgres/store.ts";
import type { Blobs, Store } from "../../src/storage/store.ts";
import { T0 } from "../support/given.ts";
import { freshDatabase } from "../support/postgres.ts";

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

let database: ReturnType<typeof freshDatabase> | undefined;
let schemas = 0;

/** A schema of its own, in the one database that a test file gets. */
async function freshSchema(): Promise<string> {
  database ??= freshDatabase();
  schemas += 1;
  return `${(await database).url}?schema=contract_${schemas}`;
}

afterAll(async () => {
  await (await database)?.drop();
});

interface PostgresVariant {
  readonly name: string;
  readonly partitionEvents: number;
  readonly models: "kept" | "rebuilt after each open";
}

function postgres({ name, partitionEvents, models }: PostgresVariant): StoreAdapter {
  return {
    name,
    folder: "postgres",
    async open(lines = []) {
      const url = await freshSchema();
      const openStore = (): Promise<PostgresStore> =>
        openPostgresStore({ url, clock: systemClock, partitionEvents });
      let current = await openStore();
      // A stranger's lines are judged by the model; this ledger takes events alone.
      await copyLedger(createMemoryStore([...lines]), current, () => undefined);
      return {
        store: current,
        async reopen() {
          await current.close();
          current = await openStore();
          if (models !== "kept") await current.rebuild();
          return current;
        },
        async cleanup() {
          await current.close();
        },
      };
    },
    capabilities: {
      brokenLines: { reason: "its lines are rows, and a row is an event or was never committed" },
    },
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
  postgres({ name: "postgres", partitionEvents: 1_000_000, models: "kept" }),
  postgres({ name: "postgres, rebuilt", partitionEvents: 100, models: "rebuilt after each open" }),
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
  {
    name: "postgres",
    folder: "postgres",
    async open() {
      const url = await freshSchema();
      const openStore = (): Promise<PostgresStore> =>
        openPostgresStore({ url, clock: systemClock });
      const first = await openStore();
      const opened = [first];
      return {
        blobs: first.blobs,
        async reopen() {
          const next = await openStore();
          opened.push(next);
          return next.blobs;
        },
        async cleanup() {
          for (const store of opened) await store.close();
        },
      };
    },
  },
];

export const STORES: readonly StoreAdapter[] = chosen(ALL_STORES);
export const BLOBS: readonly BlobsAdapter[] = chosen(ALL_BLOBS);
