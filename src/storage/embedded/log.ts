/**
 * One append-only file of lines: the ledger and the journal are two of these.
 *
 * Promise: `append` resolves only after its bytes are synced. Fault model and answers:
 * - the write is refused or short (disk full): the file is cut back to the last whole line, the
 *   caller is told `no_space`, and the next append simply tries again;
 * - the sync is refused: nothing is promised, nothing is retried, the log refuses everything from
 *   then on (`sync_failed`), and the process is expected to stop;
 * - the process died inside a write: the fragment after the last newline was never promised to
 *   anybody; `open` moves it to quarantine and cuts the file;
 * - the process died while rotating: a rename is atomic and directories are synced, so `open` finds
 *   either the old arrangement or the new one, and finishes the compression.
 *
 * Appends do not overlap: the engine's commit loop is the only writer and awaits each one.
 */
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { Fault, messageOf } from "../../errors/fault.ts";
import { invariant } from "../../errors/invariant.ts";
import { type Disk, type DiskFile, isNoSpace } from "../../lib/disk.ts";
import { type EpochMs, toIso } from "../../lib/time.ts";
import { Archive, compressSegment } from "./archive.ts";

export interface LogOptions {
  readonly disk: Disk;
  readonly dir: string;
  /** First part of the file names: `ledger` gives `ledger.jsonl`. */
  readonly name: string;
  /** The active file is rotated before an append would take it over this size. 0: never. */
  readonly rotateBytes: number;
  readonly now: () => EpochMs;
}

/** A place in the log. Offsets of a segment stay the same when it is rotated and compressed. */
export interface LogPlace {
  /** Number of the segment, 0 for the oldest; the active file is the highest. */
  readonly segment: number;
  readonly offset: number;
}

/** What `open` cut off the end of the active file. */
export interface TornTail {
  readonly quarantinePath: string;
  readonly bytes: number;
}

const NEWLINE = 0x0a;
const TAIL_SEARCH_BYTES = 64 * 1024;
const CRC_READ_BYTES = 4 * 1024 * 1024;

export class LineLog {
  readonly tornTail: TornTail | undefined;
  readonly #options: LogOptions;
  readonly #activePath: string;
  /** Names of rotated files without `.gz`, oldest first. */
  readonly #rotated: string[];
  readonly #archives: Map<string, Archive> = new Map();
  #file: DiskFile;
  #size: number;
  #crc = 0;
  #failed: Fault | undefined;
  #compressing: Promise<void> = Promise.resolve();

  constructor(options: LogOptions) {
    const { disk, dir, name } = options;
    this.#options = options;
    this.#activePath = join(dir, `${name}.jsonl`);
    disk.ensureDir(dir);
    this.#rotated = this.#findRotated();
    const isNew = disk.size(this.#activePath) === undefined;
    this.#file = disk.open(this.#activePath);
    if (isNew) disk.syncDir(dir);
    this.tornTail = this.#cutTornTail();
    this.#size = disk.size(this.#activePath) ?? 0;
    this.#crc = this.crcOf(this.#size);
    this.#compressLeftovers();
  }

  get path(): string {
    return this.#activePath;
  }

  /** Number of the active segment; also how many rotated ones there are. */
  get activeSegment(): number {
    return this.#rotated.length;
  }

  get activeSize(): number {
    return this.#size;
  }

  /** Checksum of the active file as far as it is written: tells an edited file from our own. */
  get activeCrc(): number {
    return this.#crc;
  }

  /** Names of the rotated segments, oldest first. */
  get rotated(): readonly string[] {
    return this.#rotated;
  }

  /** Appends whole lines durably. Throws a `Fault`: `no_space`, `ledger_unavailable`, `sync_failed`. */
  async append(lines: Uint8Array): Promise<LogPlace> {
    if (this.#failed !== undefined) throw this.#failed;
    invariant(lines.at(-1) === NEWLINE, "an append must end with a newline");
    this.#rotateFor(lines.length);
    const place = { segment: this.activeSegment, offset: this.#size };
    this.#write(lines);
    try {
      const synced = this.#file.datasync();
      if (synced !== undefined) await synced;
    } catch (error) {
      this.#failed = new Fault(
        "sync_failed",
        `the disk refused to sync ${this.#activePath} (${messageOf(error)})`,
        { cause: error, outcome: "unknown" },
      );
      throw this.#failed;
    }
    this.#size += lines.length;
    this.#crc = crc32(lines, this.#crc);
    return place;
  }

  #write(lines: Uint8Array): void {
    try {
      this.#file.write(lines, this.#size);
    } catch (error) {
      this.#cutBack(error);
      const code = isNoSpace(error) ? "no_space" : "ledger_unavailable";
      const message =
        code === "no_space"
          ? `no space left for ${this.#activePath}; nothing was written`
          : `cannot write ${this.#activePath}: ${messageOf(error)}`;
      throw new Fault(code, message, { cause: error });
    }
  }

  /** Takes a half-written append back; if even that is refused the file's end is unknown. */
  #cutBack(cause: unknown): void {
    try {
      this.#file.truncate(this.#size);
    } catch (error) {
      this.#failed = new Fault(
        "sync_failed",
        `cannot cut ${this.#activePath} back after a failed write (${messageOf(error)})`,
        { cause, outcome: "unknown" },
      );
      throw this.#failed;
    }
  }

  /** Up to `length` bytes of a segment from an offset; fewer only at its end. */
  read(place: LogPlace, length: number): Uint8Array {
    if (place.segment === this.activeSegment) {
      const available = Math.max(0, Math.min(length, this.#size - place.offset));
      return this.#options.disk.read(this.#activePath, place.offset, available);
    }
    const name = this.#rotated[place.segment];
    invariant(name !== undefined, `the log has no segment ${place.segment}`);
    const plain = join(this.#options.dir, name);
    if (this.#options.disk.size(plain) !== undefined) {
      return this.#options.disk.read(plain, place.offset, length);
    }
    return this.#archive(name).read(place.offset, length);
  }

  /** Bytes of a segment when plain. */
  segmentSize(segment: number): number {
    if (segment === this.activeSegment) return this.#size;
    const name = this.#rotated[segment];
    invariant(name !== undefined, `the log has no segment ${segment}`);
    return this.#options.disk.size(join(this.#options.dir, name)) ?? this.#archive(name).size;
  }

  /** Checksum of the first `size` bytes of the active file. */
  crcOf(size: number): number {
    let crc = 0;
    for (let at = 0; at < size; at += CRC_READ_BYTES) {
      const length = Math.min(CRC_READ_BYTES, size - at);
      crc = crc32(this.#options.disk.read(this.#activePath, at, length), crc);
    }
    return crc;
  }

  /** Waits for the compression of rotated files, then closes. */
  async close(): Promise<void> {
    await this.#compressing;
    this.#file.close();
  }

  #archive(name: string): Archive {
    const known = this.#archives.get(name);
    if (known !== undefined) return known;
    const opened = new Archive(this.#options.disk, join(this.#options.dir, `${name}.gz`));
    this.#archives.set(name, opened);
    return opened;
  }

  #rotateFor(bytes: number): void {
    const { disk, dir, rotateBytes } = this.#options;
    if (rotateBytes <= 0 || this.#size === 0 || this.#size + bytes <= rotateBytes) return;
    const rotated = this.#nextRotatedName();
    try {
      disk.rename(this.#activePath, join(dir, rotated));
      const next = disk.open(this.#activePath);
      disk.syncDir(dir);
      this.#file.close();
      this.#file = next;
    } catch (error) {
      // Half a rotation is repaired by `open`; going on here could append to the wrong file.
      this.#failed = new Fault("sync_failed", `cannot rotate ${this.#activePath}`, {
        cause: error,
        outcome: "not-done",
      });
      throw this.#failed;
    }
    this.#rotated.push(rotated);
    this.#size = 0;
    this.#crc = 0;
    this.#compressLater(rotated);
  }

  /** `ledger.<time>.jsonl`, always after the last one, so that names sort in the order of writing. */
  #nextRotatedName(): string {
    const { name, now } = this.#options;
    const prefix = `${name}.`;
    const last = this.#rotated.at(-1)?.slice(prefix.length, -".jsonl".length) ?? "";
    let at = now();
    let stamp = stampOf(at);
    while (stamp <= last) {
      at = Math.max(at, stampTime(last) ?? at) + 1;
      stamp = stampOf(at);
    }
    return `${prefix}${stamp}.jsonl`;
  }

  #compressLater(rotated: string): void {
    const { disk, dir } = this.#options;
    this.#compressing = this.#compressing
      .then(() => compressSegment(disk, join(dir, rotated), dir))
      // A segment that could not be compressed stays readable as it is; the next open tries again.
      .catch(() => undefined);
  }

  #findRotated(): string[] {
    const { disk, dir, name } = this.#options;
    const found = new Set<string>();
    for (const file of disk.names(dir)) {
      if (!file.startsWith(`${name}.`) || file === `${name}.jsonl`) continue;
      if (file.endsWith(".gz.tmp")) disk.remove(join(dir, file));
      else if (file.endsWith(".jsonl.gz")) found.add(file.slice(0, -".gz".length));
      else if (file.endsWith(".jsonl")) found.add(file);
    }
    return [...found].sort();
  }

  #compressLeftovers(): void {
    const { disk, dir } = this.#options;
    for (const name of this.#rotated) {
      const plain = join(dir, name);
      if (disk.size(plain) === undefined) continue;
      // Both there: the archive was complete before the plain file was to go.
      if (disk.size(`${plain}.gz`) === undefined) this.#compressLater(name);
      else disk.remove(plain);
    }
  }

  #cutTornTail(): TornTail | undefined {
    const { disk, dir, name, now } = this.#options;
    const size = disk.size(this.#activePath) ?? 0;
    const whole = this.#wholeLinesEnd(size);
    if (whole === size) return undefined;
    const quarantine = join(dir, "quarantine");
    disk.ensureDir(quarantine);
    const path = join(quarantine, `${name}-tail-${stampOf(now())}.txt`);
    disk.replace(path, disk.read(this.#activePath, whole, size - whole));
    this.#file.truncate(whole);
    return { quarantinePath: path, bytes: size - whole };
  }

  /** Offset just behind the last newline. */
  #wholeLinesEnd(size: number): number {
    for (let end = size; end > 0; ) {
      const start = Math.max(0, end - TAIL_SEARCH_BYTES);
      const bytes = this.#options.disk.read(this.#activePath, start, end - start);
      const newline = bytes.lastIndexOf(NEWLINE);
      if (newline !== -1) return start + newline + 1;
      end = start;
    }
    return 0;
  }
}

/** `YYYYMMDDTHHMMSS.nnnnnnnnnZ`, the contract's stamp in archive names (digest §8.1). */
function stampOf(at: EpochMs): string {
  const iso = toIso(at).replaceAll(/[-:]/g, "");
  return iso.replace(/\.(\d{3})Z$/, ".$1000000Z");
}

function stampTime(stamp: string): EpochMs | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)\.(\d{3})/.exec(stamp);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second, ms] = parts.map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second, ms);
}
