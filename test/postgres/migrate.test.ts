/** Moving a root into a database and back: everything, as it was, however often it is broken off. */
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isFault } from "../../src/errors/fault.ts";
import { moveToDatabase } from "../../src/host/migrate/to-database.ts";
import { moveToRoot } from "../../src/host/migrate/to-root.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { EmbeddedBlobs } from "../../src/storage/embedded/blobs.ts";
import { layoutOf } from "../../src/storage/embedded/layout.ts";
import { openEmbeddedStore } from "../../src/storage/embedded/store.ts";
import { systemDisk } from "../../src/storage/embedded/system-disk.ts";
import { openPostgresStore } from "../../src/storage/postgres/store.ts";
import { cancelJob, claimJob, commit, heldBy, submitJob } from "../support/batch.ts";
import { FOREIGN_LEDGER } from "../support/foreign-ledger.ts";
import { T0 } from "../support/given.ts";
import { type Database, freshDatabase } from "../support/postgres.ts";

const NOTHING = (): void => undefined;
const BODIES = ["first body", "x".repeat(3_000_000), ""].map((text) => Buffer.from(text));

let database: Database;
let folder: string;
let schemas = 0;

beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(async () => database.drop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "keelson-migrate-"));
  schemas += 1;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const url = (): string => `${database.url}?schema=moved_${schemas}`;
const root = (name: string): string => join(folder, name);

/** A root with a stranger's lines, jobs of every kind, archives and bodies. */
async function filledRoot(name: string): Promise<string> {
  const layout = layoutOf(root(name));
  mkdirSync(layout.dir, { recursive: true });
  writeFileSync(layout.ledger, FOREIGN_LEDGER.map((line) => `${line}\n`).join(""));
  const { dir, database: file } = layout;
  const options = { disk: systemDisk, dir, database: file, rotateBytes: 30_000, now: () => T0 };
  const store = await openEmbeddedStore(options);
  for (let round = 0; round < 20; round += 1) {
    const ids = Array.from({ length: 10 }, (_, i) => `job-${round}-${i}`);
    const over = { payload: { text: "y".repeat(300) }, idempotency_key: `key-${round}` };
    await commit(store, ...ids.map((id) => submitJob(id, over)));
    await commit(store, claimJob(ids[0] ?? "", "t"), claimJob(ids[1] ?? "", "t"));
    await commit(store, heldBy("complete", ids[0] ?? "", { token: "t", epoch: 1 }));
    await commit(store, cancelJob(ids[2] ?? ""));
  }
  await store.close();
  const blobs = new EmbeddedBlobs(layout, () => T0);
  for (const body of BODIES) await blobs.put(body, 10_000_000);
  return layout.root;
}

/** Every file below a folder with its digest, but for the lock. */
function picture(of: string): Readonly<Record<string, string>> {
  const files = readdirSync(of, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "lock")
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return Object.fromEntries(
    files.map((path) => [path, createHash("sha256").update(readFileSync(path)).digest("hex")]),
  );
}

async function refusalOf(act: Promise<unknown>): Promise<readonly [string, string]> {
  const thrown: unknown = await act.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!isFault(thrown)) throw new Error(`no fault, but ${String(thrown)}`);
  return [thrown.code, thrown.message];
}

describe("a root that is moved into a database", () => {
  it("is there whole, line for line and body for body, and is itself untouched", async () => {
    const from = await filledRoot("from");
    const before = picture(from);
    const parts = new Set<string>();
    const report = await moveToDatabase(from, url(), (part, done, total) => {
      parts.add(part);
      expect(done).toBeLessThanOrEqual(total);
    });
    expect(report).toMatchObject({ events: 286, jobs: 203, bodies: 3, already: 0, damaged: [] });
    expect([...parts]).toEqual(["events", "bodies", "comparing"]);
    expect(picture(from)).toEqual(before);
    const back = await moveToRoot(url(), root("back"), NOTHING);
    expect({ ...back, to: "" }).toEqual({ ...report, to: "" });
    const bodies = (of: string): readonly string[] => Object.values(picture(layoutOf(of).blobs));
    expect(bodies(root("back"))).toEqual(bodies(from));
  });

  it("goes on where it was broken off", async () => {
    const from = await filledRoot("from");
    const stopped = new Error("stopped by the test");
    const broken = moveToDatabase(from, url(), (part) => {
      if (part === "bodies") throw stopped;
    });
    await expect(broken).rejects.toBe(stopped);
    const report = await moveToDatabase(from, url(), NOTHING);
    expect(report).toMatchObject({ events: 286, bodies: 3, already: 286 });
  });

  it("is refused while a line is broken, or when the target holds something else", async () => {
    const from = await filledRoot("from");
    const other = await openPostgresStore({ url: url(), clock: systemClock });
    await commit(other, submitJob("not of this ledger"));
    await other.close();
    expect(await refusalOf(moveToDatabase(from, url(), NOTHING))).toEqual([
      "config_invalid",
      expect.stringContaining("another ledger"),
    ]);
    writeFileSync(layoutOf(from).ledger, "not json\n", { flag: "a" });
    expect(await refusalOf(moveToDatabase(from, url(), NOTHING))).toEqual([
      "ledger_unavailable",
      expect.stringContaining("keelson repair"),
    ]);
  });

  it("leaves behind, and names, a body that is not what its name says", async () => {
    const from = await filledRoot("from");
    const path = join(layoutOf(from).blobs, "ab", "cd", `abcd${"0".repeat(60)}`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "somebody changed this");
    const report = await moveToDatabase(from, url(), NOTHING);
    expect(report).toMatchObject({ bodies: 3, damaged: [path] });
  });
});

describe("a database that is moved into a root", () => {
  it("goes on after the last whole line of a move that was broken off", async () => {
    const from = await filledRoot("from");
    const { sha256 } = await moveToDatabase(from, url(), NOTHING);
    await moveToRoot(url(), root("back"), NOTHING);
    const { ledger, dir } = layoutOf(root("back"));
    truncateSync(ledger, 5_000);
    for (const name of readdirSync(dir)) {
      if (name.startsWith("projections")) rmSync(join(dir, name), { recursive: true });
    }
    const report = await moveToRoot(url(), root("back"), NOTHING);
    expect(report).toMatchObject({ events: 286, sha256 });
    expect(report.already).toBeGreaterThan(0);
    expect(existsSync(join(dir, "quarantine"))).toBe(false);
  });

  it("is refused by a root that holds another ledger", async () => {
    const from = await filledRoot("from");
    await moveToDatabase(from, url(), NOTHING);
    cpSync(from, root("other"), { recursive: true });
    expect(await refusalOf(moveToRoot(url(), root("other"), NOTHING))).toEqual([
      "config_invalid",
      expect.stringContaining("another ledger"),
    ]);
  });
});
