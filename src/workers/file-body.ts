import { constants } from "node:fs";
import { open } from "node:fs/promises";

/**
 * The bytes of a regular file, opened when the first piece is asked for: a stream that opened its
 * file at once would raise an `error` event that nobody listens to yet. Follows no link and does
 * not wait for the writer of a pipe.
 */
export async function* fileBody(path: string): AsyncGenerator<Uint8Array> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    for await (const piece of file.createReadStream({ autoClose: false })) {
      yield piece as Uint8Array;
    }
  } finally {
    await file.close();
  }
}
