/** A daemon on a disk that is full or refuses to sync, as a whole process. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  DaemonProcess,
  eventually,
  ledgerOf,
  removeRoot,
  temporaryRoot,
  withDaemon,
} from "../support/daemon-process.ts";

let root = "";
let faults = "";
beforeEach(() => {
  root = temporaryRoot();
  faults = join(root, "faults");
  mkdirSync(faults);
});
afterEach(() => removeRoot(root));

const raise = (fault: string): void => writeFileSync(join(faults, fault), "");
const lift = (fault: string): void => rmSync(join(faults, fault));

async function submit(daemon: DaemonProcess, id: string): ReturnType<DaemonProcess["ask"]> {
  return daemon.ask("POST", "/v1/jobs", { job_type: "rpi.run", job_id: id });
}

describe("a full disk", () => {
  it("is told with 503, reads go on, and so do appends once there is room", async () => {
    await withDaemon(
      root,
      async (daemon) => {
        expect((await submit(daemon, "job-1")).status).toBe(202);
        raise("full");
        const refused = await submit(daemon, "job-2");
        expect(refused).toMatchObject({ status: 503, body: { code: "no_space" } });
        const claim = await daemon.ask("POST", "/v1/jobs/claim", { types: ["rpi.run"] });
        expect(claim.status).toBe(503);
        const listed = await daemon.ask("GET", "/v1/jobs");
        expect(listed.body.jobs).toMatchObject([{ job_id: "job-1", status: "queued" }]);
        expect(readFileSync(ledgerOf(root), "utf8").split("\n")).toHaveLength(2);
        lift("full");
        const accepted = await eventually(async () => {
          const answer = await submit(daemon, "job-2");
          return answer.status === 202 ? answer : undefined;
        });
        expect(accepted.body.last_event_id).toBe("evt_job_accepted_job-2_000002");
        expect((await daemon.ask("POST", "/v1/verify")).body).toMatchObject({ ok: true });
      },
      { FAULTS_DIR: faults },
    );
    await withDaemon(root, async (daemon) => {
      const { body } = await daemon.ask("GET", "/v1/jobs");
      expect(body.jobs.map((job: { job_id: string }) => job.job_id)).toEqual(["job-1", "job-2"]);
    });
  });
});

describe("a disk that refuses to sync", () => {
  it("is never acknowledged on, stops the process with 70 and a clear last line", async () => {
    const daemon = new DaemonProcess(root, { FAULTS_DIR: faults });
    try {
      await daemon.start();
      expect((await submit(daemon, "job-1")).status).toBe(202);
      raise("sync-fails");
      const answers = await Promise.allSettled([submit(daemon, "job-2"), submit(daemon, "job-3")]);
      for (const answer of answers) {
        if (answer.status === "fulfilled") expect(answer.value.status).toBe(503);
      }
      const { code, stderr } = await daemon.ended;
      expect(code).toBe(70);
      expect(stderr.trimEnd().split("\n").at(-1)).toMatch(/^keelson stopped: .*refused to sync/);
    } finally {
      await daemon.kill();
    }
    expect(existsSync(ledgerOf(root))).toBe(true);
    await withDaemon(root, async (next) => {
      const { body } = await next.ask("GET", "/v1/jobs");
      expect(body.jobs.map((job: { job_id: string }) => job.job_id)).toEqual(["job-1"]);
      expect((await submit(next, "job-2")).status).toBe(202);
      expect((await next.ask("POST", "/v1/verify")).body).toMatchObject({ ok: true });
    });
  });
});

describe("a ledger that somebody removes", () => {
  it("is noticed by the next write, which nobody is told was durable", async () => {
    const daemon = new DaemonProcess(root);
    try {
      await daemon.start();
      expect((await submit(daemon, "job-1")).status).toBe(202);
      rmSync(dirname(ledgerOf(root)), { recursive: true });
      const [answer] = await Promise.allSettled([submit(daemon, "job-2")]);
      if (answer.status === "fulfilled") expect(answer.value.status).toBe(503);
      const { code, stderr } = await daemon.ended;
      expect(code).toBe(70);
      expect(stderr).toMatch(/^keelson stopped: .*ledger\.jsonl \(the file was removed/m);
    } finally {
      await daemon.kill();
    }
  });
});
