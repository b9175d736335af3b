/** Content-addressed bodies in memory. */
import { createHash } from "node:crypto";
import { Fault } from "../../errors/fault.ts";
import type { ArtifactRef } from "../../kernel/job/state.ts";
import { type EpochMs, toIso } from "../../lib/time.ts";
import type { Blobs } from "../store.ts";

export function createMemoryBlobs(now: () => EpochMs): Blobs {
  return new MemoryBlobs(now);
}

interface Body {
  readonly bytes: Uint8Array;
  readonly ref: ArtifactRef;
}

class MemoryBlobs implements Blobs {
  readonly #now: () => EpochMs;
  readonly #bodies: Map<string, Body> = new Map();

  constructor(now: () => EpochMs) {
    this.#now = now;
  }

  /** Throws a `Fault` (`body_too_large`) past `maxBytes`. */
  async put(body: Uint8Array | AsyncIterable<Uint8Array>, maxBytes: number): Promise<ArtifactRef> {
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of body instanceof Uint8Array ? [body] : body) {
      size += part.length;
      if (size > maxBytes) {
        throw new Fault("body_too_large", `the body is over ${maxBytes} bytes`, {
          details: { max_bytes: maxBytes },
        });
      }
      // A stream may use one buffer for all its parts.
      parts.push(new Uint8Array(part));
    }
    const bytes = new Uint8Array(Buffer.concat(parts));
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const known = this.#bodies.get(sha256);
    if (known !== undefined) return known.ref;
    const path = `memory/sha256/${sha256}`;
    const ref = { path, sha256, size, written_at: toIso(this.#now()) };
    this.#bodies.set(sha256, { bytes, ref });
    return ref;
  }

  async get(ref: ArtifactRef): Promise<Uint8Array | undefined> {
    return this.#bodies.get(ref.sha256)?.bytes.slice();
  }
}
