import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { Transcript } from "./transcript.ts";

const dir = mkdtempSync(join(tmpdir(), "keelson-transcript-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const CAP = 4096;
let count = 0;

async function open(): Promise<Transcript> {
  count += 1;
  return Transcript.create(join(dir, `${count}.log`), CAP);
}

it("keeps a short one as it is", async () => {
  const transcript = await open();
  void transcript.write(Buffer.from("one "));
  void transcript.write(Buffer.from("two"));
  await transcript.close();
  expect(readFileSync(transcript.path, "utf8")).toBe("one two");
  expect(statSync(transcript.path).mode & 0o777).toBe(0o600);
});

it("can be read at any moment, and is never much over its cap", async () => {
  const transcript = await open();
  for (let line = 0; line < 3000; line += 1) {
    await transcript.write(Buffer.from(`line ${line} ${"é".repeat(20)}\n`));
    if (line % 100 !== 0) continue;
    const text = readFileSync(transcript.path, "utf8");
    expect(text.startsWith("line 0 ")).toBe(true);
    expect(text.endsWith(`line ${line} ${"é".repeat(20)}\n`)).toBe(true);
    expect(statSync(transcript.path).size).toBeLessThan(2 * CAP);
  }
  await transcript.close();
  const text = readFileSync(transcript.path, "utf8");
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(CAP);
  // Both cuts are where characters begin.
  expect(text).not.toContain("\uFFFD");
  expect(text.match(/bytes of this transcript were cut out here/g)).toHaveLength(1);
});

it("says exactly how much is missing, when one piece alone is over the cap", async () => {
  const transcript = await open();
  await transcript.write(Buffer.from("x".repeat(200_000)));
  await transcript.close();
  const text = readFileSync(transcript.path, "utf8");
  const kept = text.replaceAll(/[^x]/g, "").length;
  expect(text).toContain(`${200_000 - kept} bytes`);
  expect(transcript.cut).toBe(200_000 - kept);
});

it("never takes over a file that exists", async () => {
  const transcript = await open();
  await expect(Transcript.create(transcript.path, CAP)).rejects.toThrow("EEXIST");
  await transcript.close();
});

it("tells of a refused write instead of throwing", async () => {
  const transcript = await open();
  await transcript.close();
  await transcript.write(Buffer.from("too late"));
  expect(transcript.failure).toBeDefined();
});
