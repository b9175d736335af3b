/**
 * One simulated machine: the engine over the embedded store over a disk that fails, a clock that
 * jumps, clients that ask, and crashes at random moments. Everything is decided by one seed.
 */
import { createJobEngine, type JobEngine } from "../../src/engine/job-engine.ts";
import { isFault, messageOf } from "../../src/errors/fault.ts";
import type { Disk } from "../../src/lib/disk.ts";
import { type EmbeddedStore, openEmbeddedStore } from "../../src/storage/embedded/store.ts";
import type { Store } from "../../src/storage/store.ts";
import { type Crash, FaultyDisk, MachineOff } from "../support/faulty-disk.ts";
import { Seeded } from "../support/seeded.ts";
import { settle, VirtualClock } from "../support/virtual-clock.ts";
import { Clients } from "./clients.ts";
import { Facts } from "./facts.ts";
import { PromiseBroken } from "./ledger-laws.ts";
import { SurvivingDatabase } from "./surviving-database.ts";

export interface WorldOptions {
  readonly steps: number;
  /** Stands between the engine and the store, for canaries. */
  readonly wrapStore?: (store: EmbeddedStore) => Store;
  /** Stands between the store and the disk, for canaries. */
  readonly wrapDisk?: (disk: FaultyDisk) => Disk;
}

export interface WorldReport {
  readonly boots: number;
  readonly crashes: number;
  readonly acknowledged: number;
  readonly shown: number;
  readonly refusals: Readonly<Record<string, number>>;
}

/** What an engine may answer when the world fails; anything else is a bug. */
const EXPECTED_FAULTS: ReadonlySet<string> = new Set([
  "no_space",
  "sync_failed",
  "ledger_unavailable",
]);
const ROOT_DIR = "/root/.agents/daemon";
const CRASH_ODDS = 0.045;

interface Daemon {
  readonly engine: JobEngine;
  readonly store: EmbeddedStore;
  alive: boolean;
}

export class World {
  readonly #options: WorldOptions;
  readonly #random: Seeded;
  readonly #clock: VirtualClock = new VirtualClock(Date.UTC(2026, 0, 1));
  readonly #facts: Facts = new Facts();
  readonly #clients: Clients;
  readonly #database: SurvivingDatabase;
  readonly #seed: number;
  readonly #rotateBytes: number;
  readonly #refusals: Record<string, number> = {};
  #disk: FaultyDisk;
  #daemon: Daemon | undefined;
  #failure: unknown;
  #boots = 0;
  #crashes = 0;
  /** A sync was made to fail, so the engine may stop by itself. */
  #mayStop = false;
  /** Broken lines that were put into the ledger from outside. */
  #planted = 0;

  constructor(seed: number, options: WorldOptions) {
    this.#seed = seed;
    this.#options = options;
    this.#random = new Seeded(seed, "world");
    this.#clients = new Clients(new Seeded(seed, "clients"), this.#facts);
    this.#database = new SurvivingDatabase(new Seeded(seed, "database"), this.#random.chance(0.4));
    this.#rotateBytes = this.#random.pick([0, 3000, 12_000, 60_000]);
    this.#disk = new FaultyDisk({
      random: new Seeded(seed, "disk"),
      syncTurnsMax: 6,
      onStop: () => this.#stopped(),
    });
  }

  async run(): Promise<WorldReport> {
    try {
      await this.#boot();
      for (let step = 0; step < this.#options.steps; step += 1) {
        await this.#step();
        this.#rethrow();
      }
      await this.#crash("power");
      await this.#crash("kill");
      this.#rethrow();
    } finally {
      if (this.#daemon !== undefined) this.#abandon(this.#daemon);
      await settle();
      this.#database.remove();
    }
    return {
      boots: this.#boots,
      crashes: this.#crashes,
      acknowledged: this.#facts.acknowledged,
      shown: this.#facts.shown,
      refusals: this.#refusals,
    };
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const burst = random.chance(0.1) ? random.between(5, 30) : 1;
    for (let i = 0; i < burst; i += 1) this.#ask();
    if (random.chance(0.3)) this.#clock.advance(random.int(2000));
    if (random.chance(0.02)) this.#clock.jump(random.between(-3_600_000, 3_600_000));
    if (random.chance(0.03)) this.#disk.limit(random.int(1500));
    if (random.chance(0.08)) this.#disk.limit(undefined);
    if (random.chance(0.01)) this.#failSync();
    if (random.chance(0.01)) this.#operate();
    if (random.chance(0.03)) this.#disk.stopAfter(random.between(1, 12));
    await settle(random.int(5));
    const { alive } = this.#daemon ?? { alive: false };
    if (!alive || random.chance(CRASH_ODDS)) await this.#crash(this.#anyCrash());
  }

  #anyCrash(): Crash {
    return this.#random.chance(0.5) ? "kill" : "power";
  }

  #failSync(): void {
    this.#disk.failSyncs();
    this.#mayStop = true;
  }

  #ask(): void {
    const daemon = this.#daemon;
    if (daemon === undefined) return;
    this.#watch(
      daemon,
      this.#clients.act(daemon.engine, () => daemon.alive),
    );
  }

  /** A rebuild or a verification while everything else goes on. */
  #operate(): void {
    const daemon = this.#daemon;
    if (daemon === undefined) return;
    const work = this.#random.chance(0.5) ? daemon.store.rebuild() : this.#verify(daemon);
    this.#watch(daemon, work);
  }

  async #repair({ engine, store, alive }: Daemon): Promise<void> {
    await engine.exclusive(() => store.repair());
    if (!alive) return;
    this.#planted = 0;
    const { corrupt_record_count: left } = engine.health().lag;
    if (left > 0) throw new PromiseBroken(`${left} broken lines are left after a repair`);
  }

  async #verify(daemon: Daemon): Promise<void> {
    const { ok, differences } = await daemon.store.verify();
    if (!ok && daemon.alive)
      throw new PromiseBroken(`live projections differ: ${differences.join("; ")}`);
  }

  #watch(daemon: Daemon, work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (!daemon.alive || this.#disk.off || error instanceof MachineOff) return;
      if (isFault(error) && EXPECTED_FAULTS.has(error.code)) {
        this.#refusals[error.code] = (this.#refusals[error.code] ?? 0) + 1;
        return;
      }
      this.#failure ??= error;
    });
  }

  async #crash(how: Crash): Promise<void> {
    const daemon = this.#daemon;
    this.#crashes += 1;
    if (daemon !== undefined) daemon.alive = false;
    this.#disk = this.#disk.crash(how, { onStop: () => this.#stopped() });
    if (how === "power" && this.#random.chance(0.15)) this.#vandalise();
    this.#database.crash();
    this.#clock.dropTimers();
    // What the dead process still had under way comes to nothing, and nobody hears of it.
    await settle();
    if (daemon !== undefined) this.#abandon(daemon);
    await this.#boot();
  }

  /** Somebody edits the ledger while the daemon is down: a broken line in between whole ones. */
  #vandalise(): void {
    const path = `${ROOT_DIR}/ledger.jsonl`;
    const size = this.#disk.size(path);
    if (size === undefined) return;
    const text = Buffer.from(this.#disk.read(path, 0, size));
    const at = text.indexOf("\n", this.#random.int(size + 1)) + 1;
    const line = this.#random.pick(["{broken\n", "\u0000\n", "[]\n", '{"schema_version":2}\n']);
    const edited = [text.subarray(0, at), Buffer.from(line), text.subarray(at)];
    this.#disk.plant(path, Buffer.concat(edited));
    this.#planted += 1;
  }

  #stopped(): void {
    if (this.#daemon !== undefined) this.#daemon.alive = false;
  }

  #abandon({ engine, store }: Daemon): void {
    void engine.stop().catch(() => undefined);
    void store.close().catch(() => undefined);
  }

  /** Boots until it holds: a boot may run into a crash, or a full disk, of its own. */
  async #boot(): Promise<void> {
    this.#daemon = undefined;
    this.#mayStop = false;
    if (this.#random.chance(0.15)) this.#disk.stopAfter(this.#random.between(1, 8));
    if (this.#random.chance(0.1)) this.#disk.limit(this.#random.int(200));
    for (let attempt = 0; ; attempt += 1) {
      this.#boots += 1;
      try {
        await this.#bootOnce();
        return;
      } catch (error) {
        const isExpected = this.#disk.off || (isFault(error) && error.code === "no_space");
        if (!isExpected || attempt > 5) throw error;
        this.#disk = this.#disk.crash(this.#anyCrash(), { onStop: () => this.#stopped() });
        this.#disk.limit(undefined);
        this.#database.crash();
      }
    }
  }

  async #bootOnce(): Promise<void> {
    const disk = this.#options.wrapDisk?.(this.#disk) ?? this.#disk;
    const store = await openEmbeddedStore({
      disk,
      dir: ROOT_DIR,
      database: this.#database.path,
      rotateBytes: this.#rotateBytes,
      now: () => this.#clock.now(),
    });
    const engine = this.#engineOver(store);
    const daemon: Daemon = { engine, store, alive: true };
    const brokenMax = this.#planted;
    await this.#facts.check({ engine, store, random: this.#random, brokenMax });
    this.#daemon = daemon;
    if (engine.corrupt().length > 0) this.#watch(daemon, this.#repair(daemon));
    // A sweep that finds the disk full is tried again; the machine may stop in it as anywhere.
    this.#watch(daemon, engine.start());
    this.#follow(daemon);
  }

  #engineOver(store: EmbeddedStore): JobEngine {
    const engine = createJobEngine({
      store: this.#options.wrapStore?.(store) ?? store,
      blobs: { put: () => Promise.reject(new Error("no blobs")), get: async () => undefined },
      clock: this.#clock,
      random: new Seeded(this.#seed, `engine ${this.#boots}`),
      limits: { leaseMs: 10_000, heartbeatMs: 2500, maxAttempts: 3 },
      secrets: ["a secret that must not be kept"],
      onFatal: (fault) => {
        const daemon = this.#daemon;
        if (daemon?.engine !== engine) return;
        if (daemon.alive && !this.#mayStop && !this.#disk.off) {
          this.#failure ??= new Error(`the engine stopped by itself: ${messageOf(fault)}`);
        }
        daemon.alive = false;
      },
    });
    return engine;
  }

  /** A live reader that stands somewhere in the past and must see every event once. */
  #follow(daemon: Daemon): void {
    const from = this.#random.int(this.#facts.shown + 1);
    const tail = daemon.engine.tail(from);
    const page = this.#random.between(1, 50);
    const { signal } = new AbortController();
    const read = async (): Promise<void> => {
      let position = from;
      while (daemon.alive) {
        const events = await tail.next(page, signal);
        if (daemon.alive) position = this.#facts.tailed(position, events);
      }
    };
    this.#watch(daemon, read());
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
