/** What can happen to a root between two lives of a daemon, and what the next life makes of it. */
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  DaemonProcess,
  databaseOf,
  ledgerOf,
  removeRoot,
  temporaryRoot,
  withDaemon,
} from "../support/daemon-process.ts";

let root = "";
beforeEach(() => {
  root = temporaryRoot();
});
afterEach(() => removeRoot(root));

async function submit(daemon: DaemonProcess, id: string): Promise<number> {
  const answer = await daemon.ask("POST", "/v1/jobs", { job_type: "rpi.run", job_id: id });
  return answer.status;
}

async function idsOf(daemon: DaemonProcess): Promise<readonly string[]> {
  const { body } = await daemon.ask("GET", "/v1/jobs?limit=1000");
  return body.jobs.map((job: { job_id: string }) => job.job_id);
}

async function eventsOf(daemon: DaemonProcess): Promise<readonly { event_id: string }[]> {
  const { body } = await daemon.ask("GET", "/v1/events");
  return body.events;
}

function linesOf(path: string): readonly string[] {
  return readFileSync(path, "utf8").split("\n").slice(0, -1);
}

/** A root with jobs `job-1` to `job-<count>`, its daemon killed. */
async function prepare(count: number): Promise<readonly { event_id: string }[]> {
  return withDaemon(root, async (daemon) => {
    for (let i = 1; i <= count; i += 1) await submit(daemon, `job-${i}`);
    // A list has every change written into the database first.
    await idsOf(daemon);
    return eventsOf(daemon);
  });
}

const IDS = ["job-1", "job-2", "job-3", "job-4", "job-5"];

describe("a torn last line", () => {
  it("goes to quarantine, and everything before it stays", async () => {
    await prepare(5);
    const whole = readFileSync(ledgerOf(root));
    appendFileSync(ledgerOf(root), '{"schema_version":1,"event_id":"evt_job_acc');
    await withDaemon(root, async (daemon, opening) => {
      expect(opening["tornTail"]).toMatchObject({ bytes: 43 });
      expect(readFileSync(ledgerOf(root))).toEqual(whole);
      expect(await idsOf(daemon)).toEqual(IDS);
      expect((await daemon.ask("GET", "/v1/ready")).body).toMatchObject({ ready: true });
      expect(await submit(daemon, "job-6")).toBe(202);
    });
    const quarantine = join(root, ".agents/daemon/quarantine");
    const [name] = readdirSync(quarantine);
    expect(readFileSync(join(quarantine, name ?? ""), "utf8")).toContain("evt_job_acc");
    expect(linesOf(ledgerOf(root))).toHaveLength(6);
  });

  it("cut anywhere inside the last line costs that line alone", async () => {
    await prepare(5);
    const text = readFileSync(ledgerOf(root));
    const start = text.lastIndexOf("\n", text.length - 2) + 1;
    for (const cut of [start + 1, start + 40, text.length - 1]) {
      writeFileSync(ledgerOf(root), text.subarray(0, cut));
      await withDaemon(root, async (daemon) => {
        expect(await idsOf(daemon)).toEqual(IDS.slice(0, 4));
      });
    }
  });
});

describe("a second daemon on one root", () => {
  it("is refused with a message that names the first, which goes on", async () => {
    await withDaemon(root, async (first) => {
      const second = new DaemonProcess(root);
      try {
        await expect(second.start()).rejects.toThrow(
          new RegExp(`in use by the daemon with process id ${first.pid} at http://127.0.0.1:`),
        );
        expect(await second.ended).toMatchObject({ code: 1 });
      } finally {
        await second.kill();
      }
      expect(await submit(first, "job-1")).toBe(202);
    });
  });

  it("may start as soon as the first was killed", async () => {
    await withDaemon(root, (first) => submit(first, "job-1"));
    await withDaemon(root, async (second) => expect(await idsOf(second)).toEqual(["job-1"]));
  });
});

describe("SIGTERM", () => {
  it("drains: held jobs are handed back by nobody's loss, the process ends with 0", async () => {
    const daemon = new DaemonProcess(root);
    try {
      await daemon.start();
      await submit(daemon, "job-1");
      const waiting = daemon.ask("POST", "/v1/jobs/claim", {
        types: ["dream.run"],
        wait_ms: 30_000,
      });
      const refused = waiting.then(
        ({ status, body }) => status === 503 || body.jobs?.length === 0,
        () => true,
      );
      await submit(daemon, "job-2");
      daemon.signal("SIGTERM");
      expect(await daemon.ended).toMatchObject({ code: 0, signal: null });
      expect(await refused).toBe(true);
    } finally {
      await daemon.kill();
    }
    expect(existsSync(join(root, ".agents/daemon/activation.json"))).toBe(false);
    await withDaemon(root, async (next) => expect(await idsOf(next)).toEqual(["job-1", "job-2"]));
  });
});

describe("a projections database that is", () => {
  const path = (): string => databaseOf(root);
  const damage: readonly (readonly [string, () => void])[] = [
    ["missing", () => removeAll(path())],
    ["of an older version", () => stamp(path(), 0)],
    ["of a newer version", () => stamp(path(), 4711)],
    ["no database at all", () => replaceWith(path(), Buffer.alloc(9000, "nonsense "))],
    ["truncated", () => truncateTo(path(), 20_000)],
    ["empty", () => replaceWith(path(), Buffer.alloc(0))],
    ["damaged inside", () => overwriteMiddle(path())],
    ["of another ledger", () => forget(path())],
  ];

  /** Read models that an earlier start had and that are gone: the ledger says so. */
  const NOTES = [{ event_type: "projection.marked_stale" }, { event_type: "projection.rebuilt" }];

  it.each(damage)("%s is made again and answers the same", async (_name, harm) => {
    const before = await prepare(5);
    harm();
    await withDaemon(root, async (daemon, opening) => {
      expect(opening["rebuilt"]).toBeDefined();
      expect(await idsOf(daemon)).toEqual(IDS);
      const after = await eventsOf(daemon);
      expect(after.slice(0, before.length)).toEqual(before);
      const unusable = opening["rebuilt"] === "unusable";
      expect(after.slice(before.length)).toMatchObject(unusable ? NOTES : []);
      expect((await daemon.ask("POST", "/v1/verify")).body).toMatchObject({ ok: true });
      expect((await daemon.ask("GET", "/v1/ready")).body).toMatchObject({ ready: true });
      expect(await submit(daemon, "job-3")).toBe(202);
      expect(await idsOf(daemon)).toEqual(IDS);
    });
  });

  it("of a ledger that was edited in place since is made again, and shows the edit", async () => {
    await prepare(5);
    const text = readFileSync(ledgerOf(root), "utf8");
    const edited = text.replace(/"request_id":"req_\w{4}/, '"request_id":"req_abcd');
    expect(edited).not.toBe(text);
    writeFileSync(ledgerOf(root), edited);
    await withDaemon(root, async (daemon, opening) => {
      expect(opening["rebuilt"]).toBe("not of this ledger");
      const { body } = await daemon.ask("GET", "/v1/jobs/job-1");
      expect(body.request_id).toMatch(/^req_abcd/);
      expect((await daemon.ask("POST", "/v1/verify")).body).toMatchObject({ ok: true });
    });
  });

  it("behind the ledger is only brought forward", async () => {
    await prepare(5);
    checkpoint(path());
    const older = readFileSync(path());
    await withDaemon(root, (daemon) => submit(daemon, "job-6"));
    removeAll(path());
    writeFileSync(path(), older, { mode: 0o600 });
    await withDaemon(root, async (daemon, opening) => {
      expect(opening["rebuilt"]).toBeUndefined();
      expect(await idsOf(daemon)).toEqual([...IDS, "job-6"]);
      expect((await daemon.ask("POST", "/v1/verify")).body).toMatchObject({ ok: true });
    });
  });
});

describe("a broken line in the middle", () => {
  it("is named by readiness, leaves reads alone, and is mended on request", async () => {
    await prepare(5);
    const lines = linesOf(ledgerOf(root));
    const edited = [...lines.slice(0, 2), '{"broken', ...lines.slice(2)];
    writeFileSync(ledgerOf(root), `${edited.join("\n")}\n`);
    await withDaemon(root, async (daemon) => {
      const ready = await daemon.ask("GET", "/v1/ready");
      expect(ready.body.ready).toBe(false);
      expect(JSON.stringify(ready.body)).toContain("ledger line 3: line is not JSON");
      expect(await idsOf(daemon)).toEqual(IDS);
      expect(await submit(daemon, "job-6")).toBe(202);
      expect((await eventsOf(daemon)).map(({ event_id: id }) => id.slice(-6))).toEqual([
        "000001",
        "000002",
        "000003",
        "000004",
        "000005",
        "000006",
      ]);

      const repaired = await daemon.ask("POST", "/v1/repair");
      expect(repaired.body.moved).toMatchObject([{ line_number: 3, error: "line is not JSON" }]);
      const kept = JSON.parse(readFileSync(repaired.body.moved[0].quarantine_path, "utf8"));
      expect(kept).toMatchObject({ line_number: 3, raw: '{"broken' });
      expect((await daemon.ask("GET", "/v1/ready")).body).toMatchObject({ ready: true });
      expect(linesOf(ledgerOf(root)).slice(0, 5)).toEqual(lines);
      expect(linesOf(ledgerOf(root)).at(-1)).toContain("projection.rebuilt");
      expect(await idsOf(daemon)).toEqual([...IDS, "job-6"]);
      expect((await daemon.ask("POST", "/v1/verify")).body).toMatchObject({ ok: true });
    });
    await withDaemon(root, async (daemon) => {
      expect(await idsOf(daemon)).toEqual([...IDS, "job-6"]);
    });
  });
});

describe("a line that became unreadable", () => {
  it("costs no event that is written after it, whatever is rebuilt later", async () => {
    const claim = { types: ["rpi.run"], lease_ms: 600_000 };
    const held = await withDaemon(root, async (daemon) => {
      await submit(daemon, "filler");
      await daemon.ask("POST", "/v1/jobs/filler/cancel");
      await submit(daemon, "job-1");
      const { body } = await daemon.ask("POST", "/v1/jobs/claim", claim);
      const { claim_token, lease_epoch } = body.jobs[0];
      await daemon.ask("POST", "/v1/jobs/job-1/heartbeat", { claim_token, lease_epoch });
      return { claim_token, lease_epoch };
    });
    const lines = linesOf(ledgerOf(root));
    writeFileSync(ledgerOf(root), `\u0000\n${lines.slice(1).join("\n")}\n`);
    const told = await withDaemon(root, async (daemon) => {
      const ids: string[] = [];
      for (let i = 0; i < 3; i += 1) {
        const beat = await daemon.ask("POST", "/v1/jobs/job-1/heartbeat", held);
        expect(beat.status).toBe(200);
        ids.push((await daemon.ask("GET", "/v1/jobs/job-1")).body.last_event_id);
      }
      expect((await daemon.ask("POST", "/v1/verify")).body).toMatchObject({ ok: true });
      return ids;
    });
    removeAll(databaseOf(root));
    await withDaemon(root, async (daemon) => {
      const ids = (await eventsOf(daemon)).map(({ event_id: id }) => id);
      expect(ids.slice(-3)).toEqual(told);
      expect(new Set(ids).size).toBe(ids.length);
      expect((await daemon.ask("POST", "/v1/repair")).body.moved).toHaveLength(1);
      expect((await daemon.ask("GET", "/v1/jobs/job-1")).body.last_event_id).toBe(told[2]);
    });
  });
});

function removeAll(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
}

/** Folds the write-ahead log into the file, so that what is done to the file counts. */
function checkpoint(path: string): void {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
}

function stamp(path: string, version: number): void {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA user_version = ${version}`);
  database.close();
}

function replaceWith(path: string, bytes: Buffer): void {
  removeAll(path);
  writeFileSync(path, bytes, { mode: 0o600 });
}

function truncateTo(path: string, size: number): void {
  checkpoint(path);
  truncateSync(path, size);
}

function overwriteMiddle(path: string): void {
  checkpoint(path);
  const bytes = readFileSync(path);
  bytes.fill(0xa5, 20_000, bytes.length - 20_000);
  writeFileSync(path, bytes);
}

/** A checkpoint that speaks of other bytes, as after somebody put another ledger there. */
function forget(path: string): void {
  const database = new DatabaseSync(path);
  database.exec(`UPDATE meta SET value = json_set(value, '$.crc', 1) WHERE key = 'checkpoint'`);
  database.close();
}
