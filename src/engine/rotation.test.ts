/** What a rotation costs those who append and read meanwhile: no wait, and no second reading. */
import { afterEach, expect, it } from "vitest";
import { type EngineBench, engineBench } from "../../test/support/engine-bench.ts";
import type { FaultyDisk } from "../../test/support/faulty-disk.ts";
import type { Disk } from "../lib/disk.ts";

const DIR = "/root/.agents/daemon";
const ROTATE_BYTES = 2000;

let bench: EngineBench;
let release: () => void = () => undefined;
afterEach(async () => {
  release();
  await bench.engine.stop();
});

function names(ending: string): readonly string[] {
  return bench.disk
    .names(DIR)
    .filter((name) => name.startsWith("ledger.2") && name.endsWith(ending));
}

async function submit(first: number, count: number): Promise<void> {
  for (let number = first; number < first + count; number += 1) {
    const input = { job_type: "rpi.run", job_id: `job-${number}`, actor: "tester" };
    expect(await bench.engine.submit(input)).toMatchObject({ ok: true });
  }
}

/** The disk with one of its operations replaced. */
function replaced(disk: FaultyDisk, own: Partial<Disk>): Disk {
  return new Proxy<Disk>(disk, {
    get(target, name) {
      const value: unknown = Reflect.get({ ...own, __proto__: target }, name, target);
      return typeof value === "function" && !Object.hasOwn(own, name) ? value.bind(target) : value;
    },
  });
}

it("does not make an append wait until the archive is packed", async () => {
  const { promise: held, resolve } = Promise.withResolvers<void>();
  release = resolve;
  bench = await engineBench({
    rotateBytes: ROTATE_BYTES,
    wrapDisk: (disk) =>
      replaced(disk, {
        open: (path) => {
          const file = disk.open(path);
          return path.endsWith(".gz.tmp") ? { ...file, datasync: () => held } : file;
        },
      }),
  });
  await submit(1, 30);
  expect(names(".jsonl").length).toBeGreaterThan(2);
  expect(names(".gz")).toEqual([]);
  expect(await bench.engine.jobs({ limit: 100 })).toHaveLength(30);
});

it("leaves archives that no submit, claim, list, count or look at the head reads again", async () => {
  const read: string[] = [];
  bench = await engineBench({
    rotateBytes: ROTATE_BYTES,
    wrapDisk: (disk) =>
      replaced(disk, {
        read: (path, offset, length) => {
          read.push(path);
          return disk.read(path, offset, length);
        },
      }),
  });
  await submit(1, 30);
  while (names(".jsonl").length > 0) await new Promise((resolve) => setImmediate(resolve));
  expect(names(".gz").length).toBeGreaterThan(2);
  read.length = 0;
  const { engine } = bench;
  await submit(31, 3);
  await engine.claim({ types: ["rpi.run"], max: 5, waitMs: 0, actor: "tester" });
  const snapshot = await engine.snapshot();
  expect(await snapshot.jobs({ limit: 100 })).toHaveLength(33);
  await snapshot.close();
  expect(await engine.job("job-1")).toMatchObject({ status: "running" });
  await engine.counts();
  engine.health();
  const head = engine.headPosition();
  await engine.events({ afterPosition: head - 10, limit: 10 });
  expect(read.filter((path) => path.endsWith(".gz"))).toEqual([]);
  // Whoever asks for the oldest events does read them, and then the archive is opened.
  await engine.positionOf("evt_job_accepted_job-1_000001");
  expect(read.some((path) => path.endsWith(".gz"))).toBe(true);
});
