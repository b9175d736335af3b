import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { agent, eventually, isAlive, WorkerBench } from "../support/worker-bench.ts";

const DAEMON = join(import.meta.dirname, "..", "support", "agents", "daemon.ts");

let root: string;
let bench: WorkerBench | undefined;
/** Whatever a test started; a failed one must not leave it running. */
const started: number[] = [];
afterEach(async () => {
  for (const pid of started.splice(0).filter(isAlive)) process.kill(pid, "SIGKILL");
  await bench?.close();
  bench = undefined;
  rmSync(root, { recursive: true, force: true });
});

/** Starts a daemon that runs one job, and kills it once the agent has written its process ids. */
async function killedDaemon(act: readonly string[]): Promise<readonly number[]> {
  root = mkdtempSync(join(tmpdir(), "keelson-orphans-"));
  const jobs = JSON.stringify({ "rpi.run": { command: agent(...act) } });
  const daemon = spawn(process.execPath, [DAEMON, root, jobs], { stdio: "inherit" });
  const pids = await eventually(() => {
    try {
      return JSON.parse(readFileSync(join(root, "pids.json"), "utf8")) as number[];
    } catch {
      return undefined;
    }
  });
  daemon.kill("SIGKILL");
  await new Promise((resolve) => daemon.once("exit", resolve));
  rmSync(join(root, "pids.json"));
  started.push(...pids);
  return pids;
}

it("ends what a killed daemon left running, and its job goes on at once", async () => {
  const pids = await killedDaemon(["family"]);
  // The agents outlived their daemon.
  expect(pids.filter(isAlive)).toEqual(pids);
  bench = await WorkerBench.start({ root, jobs: { "rpi.run": { command: agent("die", "2") } } });
  expect(pids.filter(isAlive)).toEqual([]);
  const [job] = await bench.engine.jobs({ limit: 1 });
  const done = await bench.ended(job?.job_id ?? "");
  expect(done).toMatchObject({ status: "completed", attempt: 2 });
  const seen = JSON.parse(await bench.text(done, "seen.json"));
  expect(seen.previous).toMatchObject({ attempt: 1, session_id: "family-session" });
  expect(seen.previous.failure).toContain("the daemon died");
  expect(readFileSync(seen.previous.transcript_path, "utf8")).toContain("family-session");
  await eventually(
    () => readdirSync(join(root, ".agents/daemon/children")).length === 0 || undefined,
  );
});

it("finds grandchildren whose parent is gone", async () => {
  const [parent = 0, ...others] = await killedDaemon(["family"]);
  process.kill(parent, "SIGKILL");
  await eventually(() => !isAlive(parent) || undefined);
  bench = await WorkerBench.start({ root });
  expect(others.filter(isAlive)).toEqual([]);
});

it("does not touch a stranger that has the number now", async () => {
  root = mkdtempSync(join(tmpdir(), "keelson-orphans-"));
  bench = await WorkerBench.start({ root });
  const stranger = spawn(process.execPath, ["-e", "setInterval(()=>{},1e3)"], { detached: true });
  if (stranger.pid !== undefined) started.push(stranger.pid);
  const children = join(root, ".agents/daemon/children");
  await bench.stop();
  rmSync(children, { recursive: true, force: true });
  mkdirSync(children);
  const record = {
    job_id: "job-1",
    attempt: 1,
    claim_token: "t",
    lease_epoch: 1,
    mark: "KEELSON_ATTEMPT_MARK=nobody",
    transcript: join(root, "none.log"),
    artifacts_dir: join(root, "none"),
    boot: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
    pid: stranger.pid,
    started: "1",
  };
  writeFileSync(join(children, "job-1-1.json"), JSON.stringify(record));
  writeFileSync(join(children, "job-2-1.json"), '{"job_id": "torn');
  bench = await WorkerBench.start({ root });
  expect(isAlive(stranger.pid ?? 0)).toBe(true);
  expect(readdirSync(children)).toEqual([]);
});
