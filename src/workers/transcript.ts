/**
 * The transcript of one attempt: a file that is readable at any moment, also after a crash, and
 * that never grows far over its cap. The first quarter of the cap is kept from the beginning, the
 * rest from the end. When the file holds that much again, its middle is cut out by writing a new
 * file and renaming it over the old one.
 */
import { type FileHandle, open, rename } from "node:fs/promises";
import { messageOf } from "../errors/fault.ts";

/** Room for the line that says how much was cut. */
const MARKER_BYTES_MAX = 100;
const COPY_BYTES = 64 * 1024;

export class Transcript {
  readonly path: string;
  readonly #headMax: number;
  readonly #tailMax: number;
  #file: FileHandle;
  #size = 0;
  /** End of the kept beginning, marker included; 0 until something was cut. */
  #tailFrom = 0;
  #headSize = 0;
  #cut = 0;
  #failure: string | undefined;
  #last: Promise<void> = Promise.resolve();

  /** Creates the file (mode 0600); throws when it exists already. */
  static async create(path: string, maxBytes: number): Promise<Transcript> {
    return new Transcript(path, await open(path, "wx+", 0o600), maxBytes);
  }

  private constructor(path: string, file: FileHandle, maxBytes: number) {
    this.path = path;
    this.#file = file;
    this.#headMax = Math.floor(maxBytes / 4);
    this.#tailMax = maxBytes - this.#headMax - MARKER_BYTES_MAX;
  }

  /** Bytes left out in the middle. */
  get cut(): number {
    return this.#cut;
  }

  /** Why the file is not whole, when the disk refused a write. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Bytes in the file. */
  get size(): number {
    return this.#size;
  }

  /** Appends, in the order of the calls. Never rejects: the child must not die of our full disk. */
  write(bytes: Uint8Array): Promise<void> {
    this.#last = this.#last.then(() => this.#guarded(() => this.#append(bytes)));
    return this.#last;
  }

  /** Brings the file down to its cap and closes it. */
  close(): Promise<void> {
    this.#last = this.#last.then(async () => {
      await this.#guarded(async () => {
        if (this.#size > this.#headMax + MARKER_BYTES_MAX + this.#tailMax) await this.#compact();
      });
      await this.#file.close().catch(() => undefined);
    });
    return this.#last;
  }

  async #guarded(act: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) return;
    try {
      await act();
    } catch (error) {
      this.#failure = messageOf(error);
    }
  }

  async #append(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; from += COPY_BYTES) {
      const part = bytes.subarray(from, from + COPY_BYTES);
      await writeAll(this.#file, part, this.#size);
      this.#size += part.length;
      const limit = this.#headMax + MARKER_BYTES_MAX + 2 * this.#tailMax;
      if (this.#size > limit) await this.#compact();
    }
  }

  async #compact(): Promise<void> {
    if (this.#cut === 0) {
      this.#headSize = await this.#boundaryFrom(this.#headMax);
      this.#tailFrom = this.#headSize;
    }
    const from = await this.#boundaryFrom(this.#size - this.#tailMax);
    const cut = this.#cut + from - this.#tailFrom;
    const marker = Buffer.from(`\n[… ${cut} bytes of this transcript were cut out here …]\n`);
    const next = await open(`${this.path}.new`, "w+", 0o600);
    try {
      await copy(this.#file, next, { from: 0, to: 0, bytes: this.#headSize });
      await writeAll(next, marker, this.#headSize);
      const tailFrom = this.#headSize + marker.length;
      await copy(this.#file, next, { from, to: tailFrom, bytes: this.#size - from });
      await rename(`${this.path}.new`, this.path);
      this.#size = tailFrom + this.#size - from;
      this.#tailFrom = tailFrom;
      this.#cut = cut;
    } catch (error) {
      await next.close().catch(() => undefined);
      throw error;
    }
    await this.#file.close().catch(() => undefined);
    this.#file = next;
  }

  /** The first place at or after `at` where a UTF-8 character begins. */
  async #boundaryFrom(at: number): Promise<number> {
    const { buffer, bytesRead } = await this.#file.read(Buffer.alloc(4), 0, 4, at);
    const start = buffer.subarray(0, bytesRead).findIndex((byte) => (byte & 0xc0) !== 0x80);
    return start > 0 ? at + start : at;
  }
}

async function copy(
  source: FileHandle,
  target: FileHandle,
  range: { readonly from: number; readonly to: number; readonly bytes: number },
): Promise<void> {
  const buffer = Buffer.alloc(COPY_BYTES);
  for (let done = 0; done < range.bytes; ) {
    const want = Math.min(COPY_BYTES, range.bytes - done);
    const { bytesRead } = await source.read(buffer, 0, want, range.from + done);
    if (bytesRead === 0) return;
    await writeAll(target, buffer.subarray(0, bytesRead), range.to + done);
    done += bytesRead;
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}
