import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FaultyDisk } from "../../../test/support/faulty-disk.ts";
import { T0 } from "../../../test/support/given.ts";
import { Seeded } from "../../../test/support/seeded.ts";
import { type ErrorCode } from "../../errors/codes.ts";
import { isFault } from "../../errors/fault.ts";
import type { Disk } from "../../lib/disk.ts";
import { toIso } from "../../lib/time.ts";
import { Journal, type JournalDraft, type JournalEntry } from "./journal.ts";
import { systemDisk } from "./system-disk.ts";

const DIR = "/root/.agents/daemon";
const PATH = `${DIR}/journal.jsonl`;

let disk: FaultyDisk;
beforeEach(() => {
  disk = new FaultyDisk({ random: new Seeded(7, "journal") });
});

function open(on: Disk = disk, rotateBytes: number = 0, dir: string = DIR): Promise<Journal> {
  return Journal.open({ disk: on, dir, rotateBytes, now: () => T0 });
}

function draft(stream: string, version: number = 1, over: object = {}): JournalDraft {
  return {
    stream,
    version,
    type: "run.started",
    time: toIso(T0),
    tenant: "local",
    data: { text: `ü ${stream}`, ...over },
  };
}

function text(path: string = PATH): string {
  return Buffer.from(disk.read(path, 0, disk.size(path) ?? 0)).toString("utf8");
}

/** Opens a journal, fills it with `streams`, one entry each, and closes it. */
async function filled(...streams: readonly string[]): Promise<readonly string[]> {
  const journal = await open();
  for (const stream of streams) await journal.append([draft(stream)]);
  await journal.close();
  return text().split("\n").slice(0, -1);
}

async function faultOf(act: Promise<unknown>): Promise<{ code: ErrorCode; message: string }> {
  const thrown: unknown = await act.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!isFault(thrown)) throw new Error(`no fault, but ${String(thrown)}`);
  return { code: thrown.code, message: thrown.message };
}

function streamsOf(entries: Iterable<JournalEntry>): readonly string[] {
  return Array.from(entries, ({ stream }) => stream);
}

describe("an append", () => {
  it("numbers and chains its entries, in one write and one sync", async () => {
    const journal = await open();
    const before = { ...disk.counts };
    const entries = await journal.append([draft("a"), draft("b"), draft("a", 2)]);
    expect(disk.counts.writes - before.writes).toBe(1);
    expect(disk.counts.syncs - before.syncs).toBe(1);
    expect(entries.map(({ position }) => position)).toEqual([1, 2, 3]);
    expect(entries[0]?.previous).toBe("0".repeat(64));
    expect(new Set(entries.map(({ previous }) => previous)).size).toBe(3);
    expect(journal.head).toBe(3);
    expect([...journal.entries()]).toEqual(entries);
  });

  it("of nothing writes nothing", async () => {
    const journal = await open();
    const before = { ...disk.counts };
    expect(await journal.append([])).toEqual([]);
    expect(disk.counts).toEqual(before);
  });

  it("is not answered before its bytes would survive a power cut", async () => {
    const journal = await open();
    await journal.append([draft("a")]);
    disk = disk.crash("power");
    expect(streamsOf((await open()).entries())).toEqual(["a"]);
  });

  it("goes on after what was there, and the chain holds over a restart", async () => {
    await filled("a", "b");
    const again = await open();
    expect(again.head).toBe(2);
    const [third] = await again.append([draft("c")]);
    expect(third?.position).toBe(3);
    expect(streamsOf((await open()).entries())).toEqual(["a", "b", "c"]);
  });

  it("keeps an entry larger than a page of reading", async () => {
    const journal = await open();
    const [large] = await journal.append([draft("a", 1, { text: "x".repeat(3_000_000) })]);
    await journal.append([draft("b")]);
    const [first, second] = (await open()).entries();
    expect(first).toEqual(large);
    expect(second?.stream).toBe("b");
  });
});

describe("a disk", () => {
  it("that is full refuses, and takes the same entries once there is room", async () => {
    const journal = await open();
    await journal.append([draft("a")]);
    const whole = text();
    disk.limit(40);
    expect((await faultOf(journal.append([draft("b")]))).code).toBe("no_space");
    expect(text()).toBe(whole);
    expect(journal.head).toBe(1);
    disk.limit(undefined);
    expect((await journal.append([draft("b")]))[0]?.position).toBe(2);
    expect(streamsOf((await open()).entries())).toEqual(["a", "b"]);
  });

  it("that refuses a sync is never written to again", async () => {
    const journal = await open();
    await journal.append([draft("a")]);
    disk.failSyncs();
    expect((await faultOf(journal.append([draft("b")]))).code).toBe("sync_failed");
    const { syncs, writes } = disk.counts;
    expect((await faultOf(journal.append([draft("c")]))).code).toBe("sync_failed");
    expect(disk.counts).toMatchObject({ syncs, writes });
    expect(streamsOf((await open()).entries())).toEqual(["a"]);
  });

  it("that stops in the middle of a write leaves a tail for quarantine", async () => {
    const lines = await filled("a", "b");
    const torn = `${lines.join("\n")}\n{"position":3,"prev`;
    disk.plant(PATH, Buffer.from(torn));
    const journal = await open();
    expect(streamsOf(journal.entries())).toEqual(["a", "b"]);
    const [name] = disk.names(`${DIR}/quarantine`);
    expect(name).toMatch(/^journal-tail-/);
    expect(text(`${DIR}/quarantine/${name}`)).toBe('{"position":3,"prev');
    await journal.append([draft("c")]);
    expect(streamsOf((await open()).entries())).toEqual(["a", "b", "c"]);
  });
});

describe("a line that is not the journal's own", () => {
  const CHANGED = "the line before it was changed, removed or put in";
  const tampering: readonly (readonly [
    string,
    (lines: readonly string[]) => readonly string[],
    string,
  ])[] = [
    ["changed", ([a, b, c]) => [a ?? "", (b ?? "").replace("ü b", "ü B"), c ?? ""], "line 3"],
    ["removed", ([a, , c]) => [a ?? "", c ?? ""], "line 2"],
    ["put in twice", ([a, b, c]) => [a ?? "", b ?? "", b ?? "", c ?? ""], "line 3"],
    ["in another place", ([a, b, c]) => [b ?? "", a ?? "", c ?? ""], "line 1"],
  ];

  it.each(tampering)("is noticed when it was %s, and named", async (_what, tamper, where) => {
    const lines = await filled("a", "b", "c");
    disk.plant(PATH, Buffer.from(`${tamper(lines).join("\n")}\n`));
    const { code, message } = await faultOf(open());
    expect(code).toBe("ledger_unavailable");
    expect(message).toContain(`${where}: ${CHANGED}`);
  });

  it.each([
    ["is empty", "", "line is not JSON"],
    ["is no JSON", "{broken", "line is not JSON"],
    ["is no object", "[]", "line is not a JSON object"],
    ["is of another writer", '{"event_id":"evt_1"}', CHANGED],
  ])("is noticed when it %s", async (_what, line, reason) => {
    const lines = await filled("a", "b");
    disk.plant(PATH, Buffer.from(`${lines[0]}\n${line}\n${lines[1]}\n`));
    expect((await faultOf(open())).message).toContain(`line 2: ${reason}`);
  });

  it("is noticed when it counts wrongly on a chain that holds", async () => {
    const [first = ""] = await filled("a");
    disk.plant(PATH, Buffer.from(`${first.replace('"position":1', '"position":2')}\n`));
    expect((await faultOf(open())).message).toContain("line 1: position is not 1");
  });

  it("leaves the file as it was found", async () => {
    const lines = await filled("a", "b");
    disk.plant(PATH, Buffer.from(`${lines[1]}\n${lines[0]}\n`));
    const before = text();
    await faultOf(open());
    expect(text()).toBe(before);
  });
});

describe("rotation", () => {
  it("keeps one chain over compressed archives", async () => {
    const journal = await open(disk, 1000);
    for (let i = 1; i <= 20; i += 1) await journal.append([draft(`s${i}`)]);
    await journal.close();
    const archives = disk.names(DIR).filter((name) => name.endsWith(".jsonl.gz"));
    expect(archives.length).toBeGreaterThan(2);
    expect(archives).toEqual([...archives].sort());
    const plain = archives.map((name) =>
      gunzipSync(disk.read(`${DIR}/${name}`, 0, disk.size(`${DIR}/${name}`) ?? 0)),
    );
    expect(Math.max(...plain.map((bytes) => bytes.length))).toBeLessThanOrEqual(1000);
    const again = await open(disk, 1000);
    const all = [...again.entries()];
    expect(all.map(({ position }) => position)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
    expect(again.head).toBe(20);
  });

  it("is noticed to lack an archive that somebody took away", async () => {
    const journal = await open(disk, 1000);
    for (let i = 1; i <= 20; i += 1) await journal.append([draft(`s${i}`)]);
    await journal.close();
    const [first] = disk.names(DIR).filter((name) => name.endsWith(".gz"));
    disk.remove(`${DIR}/${first}`);
    expect((await faultOf(open(disk, 1000))).message).toContain("line 1:");
  });
});

describe("on the machine's own disk", () => {
  let root = "";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "keelson-journal-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

  it("is the owner's alone, archives, quarantine and folder included", async () => {
    const dir = join(root, "daemon");
    const journal = await open(systemDisk, 400, dir);
    for (let i = 1; i <= 5; i += 1) await journal.append([draft(`s${i}`)]);
    await journal.close();
    writeFileSync(join(dir, "journal.jsonl"), "torn", { flag: "a" });
    const again = await open(systemDisk, 400, dir);
    expect(again.head).toBe(5);
    await again.close();
    expect([modeOf(dir), modeOf(join(dir, "quarantine"))]).toEqual(["700", "700"]);
    const files = [
      ...systemDisk.names(dir).filter((name) => name.startsWith("journal")),
      ...systemDisk.names(join(dir, "quarantine")).map((name) => join("quarantine", name)),
    ];
    expect(files.length).toBeGreaterThan(3);
    expect(files.map((name) => modeOf(join(dir, name)))).toEqual(files.map(() => "600"));
    expect(readFileSync(join(dir, "journal.jsonl"), "utf8")).toMatch(/\n$/);
  });
});
