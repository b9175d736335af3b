/**
 * The simulation must be able to fail: daemons that lose or promise too early are caught by the very
 * checks that the honest one passes.
 */
import { describe, expect, it, vi } from "vitest";
import { messageOf } from "../../src/errors/fault.ts";
import type { Disk, DiskFile } from "../../src/lib/disk.ts";
import type { EmbeddedStore } from "../../src/storage/embedded/store.ts";
import type { SaveBatch, SaveReceipt, Store, Turn } from "../../src/storage/store.ts";
import type { FaultyDisk } from "../support/faulty-disk.ts";
import { settle } from "../support/virtual-clock.ts";
import { PromiseBroken } from "./ledger-laws.ts";
import { World, type WorldOptions } from "./world.ts";

vi.mock("node:zlib", async (original) => {
  const { zlibInStep } = await import("./same-each-time.ts");
  return zlibInStep(original);
});

const SEEDS = [101, 102, 103];

async function failureOf(seed: number, options: Omit<WorldOptions, "steps">): Promise<unknown> {
  try {
    await new World(seed, { steps: 400, ...options }).run();
    return "nothing was noticed";
  } catch (error) {
    return error;
  }
}

/** A damaged archive is reported by the store itself, before any check looks. */
function isCaught(failure: unknown): boolean {
  return failure instanceof PromiseBroken || /^archive .* is damaged/.test(messageOf(failure));
}

/** The disk says that it has synced and has not. */
function lyingDisk(disk: FaultyDisk): Disk {
  const open = (path: string): DiskFile => {
    const file = disk.open(path);
    return { ...file, datasync: () => undefined };
  };
  return replaced(disk, { open });
}

/** Acknowledges its tenth batch without writing it. */
function forgetfulStore(): (store: EmbeddedStore) => Store {
  let saves = 0;
  return (store) =>
    savingWith(store, async (turn, batch) => {
      saves += 1;
      return saves === 10 ? {} : turn.save(batch);
    });
}

/** Acknowledges every batch a few turns before it is written. */
function hastyStore(store: EmbeddedStore): Store {
  let writing: Promise<unknown> = Promise.resolve();
  const hasty = savingWith(store, async (turn, batch) => {
    writing = settle(4).then(() => turn.save(batch));
    writing.catch(() => undefined);
    return {};
  });
  return replaced(hasty, {
    async begin(request) {
      await writing.catch(() => undefined);
      return hasty.begin(request);
    },
  });
}

/** A store whose turns are saved in another way. */
function savingWith(
  store: Store,
  save: (turn: Turn, batch: SaveBatch) => Promise<SaveReceipt>,
): Store {
  return replaced(store, {
    async begin(request) {
      const turn = await store.begin(request);
      return { ...turn, save: (batch) => save(turn, batch) };
    },
  });
}

/** The same object with some methods of one's own. */
function replaced<T extends object>(original: T, own: Partial<T>): T {
  return new Proxy(original, {
    get(target, name) {
      const value: unknown = Reflect.get({ ...own, __proto__: target }, name, target);
      return typeof value === "function" && !Object.hasOwn(own, name) ? value.bind(target) : value;
    },
  });
}

describe("the simulation catches a daemon that", () => {
  it.each(SEEDS)("sits on a disk that only says it synced, seed %i", async (seed) => {
    expect(await failureOf(seed, { wrapDisk: lyingDisk })).toSatisfy(isCaught);
  });

  it.each(SEEDS)("loses one acknowledged batch, seed %i", async (seed) => {
    expect(await failureOf(seed, { wrapStore: forgetfulStore() })).toSatisfy(isCaught);
  });

  it.each(SEEDS)("answers before the bytes are synced, seed %i", async (seed) => {
    expect(await failureOf(seed, { wrapStore: hastyStore })).toSatisfy(isCaught);
  });
});
