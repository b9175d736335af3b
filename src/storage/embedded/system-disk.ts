/**
 * The machine's disk. Fault model: a write may be short or refused; bytes are durable only after
 * `datasync`; a created or renamed name is durable only after `syncDir`; a failed sync leaves the
 * kernel's copy in an unknown state, so the caller must stop and read the file anew. A sync of a file
 * that has lost its name (`rm`, `git clean`) fails.
 */
import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import type { Disk, DiskFile } from "../../lib/disk.ts";

const FILE_MODE = 0o600;
const DIR_MODE = 0o700;

/** Above this a sync costs more on the event loop than a trip through the thread pool. */
const SYNC_ON_LOOP_MS_MAX = 1;
/** Weight of the newest sync in the running mean. */
const SYNC_MEAN_WEIGHT = 0.2;

class SystemFile implements DiskFile {
  readonly #fd: number;
  #syncMs = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Uint8Array, offset: number): void {
    let done = 0;
    while (done < bytes.length) {
      done += writeSync(this.#fd, bytes, done, bytes.length - done, offset + done);
    }
  }

  truncate(size: number): void {
    ftruncateSync(this.#fd, size);
  }

  datasync(): void | Promise<void> {
    const started = performance.now();
    if (this.#syncMs > SYNC_ON_LOOP_MS_MAX) return this.#syncInPool(started);
    fdatasyncSync(this.#fd);
    this.#measured(started);
    this.#checkNamed();
  }

  #syncInPool(started: number): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      fdatasync(this.#fd, (error) => {
        this.#measured(started);
        if (error !== null) reject(error);
        else resolve();
      });
    }).then(() => this.#checkNamed());
  }

  /** Bytes in a file that somebody removed go with the process: no sync makes them durable. */
  #checkNamed(): void {
    if (fstatSync(this.#fd).nlink === 0) throw new Error("the file was removed by somebody else");
  }

  #measured(started: number): void {
    const ms = performance.now() - started;
    this.#syncMs += (ms - this.#syncMs) * SYNC_MEAN_WEIGHT;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** A directory that is new is durable only when its parent is synced, and so on up. */
function ensureDir(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: DIR_MODE });
  if (first === undefined) return;
  const highest = dirname(resolve(first));
  for (let parent = dirname(resolve(path)); ; parent = dirname(parent)) {
    syncDir(parent);
    if (parent === highest) return;
  }
}

function syncDir(dir: string): void {
  const fd = openSync(dir, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function replace(path: string, bytes: Uint8Array): void {
  const temporary = `${path}.tmp`;
  const fd = openSync(temporary, "w", FILE_MODE);
  try {
    let done = 0;
    while (done < bytes.length) done += writeSync(fd, bytes, done);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
  syncDir(dirname(path));
}

function read(path: string, offset: number, length: number): Uint8Array {
  const fd = openSync(path, "r");
  try {
    const bytes = Buffer.allocUnsafe(length);
    let done = 0;
    while (done < length) {
      const count = readSync(fd, bytes, done, length - done, offset + done);
      if (count === 0) break;
      done += count;
    }
    return bytes.subarray(0, done);
  } finally {
    closeSync(fd);
  }
}

function names(dir: string): readonly string[] {
  try {
    return readdirSync(dir).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT";
}

/** The disk of this machine, through `node:fs`. */
export const systemDisk: Disk = {
  ensureDir,
  open(path) {
    return new SystemFile(openSync(path, constants.O_RDWR | constants.O_CREAT, FILE_MODE));
  },
  size: (path) => statSync(path, { throwIfNoEntry: false })?.size,
  names,
  read,
  rename: renameSync,
  remove: (path) => rmSync(path, { force: true }),
  syncDir,
  replace,
};
