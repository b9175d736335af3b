/**
 * A disk in memory that fails in every way we know, decided by a seed. Fault model:
 *
 * - Bytes. A write or a truncation is seen at once by everybody who reads, and is durable only after
 *   a `datasync` that began after it has succeeded. A power cut keeps a random prefix of the
 *   operations that were not synced, the last of them possibly torn: a prefix of its bytes, now and
 *   then followed by zeros up to its full length.
 * - Names. A created, renamed or removed name is seen at once and durable after `syncDir`. A power
 *   cut keeps a random prefix of a directory's unsynced name changes, in their order. A file that no
 *   name leads to any more is gone. Directories themselves are never lost.
 * - A process that dies (`crash("kill")`) loses nothing that was written, but what was not durable
 *   stays not durable for the process that comes after it.
 * - Room. With a capacity set, a write that does not fit writes what fits and throws ENOSPC.
 * - A sync may fail once. Then the bytes it should have saved are still seen, and no later sync saves
 *   them unless they are written anew: that is what kernels do after an I/O error. The machine does
 *   not stop by itself right after it: two faults in one instant are outside the model.
 * - A sync may take its time: what is written after it began is not covered by it.
 * - The machine may stop at any changing operation, in the middle of a write included; from then on
 *   every operation throws.
 */
import { dirname } from "node:path";
import type { Disk, DiskFile } from "../../src/lib/disk.ts";
import type { Seeded } from "./seeded.ts";

export type Crash = "kill" | "power";

/** Thrown by every operation of a machine that is off. */
export class MachineOff extends Error {
  override readonly name = "MachineOff";
}

class Bytes {
  #buffer = Buffer.alloc(256);
  length = 0;

  static of(bytes: Uint8Array): Bytes {
    const made = new Bytes();
    made.write(bytes, 0);
    return made;
  }

  write(bytes: Uint8Array, offset: number): void {
    const end = offset + bytes.length;
    if (end > this.#buffer.length) {
      const grown = Buffer.alloc(end * 2);
      this.#buffer.copy(grown, 0, 0, this.length);
      this.#buffer = grown;
    }
    if (offset > this.length) this.#buffer.fill(0, this.length, offset);
    this.#buffer.set(bytes, offset);
    this.length = Math.max(this.length, end);
  }

  truncate(size: number): void {
    if (size > this.length) this.write(new Uint8Array(size - this.length), this.length);
    this.length = size;
  }

  slice(offset: number, length: number): Buffer {
    return Buffer.from(this.#buffer.subarray(offset, Math.min(offset + length, this.length)));
  }

  all(): Buffer {
    return this.slice(0, this.length);
  }
}

type Change =
  | { readonly kind: "write"; readonly bytes: Uint8Array; readonly offset: number }
  | { readonly kind: "truncate"; readonly size: number };

/** One file: what is seen, what would survive, and the operations between the two. */
class Inode {
  seen: Bytes = new Bytes();
  durable: Bytes = new Bytes();
  unsynced: Change[] = [];
  /** Stretch that a failed sync gave up on: seen, but never saved until it is written anew. */
  lost: { readonly from: number; readonly to: number } | undefined;

  change(change: Change): void {
    applyTo(this.seen, change);
    this.unsynced.push(change);
    if (this.lost === undefined) return;
    const { from, to } = this.lost;
    if (change.kind === "truncate" && change.size <= from) this.lost = undefined;
    else if (change.kind === "write" && change.offset <= from) {
      const start = change.offset + change.bytes.length;
      this.lost = start >= to ? undefined : { from: Math.max(from, start), to };
    }
  }

  sync(count: number): void {
    const kept = this.lost === undefined ? undefined : this.#underLost(this.lost);
    for (const change of this.unsynced.splice(0, count)) applyTo(this.durable, change);
    if (kept !== undefined && this.lost !== undefined) this.durable.write(kept, this.lost.from);
  }

  failSync(): void {
    const writes = this.unsynced.filter((change) => change.kind === "write");
    const from = Math.min(...writes.map(({ offset }) => offset));
    const to = Math.max(...writes.map(({ offset, bytes }) => offset + bytes.length));
    if (writes.length > 0) this.lost = { from, to };
    for (const change of this.unsynced.splice(0)) {
      if (change.kind === "truncate") applyTo(this.durable, change);
    }
  }

  /** The file as it is found after the power came back. */
  afterPowerCut(random: Seeded): Inode {
    const survivor = new Inode();
    survivor.durable = Bytes.of(this.durable.all());
    const whole = random.int(this.unsynced.length + 1);
    for (const change of this.unsynced.slice(0, whole)) applyTo(survivor.durable, change);
    const torn = this.unsynced[whole];
    if (torn?.kind === "write" && random.chance(0.7)) {
      const bytes = torn.bytes.slice(0, random.int(torn.bytes.length + 1));
      survivor.durable.write(bytes, torn.offset);
      const end = torn.offset + torn.bytes.length;
      if (random.chance(0.15) && end > survivor.durable.length) survivor.durable.truncate(end);
    }
    survivor.seen = Bytes.of(survivor.durable.all());
    return survivor;
  }

  #underLost({ from, to }: { from: number; to: number }): Uint8Array {
    const kept = Buffer.alloc(to - from);
    this.durable.slice(from, to - from).copy(kept);
    return kept;
  }
}

function applyTo(bytes: Bytes, change: Change): void {
  if (change.kind === "write") bytes.write(change.bytes, change.offset);
  else bytes.truncate(change.size);
}

type NameChange =
  | { readonly kind: "add"; readonly name: string; readonly inode: Inode }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string };

class Directory {
  seen: Map<string, Inode> = new Map();
  durable: Map<string, Inode> = new Map();
  unsynced: NameChange[] = [];

  change(change: NameChange): void {
    rename(this.seen, change);
    this.unsynced.push(change);
  }

  sync(): void {
    for (const change of this.unsynced.splice(0)) rename(this.durable, change);
  }
}

function rename(names: Map<string, Inode>, change: NameChange): void {
  if (change.kind === "add") names.set(change.name, change.inode);
  else if (change.kind === "remove") names.delete(change.name);
  else {
    const inode = names.get(change.from);
    names.delete(change.from);
    if (inode !== undefined) names.set(change.to, inode);
  }
}

export interface FaultyDiskOptions {
  readonly random: Seeded;
  /** Most turns of the event loop a sync may take; 0 makes every sync immediate. */
  readonly syncTurnsMax?: number;
  /** Called once when the machine stops by itself (`stopAfter`). */
  readonly onStop?: () => void;
}

/** How often each thing was done: tests count syncs. */
export interface DiskCounts {
  writes: number;
  syncs: number;
  dirSyncs: number;
}

export class FaultyDisk implements Disk {
  readonly counts: DiskCounts = { writes: 0, syncs: 0, dirSyncs: 0 };
  readonly #random: Seeded;
  readonly #syncTurnsMax: number;
  readonly #onStop: () => void;
  #directories: Map<string, Directory> = new Map();
  #capacity = Number.POSITIVE_INFINITY;
  #syncFailures = 0;
  #stopIn = Number.POSITIVE_INFINITY;
  #off = false;
  /** Told before each changing operation, by name; may throw to make that one fail. */
  onStep: ((step: string) => void) | undefined;

  constructor(options: FaultyDiskOptions) {
    this.#random = options.random;
    this.#syncTurnsMax = options.syncTurnsMax ?? 0;
    this.#onStop = options.onStop ?? (() => undefined);
  }

  get off(): boolean {
    return this.#off;
  }

  /** Bytes in all files. */
  get used(): number {
    let used = 0;
    for (const { seen } of this.#directories.values()) {
      for (const inode of seen.values()) used += inode.seen.length;
    }
    return used;
  }

  /** Leaves room for so many bytes more; nothing lifts the limit. */
  limit(freeBytes: number | undefined): void {
    this.#capacity = freeBytes === undefined ? Number.POSITIVE_INFINITY : this.used + freeBytes;
  }

  failSyncs(count: number = 1): void {
    this.#syncFailures = count;
  }

  /** Stops the machine inside the `operations`-th changing operation from now. */
  stopAfter(operations: number): void {
    this.#stopIn = operations;
  }

  /** Stops the machine and gives the disk as the next boot finds it. */
  crash(how: Crash, options: Partial<FaultyDiskOptions> = {}): FaultyDisk {
    this.#off = true;
    const next = new FaultyDisk({
      random: this.#random,
      syncTurnsMax: this.#syncTurnsMax,
      ...options,
    });
    next.#directories = how === "kill" ? this.#asSeen() : this.#afterPowerCut();
    return next;
  }

  // The rest is what the store sees.

  ensureDir(path: string): void {
    this.#check();
    for (let dir = path; !this.#directories.has(dir); dir = dirname(dir)) {
      this.#directories.set(dir, new Directory());
      if (dirname(dir) === dir) break;
    }
  }

  open(path: string): DiskFile {
    this.#check();
    const known = this.#find(path);
    if (known !== undefined) return this.#handle(known);
    const inode = new Inode();
    this.#step("create", () => this.#dir(path).change({ kind: "add", name: path, inode }));
    return this.#handle(inode);
  }

  size(path: string): number | undefined {
    this.#check();
    return this.#find(path)?.seen.length;
  }

  names(dir: string): readonly string[] {
    this.#check();
    const names = [...(this.#directories.get(dir)?.seen.keys() ?? [])];
    return names.map((path) => path.slice(dir.length + 1)).sort();
  }

  read(path: string, offset: number, length: number): Uint8Array {
    this.#check();
    const inode = this.#find(path);
    if (inode === undefined) throw errno("ENOENT", `no such file: ${path}`);
    return inode.seen.slice(offset, length);
  }

  rename(from: string, to: string): void {
    this.#check();
    if (this.#find(from) === undefined) throw errno("ENOENT", `no such file: ${from}`);
    this.#step("rename", () => this.#dir(from).change({ kind: "rename", from, to }));
  }

  remove(path: string): void {
    this.#check();
    if (this.#find(path) === undefined) return;
    this.#step("remove", () => this.#dir(path).change({ kind: "remove", name: path }));
  }

  syncDir(dir: string): void {
    this.#check();
    this.counts.dirSyncs += 1;
    this.#step("syncDir", () => this.#directories.get(dir)?.sync());
  }

  replace(path: string, bytes: Uint8Array): void {
    const temporary = `${path}.tmp`;
    this.remove(temporary);
    const file = this.open(temporary);
    file.write(bytes, 0);
    const inode = this.#find(temporary);
    this.#syncNow(inode as Inode);
    this.rename(temporary, path);
    this.syncDir(dirname(path));
  }

  /** Puts a whole file there as if it had always been: how tests prepare a disk. */
  plant(path: string, bytes: Uint8Array | string): void {
    this.ensureDir(dirname(path));
    const inode = new Inode();
    inode.seen = Bytes.of(Buffer.from(bytes));
    inode.durable = Bytes.of(Buffer.from(bytes));
    const dir = this.#dir(path);
    dir.seen.set(path, inode);
    dir.durable.set(path, inode);
  }

  #handle(inode: Inode): DiskFile {
    return {
      write: (bytes, offset) => this.#write(inode, bytes, offset),
      truncate: (size) => {
        this.#check();
        this.#step("truncate", () => inode.change({ kind: "truncate", size }));
      },
      datasync: () => this.#datasync(inode),
      close: () => undefined,
    };
  }

  #write(inode: Inode, bytes: Uint8Array, offset: number): void {
    this.#check();
    this.counts.writes += 1;
    const grows = Math.max(0, offset + bytes.length - inode.seen.length);
    const room = Math.max(0, this.#capacity - this.used);
    const fits = grows <= room ? bytes.length : Math.max(0, bytes.length - (grows - room));
    this.#step("write", (torn) => {
      const written = torn ? this.#random.int(fits + 1) : fits;
      inode.change({ kind: "write", bytes: bytes.slice(0, written), offset });
    });
    if (fits < bytes.length) throw errno("ENOSPC", "no space left on device");
  }

  #datasync(inode: Inode): void | Promise<void> {
    this.#check();
    this.counts.syncs += 1;
    const turns = this.#syncTurnsMax === 0 ? 0 : this.#random.int(this.#syncTurnsMax + 1);
    const count = inode.unsynced.length;
    if (turns === 0) {
      this.#syncNow(inode, count);
      return undefined;
    }
    return this.#syncLater(inode, count, turns);
  }

  async #syncLater(inode: Inode, count: number, turns: number): Promise<void> {
    for (let i = 0; i < turns; i += 1) await new Promise((resolve) => setImmediate(resolve));
    this.#check();
    this.#syncNow(inode, count);
  }

  #syncNow(inode: Inode, count: number = inode.unsynced.length): void {
    if (this.#syncFailures > 0) {
      this.#syncFailures -= 1;
      this.#stopIn = Number.POSITIVE_INFINITY;
      inode.failSync();
      throw errno("EIO", "input/output error");
    }
    this.#step("datasync", () => inode.sync(count));
  }

  /** Runs one changing operation, or stops the machine in it. */
  #step(name: string, change: (torn: boolean) => void): void {
    this.onStep?.(name);
    this.#stopIn -= 1;
    if (this.#stopIn > 0) {
      change(false);
      return;
    }
    this.#stopIn = Number.POSITIVE_INFINITY;
    // The operation has happened in part, wholly or not at all; nobody lived to be told.
    if (this.#random.chance(0.5)) change(true);
    this.#off = true;
    this.#onStop();
    throw new MachineOff("the machine stopped");
  }

  #check(): void {
    if (this.#off) throw new MachineOff("the machine is off");
  }

  #dir(path: string): Directory {
    const dir = this.#directories.get(dirname(path));
    if (dir === undefined) throw errno("ENOENT", `no such directory: ${dirname(path)}`);
    return dir;
  }

  #find(path: string): Inode | undefined {
    return this.#directories.get(dirname(path))?.seen.get(path);
  }

  #asSeen(): Map<string, Directory> {
    const copies = new Map<Inode, Inode>();
    const copy = (inode: Inode): Inode => {
      const known = copies.get(inode);
      if (known !== undefined) return known;
      const made = new Inode();
      made.seen = Bytes.of(inode.seen.all());
      made.durable = Bytes.of(inode.durable.all());
      made.unsynced = [...inode.unsynced];
      made.lost = inode.lost;
      copies.set(inode, made);
      return made;
    };
    return this.#mapped((directory) => {
      const made = new Directory();
      for (const [name, inode] of directory.seen) made.seen.set(name, copy(inode));
      for (const [name, inode] of directory.durable) made.durable.set(name, copy(inode));
      made.unsynced = directory.unsynced.map((change) =>
        change.kind === "add" ? { ...change, inode: copy(change.inode) } : change,
      );
      return made;
    });
  }

  #afterPowerCut(): Map<string, Directory> {
    return this.#mapped((directory) => {
      const made = new Directory();
      const kept = new Map(directory.durable);
      const survived = this.#random.int(directory.unsynced.length + 1);
      for (const change of directory.unsynced.slice(0, survived)) rename(kept, change);
      for (const [name, inode] of kept) {
        const survivor = inode.afterPowerCut(this.#random);
        made.seen.set(name, survivor);
        made.durable.set(name, survivor);
      }
      return made;
    });
  }

  #mapped(make: (directory: Directory) => Directory): Map<string, Directory> {
    return new Map([...this.#directories].map(([path, directory]) => [path, make(directory)]));
  }
}

function errno(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
