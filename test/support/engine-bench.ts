/** An engine over the embedded store on a simulated disk and clock: everything but the wire. */
import { createJobEngine, type JobEngine } from "../../src/engine/job-engine.ts";
import type { Fault } from "../../src/errors/fault.ts";
import type { Disk } from "../../src/lib/disk.ts";
import { openEmbeddedStore } from "../../src/storage/embedded/store.ts";
import { checkLedgerLaws, type LedgerFacts } from "../simulation/ledger-laws.ts";
import { FaultyDisk } from "./faulty-disk.ts";
import { T0 } from "./given.ts";
import { Seeded } from "./seeded.ts";
import { VirtualClock } from "./virtual-clock.ts";

const DIR = "/root/.agents/daemon";
const LEDGER = `${DIR}/ledger.jsonl`;

export interface EngineBench {
  readonly engine: JobEngine;
  readonly disk: FaultyDisk;
  readonly clock: VirtualClock;
  /** Faults that would have stopped the process. */
  readonly fatal: readonly Fault[];
  /** Whole lines of the ledger as they are seen now. */
  lines(): readonly string[];
  /** Holds those lines against the laws of every ledger. */
  facts(): LedgerFacts;
}

export interface EngineBenchOptions {
  /** Stands between the store and the simulated disk. */
  readonly wrapDisk?: (disk: FaultyDisk) => Disk;
  readonly seed?: number;
  /** The ledger is rotated at this size; never without it. */
  readonly rotateBytes?: number;
}

export async function engineBench(options: EngineBenchOptions = {}): Promise<EngineBench> {
  const { wrapDisk, seed = 1, rotateBytes = 0 } = options;
  const disk = new FaultyDisk({ random: new Seeded(seed, "disk") });
  const clock = new VirtualClock(T0);
  const store = await openEmbeddedStore({
    disk: wrapDisk?.(disk) ?? disk,
    dir: DIR,
    database: ":memory:",
    rotateBytes,
    now: () => clock.now(),
  });
  const fatal: Fault[] = [];
  const engine = createJobEngine({
    store,
    blobs: { put: () => Promise.reject(new Error("no blobs")), get: async () => undefined },
    clock,
    random: new Seeded(seed, "engine"),
    limits: { leaseMs: 60_000, heartbeatMs: 15_000, maxAttempts: 3 },
    secrets: [],
    onFatal: (fault) => void fatal.push(fault),
  });
  await engine.start();
  const lines = (): readonly string[] =>
    Buffer.from(disk.read(LEDGER, 0, disk.size(LEDGER) ?? 0))
      .toString("utf8")
      .split("\n")
      .slice(0, -1);
  return { engine, disk, clock, fatal, lines, facts: () => checkLedgerLaws(lines()) };
}

/** A disk whose syncs of data wait until they are let through. */
export class HeldSyncs {
  #held: (() => void)[] = [];
  #isHolding = false;

  readonly wrap = (disk: FaultyDisk): Disk =>
    new Proxy<Disk>(disk, {
      get: (target, name) => {
        if (name === "open") return (path: string) => this.#open(disk, path);
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });

  get waiting(): number {
    return this.#held.length;
  }

  hold(): void {
    this.#isHolding = true;
  }

  /** Lets everything through that waits, and everything that comes. */
  release(): void {
    this.#isHolding = false;
    for (const go of this.#held.splice(0)) go();
  }

  #open(disk: FaultyDisk, path: string): ReturnType<Disk["open"]> {
    const file = disk.open(path);
    return {
      ...file,
      datasync: async () => {
        if (this.#isHolding) await new Promise<void>((resolve) => this.#held.push(resolve));
        await file.datasync();
      },
    };
  }
}
