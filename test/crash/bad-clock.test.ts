/** A whole daemon whose wall clock is set by an hour, back and forth, while workers hold jobs. */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { checkLedgerLaws } from "../simulation/ledger-laws.ts";
import {
  type Answer,
  type DaemonProcess,
  eventually,
  removeRoot,
  temporaryRoot,
  withDaemon,
} from "../support/daemon-process.ts";
import { wholeLedger } from "../support/ledger-files.ts";

const HOUR = 3_600_000;
const LEASE_MS = 600_000;

interface Held {
  readonly job_id: string;
  readonly claim_token: string;
  readonly lease_epoch: number;
}

let root = "";
let faults = "";
beforeEach(() => {
  root = temporaryRoot();
  faults = join(root, "faults");
  mkdirSync(faults);
});
afterEach(() => removeRoot(root));

/** Sets the daemon's clock wrong by `ms`, all at once. */
function set(ms: number): void {
  writeFileSync(join(faults, "next"), String(ms));
  renameSync(join(faults, "next"), join(faults, "clock"));
}

async function claim(daemon: DaemonProcess): Promise<Held | undefined> {
  const { body } = await daemon.ask("POST", "/v1/jobs/claim", {
    types: ["rpi.run"],
    max: 1,
    wait_ms: 0,
    lease_ms: LEASE_MS,
  });
  return body.jobs[0];
}

function act(daemon: DaemonProcess, verb: string, held: Held): Promise<Answer> {
  const { claim_token, lease_epoch } = held;
  return daemon.ask("POST", `/v1/jobs/${held.job_id}/${verb}`, { claim_token, lease_epoch });
}

async function statusOf(daemon: DaemonProcess, id: string): Promise<string> {
  return (await daemon.ask("GET", `/v1/jobs/${id}`)).body.status;
}

it("never gives a job two holders and loses nothing, also over a restart", async () => {
  const env = { FAULTS_DIR: faults };
  const { first, second } = await withDaemon(
    root,
    async (daemon) => {
      await daemon.ask("POST", "/v1/jobs", { job_type: "rpi.run", job_id: "job-1" });
      const held = await claim(daemon);
      if (held === undefined) throw new Error("nothing to claim");
      // Forward: the lease is over, told within a second or so, and the job is somebody else's.
      set(HOUR);
      const next = await eventually(() => claim(daemon));
      expect(next).toMatchObject({ job_id: "job-1", lease_epoch: 2 });
      for (const verb of ["heartbeat", "complete"]) {
        expect((await act(daemon, verb, held)).status).toBe(409);
      }
      // Back: the lease now ends in the far future; its holder keeps it and nobody else gets it.
      set(-HOUR);
      expect(await statusOf(daemon, "job-1")).toBe("running");
      expect(await claim(daemon)).toBeUndefined();
      return { first: held, second: next };
    },
    env,
  );
  await withDaemon(
    root,
    async (daemon) => {
      expect((await act(daemon, "complete", first)).status).toBe(409);
      expect((await act(daemon, "heartbeat", second)).status).toBe(200);
      expect((await act(daemon, "complete", second)).status).toBe(200);
      set(HOUR);
      expect(await statusOf(daemon, "job-1")).toBe("completed");
      const submitted = await daemon.ask("POST", "/v1/jobs", { job_type: "rpi.run" });
      expect(submitted.status).toBe(202);
      expect((await daemon.ask("POST", "/v1/verify")).body).toMatchObject({ ok: true });
      expect((await daemon.ask("GET", "/v1/ready")).body).toMatchObject({ ready: true });
    },
    env,
  );
  const lines = wholeLedger(root).toString("utf8").split("\n").slice(0, -1);
  expect([...checkLedgerLaws(lines).ended.keys()]).toEqual(["job-1"]);
});
