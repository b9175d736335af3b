import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Engine } from "../engine/engine.ts";
import { collectFiles } from "./artifact-files.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "keelson-artifacts-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Takes everything but what holds "refuse". */
const engine: Pick<Engine, "putBlob"> = {
  async putBlob(body) {
    const parts: Uint8Array[] = [];
    for await (const part of body instanceof Uint8Array ? [body] : body) parts.push(part);
    const bytes = Buffer.concat(parts);
    if (bytes.includes("refuse")) throw new Error("the disk is full");
    return { path: bytes.toString(), sha256: "0".repeat(64), size: bytes.length, written_at: "" };
  },
};

it("takes no more files than its limit, and names the others", async () => {
  for (let count = 0; count < 70; count += 1) writeFileSync(join(dir, `f${100 + count}`), "x");
  const { refs, skipped } = await collectFiles(engine, dir, []);
  expect(Object.keys(refs)).toHaveLength(64);
  expect(skipped).toHaveLength(6);
  expect(skipped[0]).toBe("f164: over 64 files");
});

it("leaves out what is too large, refused, or not a file, and takes the rest", async () => {
  writeFileSync(join(dir, "huge"), "");
  truncateSync(join(dir, "huge"), 33 * 1024 * 1024);
  writeFileSync(join(dir, "bad"), "refuse");
  symlinkSync("/etc/passwd", join(dir, "link"));
  writeFileSync(join(dir, "good"), "fine");
  const { refs, skipped } = await collectFiles(engine, dir, []);
  expect(Object.keys(refs)).toEqual(["good"]);
  expect(skipped.toSorted()).toEqual([
    "bad: the disk is full",
    "huge: 34603008 bytes, over 33554432",
    "link: not a regular file",
  ]);
});

it("gives names that fit into a URL, are not taken, and are not the worker's own", async () => {
  mkdirSync(join(dir, "a"));
  writeFileSync(join(dir, "a", "b c.md"), "one");
  writeFileSync(join(dir, "a_b_c.md"), "two");
  writeFileSync(join(dir, "attempt_1_transcript"), "three");
  writeFileSync(join(dir, "__proto__"), "four");
  const { refs } = await collectFiles(engine, dir, []);
  const named = Object.entries(refs).map(([name, ref]) => [name, ref.path]);
  expect(Object.fromEntries(named)).toEqual({
    "a_b_c.md": "two",
    "a_b_c.md_2": "one",
    file_attempt_1_transcript: "three",
    file___proto__: "four",
  });
});

it("finds nothing where there is no directory", async () => {
  expect(await collectFiles(engine, join(dir, "none"), [])).toEqual({ refs: {}, skipped: [] });
});
