/**
 * Archived segments: a rotated file, compressed as many small gzip members one after the other.
 * Any gzip tool reads the whole; we read one member. Each member's header carries its own length
 * (an RFC 1952 extra field), so the members of a file are found by hopping over them, and a page of
 * old events costs one or two members instead of the whole archive.
 */

import { promisify } from "node:util";
import { crc32, deflateRaw, gunzipSync, inflateRawSync } from "node:zlib";
import { Fault } from "../../errors/fault.ts";
import type { Disk } from "../../lib/disk.ts";

/** Uncompressed bytes of one member. */
const MEMBER_BYTES = 256 * 1024;
/** Fixed gzip header (10), length of the extra field (2), and our one subfield (4 + 8). */
const HEADER_BYTES = 24;
const TRAILER_BYTES = 8;
const MAGIC = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 12, 0, 0x4b, 0x4c, 8, 0]);

const deflate = promisify(deflateRaw);

interface Member {
  /** Where the member's text starts in the uncompressed file. */
  readonly offset: number;
  readonly length: number;
  /** Where its compressed data lies in the archive. */
  readonly dataAt: number;
  readonly dataLength: number;
}

/** One gzip member holding `text`. */
async function compressMember(text: Uint8Array): Promise<Uint8Array> {
  const data = await deflate(text, { level: 6 });
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(data.length, 16);
  header.writeUInt32LE(text.length, 20);
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeUInt32LE(crc32(text), 0);
  trailer.writeUInt32LE(text.length, 4);
  return Buffer.concat([header, data, trailer]);
}

/**
 * Compresses a rotated file beside itself: temporary name, sync, rename, directory sync, and only
 * then the plain file goes. Gives the thread back between members, so appends go on meanwhile.
 */
export async function compressSegment(disk: Disk, plain: string, dir: string): Promise<void> {
  const temporary = `${plain}.gz.tmp`;
  disk.remove(temporary);
  try {
    await writeMembers(disk, plain, temporary);
    disk.rename(temporary, `${plain}.gz`);
  } catch (error) {
    // On a full disk the half-made archive must not take the room that appends wait for.
    disk.remove(temporary);
    throw error;
  }
  disk.syncDir(dir);
  disk.remove(plain);
}

async function writeMembers(disk: Disk, plain: string, archive: string): Promise<void> {
  const file = disk.open(archive);
  try {
    const size = disk.size(plain) ?? 0;
    let written = 0;
    for (let offset = 0; offset < size; offset += MEMBER_BYTES) {
      const member = await compressMember(disk.read(plain, offset, MEMBER_BYTES));
      file.write(member, written);
      written += member.length;
    }
    await file.datasync();
  } finally {
    file.close();
  }
}

/** A compressed segment, readable at any uncompressed offset. */
export class Archive {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #members: readonly Member[];
  /** The whole text of an archive that another program wrote: it can only be read as one. */
  readonly #whole: Uint8Array | undefined;
  #cached: { readonly member: Member; readonly text: Uint8Array } | undefined;

  /** Throws a `Fault` (`ledger_unavailable`) when the file cannot be read as gzip. */
  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#path = path;
    const members = findMembers(disk, path);
    this.#members = members ?? [];
    this.#whole = members === undefined ? decompressWhole(disk, path) : undefined;
  }

  /** Bytes of the file when it was plain. */
  get size(): number {
    if (this.#whole !== undefined) return this.#whole.length;
    const last = this.#members.at(-1);
    return last === undefined ? 0 : last.offset + last.length;
  }

  /** Up to `length` bytes of the plain text from `offset`. */
  read(offset: number, length: number): Uint8Array {
    if (this.#whole !== undefined) return this.#whole.subarray(offset, offset + length);
    const parts: Uint8Array[] = [];
    let at = offset;
    const end = Math.min(offset + length, this.size);
    while (at < end) {
      const index = Math.floor(at / MEMBER_BYTES);
      const member = this.#members[index];
      if (member === undefined) break;
      const text = this.#text(member);
      const part = text.subarray(at - member.offset, end - member.offset);
      parts.push(part);
      at += part.length;
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  #text(member: Member): Uint8Array {
    if (this.#cached?.member === member) return this.#cached.text;
    const raw = this.#disk.read(this.#path, member.dataAt, member.dataLength + TRAILER_BYTES);
    const data = raw.subarray(0, member.dataLength);
    const text = inflateRawSync(data, { maxOutputLength: MEMBER_BYTES });
    const expected = Buffer.from(raw).readUInt32LE(member.dataLength);
    if (text.length !== member.length || crc32(text) !== expected) throw damaged(this.#path);
    this.#cached = { member, text };
    return text;
  }
}

/** The members of an archive of ours, or undefined when the file is not one. */
function findMembers(disk: Disk, path: string): readonly Member[] | undefined {
  const size = disk.size(path) ?? 0;
  const members: Member[] = [];
  let at = 0;
  let offset = 0;
  while (at < size) {
    const header = Buffer.from(disk.read(path, at, HEADER_BYTES));
    if (header.length < HEADER_BYTES || !header.subarray(0, 16).equals(MAGIC)) return undefined;
    const dataLength = header.readUInt32LE(16);
    const length = header.readUInt32LE(20);
    members.push({ offset, length, dataAt: at + HEADER_BYTES, dataLength });
    offset += length;
    at += HEADER_BYTES + dataLength + TRAILER_BYTES;
  }
  return at === size ? members : undefined;
}

function decompressWhole(disk: Disk, path: string): Uint8Array {
  try {
    return gunzipSync(disk.read(path, 0, disk.size(path) ?? 0));
  } catch (error) {
    throw damaged(path, error);
  }
}

function damaged(path: string, cause?: unknown): Fault {
  return new Fault("ledger_unavailable", `archive ${path} is damaged; restore it from a backup`, {
    cause,
    details: { path },
  });
}
