/**
 * A machine that sleeps while an agent works. The processes are stopped and go on later, which to
 * them is the same: time has passed, and nobody sent a heartbeat.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  type DaemonProcess,
  eventually,
  removeRoot,
  temporaryRoot,
  withDaemon,
} from "../support/daemon-process.ts";
import { wholeLedger } from "../support/ledger-files.ts";
import { agent, isAlive } from "../support/worker-bench.ts";

const LEASE_MS = 1000;

let root = "";
beforeEach(() => {
  root = temporaryRoot();
  const jobs = { "rpi.run": { command: agent("dreamer") } };
  const settings = { lease_s: LEASE_MS / 1000, heartbeat_s: 0.2, jobs };
  writeFileSync(join(root, "keelson.json"), JSON.stringify(settings));
});
afterEach(() => removeRoot(root));

async function job(daemon: DaemonProcess): Promise<ReturnType<typeof JSON.parse>> {
  return (await daemon.ask("GET", "/v1/jobs/job-1")).body;
}

async function agentOf(daemon: DaemonProcess): Promise<number> {
  const path = join(root, "pids.json");
  await daemon.ask("POST", "/v1/jobs", { job_type: "rpi.run", job_id: "job-1" });
  const text = await eventually(async () =>
    existsSync(path) ? readFileSync(path, "utf8") || undefined : undefined,
  );
  return (JSON.parse(text) as number[])[0] ?? 0;
}

function eventTypes(): readonly string[] {
  const lines = wholeLedger(root).toString("utf8").trimEnd().split("\n");
  return lines
    .map((line) => (JSON.parse(line) as { event_type: string }).event_type)
    .filter((type) => type !== "job.heartbeat");
}

it("an agent that ended beyond its lease is not taken for one that finished", async () => {
  await withDaemon(root, async (daemon) => {
    const pid = await agentOf(daemon);
    const { lease_expires_at: ends } = await job(daemon);
    daemon.signal("SIGSTOP");
    process.kill(pid, "SIGSTOP");
    await eventually(async () => Date.now() > Date.parse(ends) + LEASE_MS || undefined);
    // The agent wakes first and ends with 0 before the daemon can say a word.
    writeFileSync(join(root, "awake"), "");
    process.kill(pid, "SIGCONT");
    await eventually(async () => !isAlive(pid) || undefined);
    daemon.signal("SIGCONT");
    const done = await eventually(async () => {
      const now = await job(daemon);
      return now.status === "completed" ? now : undefined;
    });
    expect(done).toMatchObject({ attempt: 2, lease_epoch: 2 });
    expect(done.artifacts).toMatchObject({ session_id: "session-2" });
  });
  expect(eventTypes()).toEqual([
    "job.accepted",
    "job.claimed",
    "job.lease_expired",
    "job.claimed",
    "job.completed",
  ]);
});
