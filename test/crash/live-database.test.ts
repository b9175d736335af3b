/**
 * The read models are damaged while the daemon runs. They are a fold of the ledger: whatever becomes
 * of them, nothing acknowledged is lost, and the next command finds them made anew.
 */
import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type Answer,
  type DaemonProcess,
  databaseOf,
  eventually,
  removeRoot,
  temporaryRoot,
  withDaemon,
} from "../support/daemon-process.ts";

let root = "";
beforeEach(() => {
  root = temporaryRoot();
});
afterEach(() => removeRoot(root));

/** Changes are written a few at a time: a list has all of them written before it is answered. */
async function alter(daemon: DaemonProcess, sql: string): Promise<void> {
  await idsOf(daemon);
  const database = new DatabaseSync(databaseOf(root), { timeout: 5000 });
  database.exec(sql);
  database.close();
}

function submit(daemon: DaemonProcess, id: string): Promise<Answer> {
  return daemon.ask("POST", "/v1/jobs", { job_type: "rpi.run", job_id: id });
}

async function idsOf(daemon: DaemonProcess): Promise<readonly string[]> {
  const { body } = await daemon.ask("GET", "/v1/status");
  return body.queue.jobs.map((job: { job_id: string }) => job.job_id);
}

async function healed(daemon: DaemonProcess, ids: readonly string[]): Promise<void> {
  expect(await idsOf(daemon)).toEqual(ids);
  expect((await daemon.ask("POST", "/v1/verify")).body).toMatchObject({
    ok: true,
    differences: [],
  });
  expect((await daemon.ask("GET", "/v1/ready")).body).toMatchObject({
    ready: true,
    projection_status: "current",
  });
}

describe("a database that a running daemon", () => {
  it("can no longer read is said so, and made anew by the next command", async () => {
    await withDaemon(root, async (daemon) => {
      await submit(daemon, "job-1");
      await alter(daemon, "DROP TABLE jobs");
      const ready = await daemon.ask("GET", "/v1/ready");
      expect(ready.status).toBe(200);
      expect(ready.body).toMatchObject({ ready: false, projection_status: "degraded" });
      expect(JSON.stringify(ready.body.degraded_reasons)).toContain("cannot be read");
      const read = await daemon.ask("GET", "/v1/jobs/job-1");
      expect(read).toMatchObject({ status: 503, body: { code: "projection_unavailable" } });
      expect((await submit(daemon, "job-2")).status).toBe(202);
      await healed(daemon, ["job-1", "job-2"]);
    });
  });

  it("can no longer write revokes no acceptance, and the ledger tells of it", async () => {
    await withDaemon(root, async (daemon) => {
      await submit(daemon, "job-1");
      await alter(
        daemon,
        "CREATE TRIGGER no BEFORE INSERT ON jobs BEGIN SELECT RAISE(ABORT, 'broken'); END",
      );
      // So many that they are written at once.
      const ids = Array.from({ length: 600 }, (_, i) => `job-${i + 2}`);
      const jobs = ids.map((job_id) => ({ job_type: "rpi.run", job_id }));
      const { status, body } = await daemon.ask("POST", "/v1/jobs:batch", { jobs });
      expect(status).toBe(202);
      expect(body.results).toHaveLength(ids.length);
      for (const result of body.results) {
        expect(result).toMatchObject({ accepted: true, projection_status: "degraded" });
      }
      expect((await submit(daemon, "job-last")).status).toBe(202);
      const types = await eventually(async () => {
        const { events } = (await daemon.ask("GET", "/v1/events")).body;
        const found = events.map((event: { event_type: string }) => event.event_type);
        return found.includes("projection.rebuilt") ? (found as string[]) : undefined;
      });
      expect(types).toContain("projection.marked_stale");
      await healed(daemon, ["job-1", ...ids, "job-last"]);
    });
  });

  it("has lost from its folder is made anew by the next command that needs it", async () => {
    await withDaemon(root, async (daemon) => {
      await submit(daemon, "job-1");
      await idsOf(daemon);
      for (const suffix of ["", "-wal", "-shm"]) rmSync(databaseOf(root) + suffix);
      const status = await daemon.ask("GET", "/v1/status");
      expect(status).toMatchObject({ status: 503, body: { code: "projection_unavailable" } });
      expect((await submit(daemon, "job-2")).status).toBe(202);
      await healed(daemon, ["job-1", "job-2"]);
    });
    await withDaemon(root, async (daemon) => healed(daemon, ["job-1", "job-2"]));
  });
});

describe("verify", () => {
  it("finds what somebody changed in the database, and a rebuild takes it away", async () => {
    await withDaemon(root, async (daemon) => {
      await submit(daemon, "job-1");
      await submit(daemon, "job-2");
      await alter(
        daemon,
        `UPDATE jobs SET state = replace(state, 'queued', 'failed') WHERE job_id LIKE '%job-2'`,
      );
      const { body } = await daemon.ask("POST", "/v1/verify");
      expect(body.ok).toBe(false);
      expect(body.differences).toEqual(['job "job-2" differs from the fold of its events']);
      await daemon.ask("POST", "/v1/rebuild");
      await healed(daemon, ["job-1", "job-2"]);
    });
  });
});
