import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { isFault } from "../../src/errors/fault.ts";
import { artifactRefOf } from "../../src/kernel/job/state.ts";
import { fromIso } from "../../src/lib/time.ts";
import type { Blobs } from "../../src/storage/store.ts";
import { BLOBS, type BlobsAdapter, type OpenBlobs } from "./adapters.ts";

const BODY = Buffer.from("a body\u0000with bytes \xff of its own", "latin1");
const ROOM = 1024 * 1024;

async function withBlobs(
  adapter: BlobsAdapter,
  look: (blobs: Blobs, opened: OpenBlobs) => Promise<void>,
): Promise<void> {
  const opened = await adapter.open();
  try {
    await look(opened.blobs, opened);
  } finally {
    await opened.cleanup();
  }
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The bytes in parts of `size`, all through one buffer that is used again and again. */
async function* parts(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const shared = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size);
    shared.set(part);
    yield shared.subarray(0, part.length);
  }
}

async function codeOf(act: Promise<unknown>): Promise<string> {
  const thrown: unknown = await act.then(
    () => undefined,
    (error: unknown) => error,
  );
  return isFault(thrown) ? thrown.code : String(thrown);
}

describe.each(BLOBS)("blobs of $name", (adapter) => {
  const test = (title: string, look: Parameters<typeof withBlobs>[1]): void => {
    it(title, () => withBlobs(adapter, look));
  };

  test("gives back the bytes that were put, under their digest", async (blobs, { reopen }) => {
    const ref = await blobs.put(BODY, ROOM);
    expect(ref).toMatchObject({ sha256: digestOf(BODY), size: BODY.length });
    expect(Buffer.from((await blobs.get(ref)) ?? [])).toEqual(BODY);
    expect(Buffer.from((await (await reopen()).get(ref)) ?? [])).toEqual(BODY);
  });

  test("gives a reference that the kernel takes for a whole one", async (blobs) => {
    const ref = await blobs.put(BODY, ROOM);
    expect(artifactRefOf(ref)).toEqual(ref);
    expect(ref.path).not.toMatch(/^\/|\\|\.\./);
    expect(ref.path).toContain(ref.sha256);
    expect(fromIso(ref.written_at)).toBeDefined();
  });

  test("takes a stream for the same body as its bytes at once", async (blobs) => {
    const large = Buffer.alloc(300_000, BODY);
    const streamed = await blobs.put(parts(large, 65_536), ROOM);
    const whole = await blobs.put(large, ROOM);
    expect(whole).toMatchObject({
      path: streamed.path,
      sha256: streamed.sha256,
      size: large.length,
    });
    expect(Buffer.compare((await blobs.get(streamed)) ?? Buffer.alloc(0), large)).toBe(0);
  });

  test("keeps an empty body, which is not the same as none", async (blobs) => {
    const ref = await blobs.put(new Uint8Array(0), 0);
    expect(ref.size).toBe(0);
    expect(await blobs.get(ref)).toHaveLength(0);
  });

  test("takes exactly as many bytes as allowed and not one more", async (blobs) => {
    expect((await blobs.put(BODY, BODY.length)).size).toBe(BODY.length);
    for (const body of [BODY, parts(BODY, 4)]) {
      expect(await codeOf(blobs.put(body, BODY.length - 1))).toBe("body_too_large");
    }
  });

  test("keeps nothing of a body that was refused or broke off", async (blobs, { reopen }) => {
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield BODY;
      throw new Error("the sender went away");
    };
    expect(await codeOf(blobs.put(BODY, 3))).toBe("body_too_large");
    expect(await codeOf(blobs.put(broken(), ROOM))).toContain("the sender went away");
    const ref = { path: "x", sha256: digestOf(BODY), size: BODY.length, written_at: "" };
    expect(await blobs.get(ref)).toBeUndefined();
    expect(await (await reopen()).get(ref)).toBeUndefined();
    expect((await blobs.put(BODY, ROOM)).sha256).toBe(ref.sha256);
  });

  test("keeps what was put although the caller's buffer changes afterwards", async (blobs) => {
    const mine = Buffer.from(BODY);
    const ref = await blobs.put(mine, ROOM);
    mine.fill(0);
    const given = await blobs.get(ref);
    given?.fill(0);
    expect(Buffer.from((await blobs.get(ref)) ?? [])).toEqual(BODY);
  });

  test("keeps one body when many put it at once", async (blobs) => {
    const refs = await Promise.all(Array.from({ length: 8 }, () => blobs.put(BODY, ROOM)));
    expect(new Set(refs.map((ref) => ref.path)).size).toBe(1);
    expect(await blobs.get(refs[7] ?? refs[0] ?? fail())).toHaveLength(BODY.length);
  });

  test("has nothing under a digest that nobody put, or that is none", async (blobs) => {
    const ref = await blobs.put(BODY, ROOM);
    const names = ["0".repeat(64), "", "../../../token", `${ref.sha256}/..`, "__proto__", "\u0000"];
    for (const sha256 of names) expect(await blobs.get({ ...ref, sha256 })).toBeUndefined();
  });

  test("goes by the digest alone, whatever path a reference claims", async (blobs) => {
    const ref = await blobs.put(BODY, ROOM);
    const claimed = await blobs.get({ ...ref, path: "../../etc/passwd", size: 1 });
    expect(Buffer.from(claimed ?? [])).toEqual(BODY);
  });
});

function fail(): never {
  throw new Error("nothing was put");
}
