/**
 * One append-only file of lines: the ledger and the journal are two of these.
 *
 * Promise: `append` resolves only after its bytes are synced. Fault model and answers:
 * - the write is refused or short (disk full): the file is cut back to the last whole line, the
 *   caller is told `no_space`, and the next append simply tries again;
 * - the sync is refused: nothing is promised, nothing is retried, the log refuses everything from
 *   then on (`sync_failed`), and the process is expected to stop. The bytes are cut off again as well
 *   as that goes, because after a failed sync the kernel may show bytes that it will never write
 *   (a process that is killed between those two is outside this model: two faults in one instant);
 * - an earlier process died between a write and its sync: `open` syncs what it finds before anybody
 *   may read it, because an answer that rests on a line promises that line;
 * - the process died inside a write: the fragment after the last newline was never promised to
 *   anybody; `open` moves it to quarantine and cuts the file;
 * - the next file cannot be made while rotating: the old one takes its name back, and the caller is
 *   told why;
 * - the process died while rotating: a rename is atomic and directories are synced, so `open` finds
 *   either the old arrangement or the new one, and finishes the compression.
 *
 * Appends do not overlap: the engine's commit loop is the only writer and awaits each one.
 */
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { Fault, isFault, messageOf } from "../../errors/fault.ts";
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
/** What follows the log's name in the names of its rotated files. */
const ROTATED_REST = /^\.\d{8}T\d{6}(?:\.\d+)?Z\.jsonl(?:\.gz(?:\.tmp)?)?$/;
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
  /** True from a cut to the next sync: until then a power cut may bring back what was cut off. */
  #wasCut = false;
  #compressing: Promise<void> = Promise.resolve();

  /** Opens or makes the log. Throws a `Fault`: `no_space`, `sync_failed`. */
  static async open(options: LogOptions): Promise<LineLog> {
    const log = new LineLog(options);
    await log.#secure();
    log.#compressLeftovers();
    return log;
  }

  private constructor(options: LogOptions) {
    const { disk, dir, name } = options;
    this.#options = options;
    this.#activePath = join(dir, `${name}.jsonl`);
    disk.ensureDir(dir);
    this.#rotated = this.#findRotated();
    this.#file = disk.open(this.#activePath);
    this.tornTail = this.#cutTornTail();
    this.#size = disk.size(this.#activePath) ?? 0;
    this.#crc = this.crcOf(this.#size);
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
    if (this.#mustRotateFor(lines.length)) await this.#rotate();
    const place = { segment: this.activeSegment, offset: this.#size };
    this.#write(lines);
    await this.#sync();
    this.#size += lines.length;
    this.#crc = crc32(lines, this.#crc);
    return place;
  }

  /** Makes durable what an earlier process may have left unsynced: bytes and names. */
  async #secure(): Promise<void> {
    try {
      this.#options.disk.syncDir(this.#options.dir);
      await this.#sync();
    } catch (error) {
      this.#file.close();
      throw isFault(error) ? error : this.#syncFailed(error);
    }
  }

  async #sync(): Promise<void> {
    try {
      const synced = this.#file.datasync();
      if (synced !== undefined) await synced;
      this.#wasCut = false;
    } catch (error) {
      this.#failed = this.#syncFailed(error);
      this.#forgetUnsynced();
      throw this.#failed;
    }
  }

  #syncFailed(cause: unknown): Fault {
    return new Fault(
      "sync_failed",
      `the disk refused to sync ${this.#activePath} (${messageOf(cause)})`,
      { cause, outcome: "unknown" },
    );
  }

  /** What the disk refused to save must not be read as a fact by the process that comes next. */
  #forgetUnsynced(): void {
    try {
      this.#file.truncate(this.#size);
    } catch {
      // The fault that is thrown already stops the process.
    }
  }

  #write(lines: Uint8Array): void {
    try {
      this.#file.write(lines, this.#size);
    } catch (error) {
      this.#cutBack(error);
      throw this.#refused("append to", error);
    }
  }

  /** Takes a half-written append back; if even that is refused the file's end is unknown. */
  #cutBack(cause: unknown): void {
    this.#wasCut = true;
    try {
      this.#file.truncate(this.#size);
    } catch {
      throw this.#stuck("cannot cut back, after a failed write,", cause);
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

  /** Waits for the compression of rotated files, then closes. An append after that is refused. */
  async close(): Promise<void> {
    this.#failed ??= new Fault("sync_failed", `${this.#activePath} is closed`);
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

  #mustRotateFor(bytes: number): boolean {
    const { rotateBytes } = this.#options;
    return rotateBytes > 0 && this.#size > 0 && this.#size + bytes > rotateBytes;
  }

  async #rotate(): Promise<void> {
    const { disk, dir } = this.#options;
    // A file that is not the active one any more is never cut again: its end must be durable now.
    if (this.#wasCut) await this.#sync();
    const rotated = this.#nextRotatedName();
    const next = this.#startNext(join(dir, rotated));
    this.#file.close();
    this.#file = next;
    try {
      disk.syncDir(dir);
    } catch (error) {
      // Half a rotation is repaired by `open`; going on here could append to a file without a name.
      throw this.#stuck("cannot make the rotation durable of", error);
    }
    this.#rotated.push(rotated);
    this.#size = 0;
    this.#crc = 0;
    this.#compressLater(rotated);
  }

  /** Gives the active file its new name and opens the next one, or leaves things as they were. */
  #startNext(rotatedPath: string): DiskFile {
    const { disk } = this.#options;
    try {
      disk.rename(this.#activePath, rotatedPath);
    } catch (error) {
      throw this.#refused("rotate", error);
    }
    try {
      return disk.open(this.#activePath);
    } catch (error) {
      try {
        disk.rename(rotatedPath, this.#activePath);
      } catch (second) {
        throw this.#stuck("cannot take back the rotation of", second);
      }
      throw this.#refused("rotate", error);
    }
  }

  /** A fault that the next append may well get over. */
  #refused(act: string, cause: unknown): Fault {
    return isNoSpace(cause)
      ? new Fault("no_space", `no space left to ${act} ${this.#activePath}; nothing was written`, {
          cause,
        })
      : new Fault("ledger_unavailable", `cannot ${act} ${this.#activePath}: ${messageOf(cause)}`, {
          cause,
        });
  }

  /** A fault after which the state of the files is only known by opening them anew. */
  #stuck(what: string, cause: unknown): Fault {
    this.#failed = new Fault("sync_failed", `${what} ${this.#activePath} (${messageOf(cause)})`, {
      cause,
      outcome: "unknown",
    });
    return this.#failed;
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
      // Anything else of a similar name, a copy that somebody made for example, is not ours.
      if (!file.startsWith(`${name}.`) || !ROTATED_REST.test(file.slice(name.length))) continue;
      if (file.endsWith(".gz.tmp")) disk.remove(join(dir, file));
      else found.add(file.endsWith(".gz") ? file.slice(0, -".gz".length) : file);
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
    try {
      disk.replace(path, disk.read(this.#activePath, whole, size - whole));
      this.#file.truncate(whole);
    } catch (error) {
      this.#file.close();
      throw this.#refused("keep the torn end of", error);
    }
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
