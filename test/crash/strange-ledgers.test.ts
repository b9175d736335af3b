/** Roots whose ledger was damaged, copied together or written by somebody else, as daemons find them. */
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  DaemonProcess,
  ledgerOf,
  removeRoot,
  temporaryRoot,
  withDaemon,
} from "../support/daemon-process.ts";
import { acceptedLine, foreignLine } from "../support/foreign-ledger.ts";
import { wholeLedger } from "../support/ledger-files.ts";

let root = "";
beforeEach(() => {
  root = temporaryRoot();
  mkdirSync(dirname(ledgerOf(root)), { recursive: true, mode: 0o700 });
});
afterEach(() => removeRoot(root));

const ONE = acceptedLine("evt_job_accepted_one_000001", "one", "rpi.run");
const TWO = acceptedLine("evt_job_accepted_two_000002", "two", "rpi.run");
const CANCEL_ONE = foreignLine("evt_job_cancelled_one_000003", "job.cancelled", { job_id: "one" });
const FOREIGN = foreignLine("evt_factory_started_f_000004", "factory.started", { job_id: "f" });
const MIB = 1024 * 1024;

interface Found {
  readonly jobs: readonly (readonly [string, string])[];
  readonly ready: boolean;
  /** Numbers of broken lines. */
  readonly broken: readonly number[];
}

async function look(daemon: DaemonProcess): Promise<Found> {
  const { body } = await daemon.ask("GET", "/v1/jobs?limit=1000");
  const events = (await daemon.ask("GET", "/v1/events")).body;
  return {
    jobs: body.jobs.map((job: { job_id: string; status: string }) => [job.job_id, job.status]),
    ready: (await daemon.ask("GET", "/v1/ready")).body.ready,
    broken: (events.corrupt ?? []).map((record: { line_number: number }) => record.line_number),
  };
}

const QUEUED = [
  ["one", "queued"],
  ["two", "queued"],
] as const;
const ledgers: readonly (readonly [string, string | Buffer, Found])[] = [
  ["empty", "", { jobs: [], ready: true, broken: [] }],
  ["nothing but empty lines", "\n\n \n\t\n", { jobs: [], ready: true, broken: [] }],
  [
    "empty lines between events",
    `\n${ONE}\n\n\n${TWO}\n\n`,
    { jobs: QUEUED, ready: true, broken: [] },
  ],
  ["events twice", `${ONE}\n${ONE}\n${TWO}\n${ONE}\n`, { jobs: QUEUED, ready: true, broken: [] }],
  [
    "events in another order",
    `${CANCEL_ONE}\n${TWO}\n${ONE}\n`,
    // The end of a job came first, and what has ended has ended.
    { jobs: [["two", "queued"]], ready: true, broken: [] },
  ],
  [
    "events of types that nobody knows",
    `${FOREIGN}\n${ONE}\n${TWO}\n`,
    { jobs: QUEUED, ready: true, broken: [] },
  ],
  [
    "lines with carriage returns",
    `${ONE}\r\n${TWO}\r\n`,
    { jobs: QUEUED, ready: true, broken: [] },
  ],
  [
    "a line without an end",
    `${ONE}\n${TWO}\n${CANCEL_ONE}`,
    { jobs: QUEUED, ready: true, broken: [] },
  ],
  ["nothing but a line without an end", ONE.slice(0, 30), { jobs: [], ready: true, broken: [] }],
  [
    "a line cut short in the middle",
    `${ONE}\n${CANCEL_ONE.slice(0, 50)}\n${TWO}\n`,
    { jobs: QUEUED, ready: false, broken: [2] },
  ],
  [
    "two events glued together",
    `${ONE}\n${CANCEL_ONE}${CANCEL_ONE}\n${TWO}\n`,
    { jobs: QUEUED, ready: false, broken: [2] },
  ],
  [
    "a stretch of zeros, as some disks leave it",
    Buffer.concat([Buffer.from(`${ONE}\n`), Buffer.alloc(4096), Buffer.from(`\n${TWO}\n`)]),
    { jobs: QUEUED, ready: false, broken: [2] },
  ],
  [
    "bytes that are no text",
    Buffer.concat([
      Buffer.from(`${ONE}\n${CANCEL_ONE.slice(0, -2)}`),
      Buffer.from([0xff, 0xfe]),
      Buffer.from(`"}\n${TWO}\n`),
    ]),
    { jobs: QUEUED, ready: false, broken: [2] },
  ],
  [
    "a line of 17 MiB",
    `${ONE}\n{"x":"${"y".repeat(17 * MIB)}"}\n${TWO}\n`,
    { jobs: QUEUED, ready: false, broken: [2] },
  ],
  [
    "a byte order mark",
    `\ufeff${CANCEL_ONE}\n${ONE}\n${TWO}\n`,
    { jobs: QUEUED, ready: false, broken: [1] },
  ],
  [
    "JSON that is no event",
    `[]\n${ONE}\n{}\nnull\n"x"\n7\n${TWO}\n`,
    { jobs: QUEUED, ready: false, broken: [1, 3, 4, 5, 6] },
  ],
];

describe("a ledger with", () => {
  it.each(ledgers)("%s is read for what it is, and written on", async (_what, text, found) => {
    writeFileSync(ledgerOf(root), text, { mode: 0o600 });
    const before = await withDaemon(root, async (daemon) => {
      const first = await look(daemon);
      expect({ ...first, jobs: first.jobs.filter(([, status]) => status !== "cancelled") }).toEqual(
        found,
      );
      const { status } = await daemon.ask("POST", "/v1/jobs", { job_type: "rpi.run", job_id: "n" });
      expect(status).toBe(202);
      expect((await daemon.ask("POST", "/v1/verify")).body).toMatchObject({ ok: true });
      return look(daemon);
    });
    expect(before.jobs.at(-1)).toEqual(["n", "queued"]);
    await withDaemon(root, async (daemon) => {
      expect(await look(daemon)).toEqual(before);
      if (found.ready) return;
      const { body } = await daemon.ask("POST", "/v1/repair");
      expect(body.moved).toHaveLength(found.broken.length);
      expect(await look(daemon)).toEqual({ ...before, ready: true, broken: [] });
    });
    if (found.ready) return;
    await withDaemon(root, async (daemon) => {
      expect(await look(daemon)).toMatchObject({ jobs: before.jobs, ready: true });
    });
  });
});

describe("archives", () => {
  const archive = (name: string): string => join(dirname(ledgerOf(root)), `ledger.${name}`);

  it("of another writer are read first, packed or not, in the order of their names", async () => {
    writeFileSync(archive("20260101T000000.000000000Z.jsonl.gz"), gzipSync(`${ONE}\n`));
    writeFileSync(archive("20260102T000000.000000000Z.jsonl"), `${TWO}\n`);
    writeFileSync(ledgerOf(root), `${CANCEL_ONE}\n`);
    await withDaemon(root, async (daemon) => {
      expect((await look(daemon)).jobs).toEqual([
        ["one", "cancelled"],
        ["two", "queued"],
      ]);
      await daemon.ask("POST", "/v1/jobs", { job_type: "rpi.run", job_id: "n" });
      expect((await daemon.ask("POST", "/v1/verify")).body).toMatchObject({ ok: true });
    });
    expect(wholeLedger(root).toString("utf8").split("\n")).toHaveLength(5);
  });

  it("that are damaged stop the start with their name, and nothing is touched", async () => {
    const path = archive("20260101T000000.000000000Z.jsonl.gz");
    writeFileSync(path, gzipSync(`${ONE}\n`).subarray(0, 40));
    writeFileSync(ledgerOf(root), `${TWO}\n`);
    const daemon = new DaemonProcess(root);
    try {
      await expect(daemon.start()).rejects.toThrow(`archive ${path} is damaged`);
      expect(await daemon.ended).toMatchObject({ code: 1 });
    } finally {
      await daemon.kill();
    }
    expect(statSync(path).size).toBe(40);
    expect(statSync(ledgerOf(root)).size).toBe(TWO.length + 1);
  });
});

describe("files of a daemon", () => {
  it("are its owner's alone, whatever the mask says", async () => {
    const mask = process.umask(0);
    try {
      await withDaemon(root, async (daemon) => {
        await daemon.ask("POST", "/v1/jobs", { job_type: "rpi.run" });
        const dir = dirname(ledgerOf(root));
        const open = readdirSync(dir, { withFileTypes: true })
          .filter((entry) => (statSync(join(dir, entry.name)).mode & 0o077) !== 0)
          .map((entry) => entry.name);
        expect(open).toEqual([]);
        expect(readdirSync(dir)).toEqual(
          expect.arrayContaining([
            "activation.json",
            "ledger.jsonl",
            "lock",
            "projections.db",
            "token",
          ]),
        );
      });
    } finally {
      process.umask(mask);
    }
  });

  it.each([0o644, 0o660])("do not start with a token of mode %o", async (mode) => {
    const token = join(dirname(ledgerOf(root)), "token");
    writeFileSync(token, "a-token-that-others-can-read\n");
    chmodSync(token, mode);
    const daemon = new DaemonProcess(root);
    try {
      await expect(daemon.start()).rejects.toThrow(`chmod 600 ${token}`);
      expect((await daemon.ended).stderr).not.toContain("a-token-that");
    } finally {
      await daemon.kill();
    }
    chmodSync(token, 0o600);
    await withDaemon(root, async (later) => {
      expect((await later.ask("GET", "/v1/ready")).body).toMatchObject({ ready: true });
    });
  });
});
