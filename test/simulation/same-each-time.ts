/**
 * Compression runs in a pool of threads and ends when it ends. For a simulation that can be replayed
 * it must end at a moment that the seed decides, so it is done at once and answered a turn later.
 */
import type { ZlibOptions } from "node:zlib";

type Zlib = typeof import("node:zlib");
type Done = (error: Error | null, bytes: Buffer) => void;

export async function zlibInStep(original: () => Promise<unknown>): Promise<Zlib> {
  const zlib = (await original()) as Zlib;
  const deflateRaw = (bytes: Uint8Array, options: ZlibOptions, done: Done): void => {
    const deflated = zlib.deflateRawSync(bytes, options);
    setImmediate(() => done(null, deflated));
  };
  return { ...zlib, deflateRaw: deflateRaw as Zlib["deflateRaw"] };
}
