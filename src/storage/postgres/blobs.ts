/**
 * Content-addressed bodies in the database, in pieces, so that neither side ever holds a whole
 * stream. A digest is written when all pieces are there, so one that exists always has its body.
 */
import { createHash, randomUUID } from "node:crypto";
import { Fault } from "../../errors/fault.ts";
import type { ArtifactRef } from "../../kernel/job/state.ts";
import { type EpochMs, toIso } from "../../lib/time.ts";
import type { Blobs } from "../store.ts";
import type { Statement } from "./connection.ts";
import type { Pool } from "./pool.ts";

const PIECE_BYTES = 1024 * 1024;
const DIGEST = /^[0-9a-f]{64}$/;
/** What a process left behind that died in an upload is removed after this. */
const ABANDONED_HOURS = 24;

export class PostgresBlobs implements Blobs {
  readonly #pool: Pool;
  readonly #now: () => EpochMs;

  constructor(pool: Pool, now: () => EpochMs) {
    this.#pool = pool;
    this.#now = now;
  }

  /** Throws a `Fault` (`body_too_large`) past `maxBytes`; nothing of the body stays then. */
  async put(body: Uint8Array | AsyncIterable<Uint8Array>, maxBytes: number): Promise<ArtifactRef> {
    const upload = randomUUID();
    try {
      const { sha256, size } = await this.#send(upload, pieces(body, maxBytes));
      const [, found] = await this.#pool.read([
        keep({ upload, sha256, size, at: this.#now() }),
        { text: `SELECT written_at FROM blobs WHERE ${OF_DIGEST}`, values: [sha256] },
      ]);
      const writtenAt = Number(found?.rows[0]?.["written_at"]);
      return { path: `blobs/sha256/${sha256}`, sha256, size, written_at: toIso(writtenAt) };
    } catch (error) {
      // A body that cannot be removed now is removed with what dead processes have left.
      await this.#pool.read(forget(upload)).catch(() => undefined);
      throw error;
    }
  }

  async get(ref: ArtifactRef): Promise<Uint8Array | undefined> {
    if (!DIGEST.test(ref.sha256)) return undefined;
    const [found, bodies] = await this.#pool.read([
      { text: `SELECT upload FROM blobs WHERE ${OF_DIGEST}`, values: [ref.sha256] },
      {
        text: `SELECT body FROM blob_chunks
          WHERE upload = (SELECT upload FROM blobs WHERE ${OF_DIGEST}) ORDER BY number`,
        values: [ref.sha256],
      },
    ]);
    if (found?.rows[0] === undefined) return undefined;
    return Buffer.concat((bodies?.rows ?? []).map(({ body }) => body as Buffer));
  }

  async has(ref: ArtifactRef): Promise<boolean> {
    const rows = await this.#pool.rows({
      text: `SELECT 1 AS one FROM blobs WHERE ${OF_DIGEST}`,
      values: [ref.sha256],
    });
    return rows.length > 0;
  }

  /** Digests that have a body, rising, after one of them. */
  async digestsAfter(sha256: string, limit: number): Promise<readonly string[]> {
    const rows = await this.#pool.rows({
      text: `SELECT sha256 FROM blobs WHERE tenant = 'local' AND sha256 > $1::text
        ORDER BY sha256 LIMIT $2::int8`,
      values: [sha256, limit],
    });
    return rows.map((row) => String(row["sha256"]));
  }

  /** Removes what uploads that never ended have left. */
  async sweep(): Promise<void> {
    const rows = await this.#pool.rows({
      text: `SELECT upload FROM blob_uploads
        WHERE begun_at < now() - interval '${ABANDONED_HOURS} hours'`,
    });
    for (const { upload } of rows) await this.#pool.read(forget(String(upload)));
  }

  async #send(
    upload: string,
    parts: AsyncIterable<Buffer>,
  ): Promise<{ readonly sha256: string; readonly size: number }> {
    const hash = createHash("sha256");
    let size = 0;
    let number = 0;
    for await (const piece of parts) {
      hash.update(piece);
      size += piece.length;
      await this.#pool.read([...(number === 0 ? [begin(upload)] : []), add(upload, number, piece)]);
      number += 1;
    }
    return { sha256: hash.digest("hex"), size };
  }
}

const OF_DIGEST = "tenant = 'local' AND sha256 = $1::text";

function begin(upload: string): Statement {
  return {
    text: "INSERT INTO blob_uploads (upload) VALUES ($1::uuid) ON CONFLICT DO NOTHING",
    values: [upload],
  };
}

/** A piece that was sent twice, because its answer was lost, is kept once. */
function add(upload: string, number: number, piece: Buffer): Statement {
  return {
    text: `INSERT INTO blob_chunks (upload, number, body) VALUES ($1::uuid, $2::int4, $3::bytea)
      ON CONFLICT DO NOTHING`,
    values: [upload, number, piece],
  };
}

/** Gives the digest its body, unless another upload was first: then the pieces go again. */
function keep(blob: {
  readonly upload: string;
  readonly sha256: string;
  readonly size: number;
  readonly at: EpochMs;
}): Statement {
  return {
    text: `WITH kept AS (
        INSERT INTO blobs (sha256, size, written_at, upload)
          VALUES ($1::text, $2::int8, $3::int8, $4::uuid) ON CONFLICT DO NOTHING RETURNING upload
      ), owner AS (
        SELECT upload FROM kept UNION ALL SELECT upload FROM blobs WHERE ${OF_DIGEST}
      ), ended AS (DELETE FROM blob_uploads WHERE upload = $4::uuid)
      DELETE FROM blob_chunks
        WHERE upload = $4::uuid AND NOT EXISTS (SELECT FROM owner WHERE owner.upload = $4::uuid)`,
    values: [blob.sha256, blob.size, Math.floor(blob.at), blob.upload],
  };
}

function forget(upload: string): readonly Statement[] {
  return [
    { text: "DELETE FROM blob_chunks WHERE upload = $1::uuid", values: [upload] },
    { text: "DELETE FROM blob_uploads WHERE upload = $1::uuid", values: [upload] },
  ];
}

/** The body in pieces of one size, whatever the parts in which it comes. */
async function* pieces(
  body: Uint8Array | AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let size = 0;
  for await (const part of body instanceof Uint8Array ? [body] : body) {
    size += part.length;
    if (size > maxBytes) {
      throw new Fault("body_too_large", `the body is over ${maxBytes} bytes`, {
        details: { max_bytes: maxBytes },
      });
    }
    // A stream may use one buffer for all its parts.
    waiting.push(Buffer.from(part));
    waitingBytes += part.length;
    if (waitingBytes < PIECE_BYTES) continue;
    const joined = Buffer.concat(waiting);
    let at = 0;
    for (; joined.length - at >= PIECE_BYTES; at += PIECE_BYTES) {
      yield joined.subarray(at, at + PIECE_BYTES);
    }
    waiting = [joined.subarray(at)];
    waitingBytes = joined.length - at;
  }
  if (waitingBytes > 0) yield Buffer.concat(waiting);
}
