import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { agent, isAlive, WorkerBench } from "../support/worker-bench.ts";

let root: string;
let bench: WorkerBench;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "keelson-worktree-"));
});
afterEach(() => bench.close());

function git(...parameters: readonly string[]): string {
  const env = { PATH: process.env["PATH"], HOME: root };
  return execFileSync("git", parameters, { cwd: root, env, encoding: "utf8" }).trim();
}

function repository(): void {
  git("init", "-q", "-b", "main");
  writeFileSync(join(root, ".gitignore"), ".agents/\n");
  git("add", ".");
  git("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "first");
}

async function start(...act: readonly string[]): Promise<void> {
  const jobs = { "rpi.run": { command: agent(...act), worktree: true, retry_on: [] } };
  bench = await WorkerBench.start({ root, jobs });
}

it("is removed with its branch after a success that changed nothing", async () => {
  repository();
  await start("echo");
  const job = await bench.run("rpi.run", { goal: "g" });
  expect(job).toMatchObject({ status: "completed", artifacts: { worktree: "", branch: "" } });
  const transcript = await bench.text(job, "transcript");
  expect(transcript).toContain(`"KEELSON_BRANCH":"keelson/${job.job_id}-1"`);
  expect(existsSync(join(root, ".agents/worktrees", `${job.job_id}-1`))).toBe(false);
  expect(git("branch", "--list", "keelson/*")).toBe("");
  expect(git("worktree", "list").split("\n")).toHaveLength(1);
});

it("is kept when it holds changes that were not committed", async () => {
  repository();
  await start("change");
  const job = await bench.run("rpi.run", { goal: "g" });
  const worktree = join(root, job.artifacts?.["worktree"] ?? "none");
  expect(worktree).toBe(join(root, ".agents/worktrees", `${job.job_id}-1`));
  expect(existsSync(join(worktree, "change.txt"))).toBe(true);
  expect(await bench.text(job, "transcript")).toContain(worktree);
  expect(existsSync(join(root, "change.txt"))).toBe(false);
});

it("goes when all is committed, and the branch stays with the commits", async () => {
  repository();
  await start("commit");
  const job = await bench.run("rpi.run", { goal: "g" });
  const branch = `keelson/${job.job_id}-1`;
  expect(job).toMatchObject({ status: "completed", artifacts: { worktree: "", branch } });
  expect(git("log", "--format=%s", branch)).toBe("change\nfirst");
});

it("is kept and named when the attempt fails", async () => {
  repository();
  await start("change", "1");
  const job = await bench.run("rpi.run", { goal: "g" });
  expect(job.status).toBe("failed");
  expect(job.artifacts?.["branch"]).toBe(`keelson/${job.job_id}-1`);
  expect(existsSync(join(root, job.artifacts?.["worktree"] ?? "none", "change.txt"))).toBe(true);
});

it("is kept and named when the job is cancelled", async () => {
  repository();
  await start("polite");
  const id = await bench.submit("rpi.run", { goal: "g" });
  const pids = await bench.pids();
  await bench.engine.cancel({ job_id: id, actor: "tester" });
  const job = await bench.ended(id);
  expect(existsSync(join(root, job.artifacts?.["worktree"] ?? "none", ".git"))).toBe(true);
  await bench.stop();
  expect(pids.filter(isAlive)).toEqual([]);
});

it("is refused in words where there is no repository", async () => {
  await start("echo");
  const { failure } = await bench.run("rpi.run", { goal: "g" });
  expect(failure?.code).toBe("request_rejected");
  expect(failure?.message).toMatch(/^no worktree: .* is not in a git repository/);
});
