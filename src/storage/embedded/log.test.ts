/**
 * The file below ledger and journal, on a disk that stops at every single operation. Losing the
 * power anywhere must leave what was promised, in order, once.
 */
import { gunzipSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import { type Crash, FaultyDisk } from "../../../test/support/faulty-disk.ts";
import { T0 } from "../../../test/support/given.ts";
import { Seeded } from "../../../test/support/seeded.ts";
import { isFault } from "../../errors/fault.ts";
import type { Disk } from "../../lib/disk.ts";
import { LineLog } from "./log.ts";

const DIR = "/root/.agents/daemon";
const ACTIVE = `${DIR}/ledger.jsonl`;
const READ_ALL = 1_000_000;

let disk: FaultyDisk;
beforeEach(() => {
  disk = new FaultyDisk({ random: new Seeded(1, "log") });
});

function open(on: Disk = disk, rotateBytes: number = 0): Promise<LineLog> {
  return LineLog.open({ disk: on, dir: DIR, name: "ledger", rotateBytes, now: () => T0 });
}

/** Lines of one length, so that a test knows when a file is full. */
function line(number: number): string {
  return `line ${String(number).padStart(4, "0")}\n`;
}
const LINE_BYTES = line(1).length;

function append(log: LineLog, ...numbers: readonly number[]): Promise<unknown> {
  return log.append(Buffer.from(numbers.map(line).join("")));
}

function textOf(log: LineLog): string {
  let text = "";
  for (let segment = 0; segment <= log.activeSegment; segment += 1) {
    text += Buffer.from(log.read({ segment, offset: 0 }, READ_ALL)).toString("utf8");
  }
  return text;
}

function linesTo(count: number): string {
  return Array.from({ length: count }, (_, i) => line(i + 1)).join("");
}

async function codeOf(act: Promise<unknown>): Promise<string> {
  const thrown: unknown = await act.then(
    () => undefined,
    (error: unknown) => error,
  );
  return isFault(thrown) ? thrown.code : String(thrown);
}

describe("an append", () => {
  it("is one write and one sync, however many lines it has", async () => {
    const log = await open();
    const before = { ...disk.counts };
    await append(log, 1, 2, 3, 4, 5);
    expect(disk.counts.writes - before.writes).toBe(1);
    expect(disk.counts.syncs - before.syncs).toBe(1);
    expect(disk.counts.dirSyncs - before.dirSyncs).toBe(0);
  });

  it("resolves only after the sync has", async () => {
    let survivor = new FaultyDisk({ random: new Seeded(4, "slow"), syncTurnsMax: 8 });
    for (let number = 1; number <= 30; number += 1) {
      await append(await open(survivor), number);
      survivor = survivor.crash("power");
    }
    expect(textOf(await open(survivor))).toBe(linesTo(30));
  });

  it("without a newline at its end is a bug of the caller", async () => {
    const log = await open();
    await expect(log.append(Buffer.from("no end"))).rejects.toThrow("must end with a newline");
  });
});

describe("a disk that is full", () => {
  it.each([0, 1, LINE_BYTES - 1, LINE_BYTES, LINE_BYTES + 3])(
    "is cut back to the last whole line when %i bytes of a batch still fit",
    async (room) => {
      const log = await open();
      await append(log, 1);
      disk.limit(room);
      expect(await codeOf(append(log, 2, 3))).toBe("no_space");
      expect(disk.size(ACTIVE)).toBe(LINE_BYTES);
      expect(textOf(log)).toBe(linesTo(1));
      disk.limit(undefined);
      await append(log, 2, 3);
      expect(textOf(await open(disk.crash("power")))).toBe(linesTo(3));
    },
  );

  it("refuses a rotation and nothing else changes", async () => {
    const log = await open(disk, 3 * LINE_BYTES);
    await append(log, 1, 2, 3);
    disk.onStep = (step) => {
      if (step === "create") throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
    };
    expect(await codeOf(append(log, 4))).toBe("no_space");
    expect(log.activeSegment).toBe(0);
    disk.onStep = undefined;
    await append(log, 4);
    expect(log.activeSegment).toBe(1);
    expect(textOf(log)).toBe(linesTo(4));
    await log.close();
    expect(textOf(await open(disk.crash("power"), 3 * LINE_BYTES))).toBe(linesTo(4));
  });

  it("cannot bring back what was cut off, even when the file is rotated next", async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      disk = new FaultyDisk({ random: new Seeded(seed, "cut") });
      const log = await open(disk, 3 * LINE_BYTES);
      await append(log, 1);
      disk.limit(LINE_BYTES + 3);
      expect(await codeOf(append(log, 2, 3))).toBe("no_space");
      disk.limit(undefined);
      await append(log, 2, 3, 4);
      const after = await open(disk.crash("power"), 3 * LINE_BYTES);
      expect(after.activeSegment).toBe(1);
      expect(textOf(after)).toBe(linesTo(4));
    }
  });

  it("keeps a rotated file plain when its archive does not fit, and packs it later", async () => {
    const log = await open(disk, 3 * LINE_BYTES);
    await append(log, 1, 2, 3);
    disk.limit(LINE_BYTES);
    await append(log, 4);
    await log.close();
    expect(disk.names(DIR).filter((name) => name.includes(".gz"))).toEqual([]);
    disk.limit(undefined);
    const again = await open(disk, 3 * LINE_BYTES);
    await again.close();
    expect(disk.names(DIR).filter((name) => name.endsWith(".gz"))).toHaveLength(1);
    expect(textOf(await open(disk, 3 * LINE_BYTES))).toBe(linesTo(4));
  });
});

describe("a sync that fails", () => {
  it("promises nothing, is not tried again, and closes the log for good", async () => {
    const log = await open();
    await append(log, 1);
    disk.failSyncs();
    expect(await codeOf(append(log, 2))).toBe("sync_failed");
    const { syncs, writes } = disk.counts;
    expect(await codeOf(append(log, 3))).toBe("sync_failed");
    expect(disk.counts).toMatchObject({ syncs, writes });
  });

  it("leaves nothing that the next process could take for a fact", async () => {
    const log = await open();
    await append(log, 1);
    disk.failSyncs();
    await codeOf(append(log, 2));
    for (const crash of ["kill", "power"] as const) {
      expect(textOf(await open(disk.crash(crash)))).toBe(linesTo(1));
    }
  });

  it("stops an open as well", async () => {
    await append(await open(), 1);
    disk.failSyncs();
    expect(await codeOf(open())).toBe("sync_failed");
  });
});

describe("what an earlier process left", () => {
  it("is durable before anybody may read it", async () => {
    const found = new Set<string>();
    for (let seed = 1; seed <= 20; seed += 1) {
      disk = new FaultyDisk({ random: new Seeded(seed, "unsynced") });
      const log = await open();
      await append(log, 1);
      // Written and perhaps never synced: the process dies in between, the machine does not.
      disk.stopAfter(2);
      await append(log, 2).catch(() => undefined);
      const next = disk.crash("kill");
      const text = textOf(await open(next));
      expect(textOf(await open(next.crash("power")))).toBe(text);
      found.add(text);
    }
    expect(found).toContain(linesTo(2));
  });

  it("is cut at its last newline, the rest kept in quarantine, wherever it tore", async () => {
    const whole = linesTo(2);
    for (let cut = 1; cut < LINE_BYTES; cut += 1) {
      const torn = `${whole}${line(3).slice(0, cut)}`;
      disk = new FaultyDisk({ random: new Seeded(cut, "torn") });
      disk.plant(ACTIVE, Buffer.from(torn));
      const log = await open();
      expect(log.tornTail?.bytes).toBe(cut);
      expect(textOf(log)).toBe(whole);
      const kept = log.tornTail?.quarantinePath ?? "";
      expect(Buffer.from(disk.read(kept, 0, 100)).toString()).toBe(line(3).slice(0, cut));
      const after = disk.crash("power");
      expect(textOf(await open(after))).toBe(whole);
      expect(after.size(kept)).toBe(cut);
    }
  });

  it("may be a fragment longer than one look behind, and nothing else", async () => {
    disk.plant(ACTIVE, Buffer.alloc(200_000, "x"));
    const log = await open();
    expect(log.tornTail?.bytes).toBe(200_000);
    expect(log.activeSize).toBe(0);
  });
});

/** Appends with rotations, until the machine stops. Gives how many appends were answered. */
async function appendUntilStopped(on: FaultyDisk, rotateBytes: number): Promise<number> {
  let answered = 0;
  try {
    const log = await open(on, rotateBytes);
    for (let number = 1; number <= 9; number += 1) {
      await append(log, number);
      answered = number;
    }
    await log.close();
  } catch (error) {
    if (!on.off) throw error;
  }
  return answered;
}

describe("rotation", () => {
  const ROTATE = 3 * LINE_BYTES;
  const OPERATIONS = 40;
  const crashes: readonly Crash[] = ["kill", "power"];

  it.each(crashes)(
    "stopped at any operation keeps what was answered, in order, once: %s",
    async (crash) => {
      let stopped = 0;
      for (let operation = 1; operation <= OPERATIONS; operation += 1) {
        for (let seed = 1; seed <= 8; seed += 1) {
          const random = new Seeded(seed, `stop ${operation}`);
          const first = new FaultyDisk({ random, syncTurnsMax: 2 });
          first.stopAfter(operation);
          const answered = await appendUntilStopped(first, ROTATE);
          if (first.off) stopped += 1;
          const second = first.crash(crash);
          const log = await open(second, ROTATE);
          const found = textOf(log);
          const where = `seed ${seed}, operation ${operation}, ${answered} answered`;
          // One more than was answered may be there: it was written, and nobody lived to say so.
          expect([linesTo(answered), linesTo(answered + 1)], where).toContain(found);
          await append(log, found.length / LINE_BYTES + 1);
          await log.close();
          const third = second.crash("power");
          const last = await open(third, ROTATE);
          expect(textOf(last), where).toBe(linesTo(found.length / LINE_BYTES + 1));
          expect(third.names(DIR).filter((name) => name.endsWith(".tmp"), where)).toEqual([]);
        }
      }
      // Every operation was stopped at, and the last ones came after the work was over.
      expect(stopped).toBeGreaterThan(8 * 25);
      expect(stopped).toBeLessThan(8 * OPERATIONS);
    },
  );

  it("packs what it rotates into archives that any gzip reads", async () => {
    const log = await open(disk, ROTATE);
    for (let number = 1; number <= 7; number += 1) await append(log, number);
    await log.close();
    const archives = disk.names(DIR).filter((name) => name.endsWith(".gz"));
    expect(archives).toHaveLength(2);
    const texts = archives.map((name) =>
      gunzipSync(disk.read(`${DIR}/${name}`, 0, disk.size(`${DIR}/${name}`) ?? 0)).toString(),
    );
    expect(texts.join("")).toBe(linesTo(6));
    expect(disk.names(DIR).filter((name) => name.endsWith("Z.jsonl"))).toEqual([]);
  });
});

describe("names beside the log", () => {
  it("that only look like its archives are left alone", async () => {
    for (const name of ["ledger.backup.jsonl", "ledger.jsonl.old", "ledger.2026.jsonl.gz"]) {
      disk.plant(`${DIR}/${name}`, Buffer.from("somebody's"));
    }
    const log = await open();
    await append(log, 1);
    expect(log.activeSegment).toBe(0);
    expect(disk.names(DIR)).toHaveLength(4);
  });

  it("stay in the order of writing when the clock goes back", async () => {
    let now = T0;
    const options = { disk, dir: DIR, name: "ledger", rotateBytes: LINE_BYTES };
    const log = await LineLog.open({ ...options, now: () => (now -= 3_600_000) });
    for (let number = 1; number <= 5; number += 1) await append(log, number);
    await log.close();
    const again = await LineLog.open({ ...options, now: () => T0 });
    expect(textOf(again)).toBe(linesTo(5));
  });
});
