/**
 * Content-addressed bodies under `blobs/sha256/<aa>/<bb>/<digest>`. A body is written under a
 * temporary name, synced, and renamed to its digest, so a name that exists always holds its body.
 */
import { createHash, randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { Fault } from "../../errors/fault.ts";
import type { ArtifactRef } from "../../kernel/job/state.ts";
import { type EpochMs, toIso } from "../../lib/time.ts";
import type { Blobs } from "../store.ts";
import type { Layout } from "./layout.ts";

const DIGEST = /^[0-9a-f]{64}$/;

export class EmbeddedBlobs implements Blobs {
  readonly #layout: Layout;
  readonly #now: () => EpochMs;

  constructor(layout: Layout, now: () => EpochMs) {
    this.#layout = layout;
    this.#now = now;
  }

  /** Throws a `Fault` (`body_too_large`) past `maxBytes`; nothing of the body stays then. */
  async put(body: Uint8Array | AsyncIterable<Uint8Array>, maxBytes: number): Promise<ArtifactRef> {
    await mkdir(this.#layout.blobs, { recursive: true, mode: 0o700 });
    const temporary = join(this.#layout.blobs, `.incoming-${randomUUID()}`);
    try {
      const { sha256, size } = await writeBody(temporary, body, maxBytes);
      const path = this.#pathOf(sha256);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const existing = await stat(path).catch(() => undefined);
      if (existing?.size !== size) {
        await rename(temporary, path);
        await syncDir(dirname(path));
      }
      return {
        path: relative(this.#layout.root, path).split(sep).join("/"),
        sha256,
        size,
        written_at: toIso(existing === undefined ? this.#now() : existing.mtimeMs),
      };
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async get(ref: ArtifactRef): Promise<Uint8Array | undefined> {
    if (!DIGEST.test(ref.sha256)) return undefined;
    return readFile(this.#pathOf(ref.sha256)).catch(() => undefined);
  }

  #pathOf(sha256: string): string {
    return join(this.#layout.blobs, sha256.slice(0, 2), sha256.slice(2, 4), sha256);
  }
}

async function writeBody(
  path: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<{ sha256: string; size: number }> {
  const hash = createHash("sha256");
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  let size = 0;
  try {
    for await (const part of body instanceof Uint8Array ? [body] : body) {
      size += part.length;
      if (size > maxBytes) {
        throw new Fault("body_too_large", `the body is over ${maxBytes} bytes`, {
          details: { max_bytes: maxBytes },
        });
      }
      hash.update(part);
      await file.writeFile(part);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { sha256: hash.digest("hex"), size };
}

async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
