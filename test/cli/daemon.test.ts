import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { spawnCli, startDaemon, type TestDaemon, temporaryRoot } from "./daemon-process.ts";
import { type CliRun, cli, type RunOptions } from "./terminal-record.ts";

const folder = temporaryRoot();
const { root } = folder;
let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startDaemon(root);
});
afterAll(async () => {
  await daemon.stop();
  folder.remove();
});

function run(args: readonly string[], options: RunOptions = {}): Promise<CliRun> {
  return cli([...args, "--root", root], options);
}

async function submit(jobId: string, type = "wiki.forge"): Promise<void> {
  const { code } = await run(["submit", type, "--job-id", jobId]);
  expect(code).toBe(0);
}

describe("a running daemon", () => {
  test("says where everything is, and never its token", () => {
    const secret = readFileSync(daemon.token_file, "utf8").trim();
    expect(daemon).toMatchObject({ root, ledger: join(root, ".agents/daemon/ledger.jsonl") });
    expect(daemon.spawned.lines.join("\n") + daemon.spawned.err()).not.toContain(secret);
  });

  test("refuses a second daemon on its root, which names the first", async () => {
    const second = spawnCli(["up", "--root", root, "--addr", "127.0.0.1:0"]);
    expect(await second.ended).toBe(5);
    expect(second.err()).toContain(String(daemon.pid));
  });

  test("a submitted job is shown, listed, cancelled once, and in the events", async () => {
    const submitted = await run(["submit", "rpi.run", "--goal", "ship it", "--job-id", "job-a"]);
    expect(submitted).toMatchObject({ code: 0, out: "accepted job-a (queued)\n" });
    expect(submitted.err).toContain("no worker takes that type");
    expect((await run(["jobs", "--status", "queued"])).out).toMatch(
      /job-a +rpi\.run +queued +0\/3/,
    );
    const shown = await run(["job", "job-a"]);
    expect(shown.out).toContain('payload   {"goal":"ship it"}');
    expect(shown.out).toContain("1 event\n");
    expect(await run(["cancel", "job-a", "--reason", "test"])).toMatchObject({ code: 0 });
    expect((await run(["cancel", "job-a"])).out).toBe("job-a had already been cancelled\n");
    expect((await run(["events", "--job", "job-a"])).out).toMatch(
      /job\.accepted.*\n.*job\.cancelled/,
    );
    expect((await run(["cancel", "nobody"])).code).toBe(1);
    expect((await run(["job", "nobody"])).err).toContain("See which there are: keelson jobs");
  });

  test("one key is one job, and a differing request is told", async () => {
    const first = JSON.parse((await run(["submit", "rpi.run", "--key", "k", "--json"])).out);
    const again = await run(["submit", "wiki.forge", "--key", "k"]);
    expect(again.out).toContain(first.job_id);
    expect(again.err).toContain("belongs to an earlier job that differs");
  });

  test("a job type that is none is a usage error that lists them", async () => {
    const { code, err } = await run(["submit", "nope"]);
    expect(code).toBe(2);
    expect(err).toContain('invalid job type "nope"');
    expect(err).toContain("wiki.forge");
  });

  test("a wrong token is denied and the message says where the right one lies", async () => {
    const { code, err } = await run(["submit", "rpi.run"], { env: { KEELSON_TOKEN: "wrong" } });
    expect(code).toBe(4);
    expect(err).toContain("keelson token");
  });

  test("the older environment variables carry the token too", async () => {
    const secret = readFileSync(daemon.token_file, "utf8").trim();
    const args = ["submit", "rpi.run", "--url", daemon.url, "--json"];
    for (const name of ["AGENTOPSD_TOKEN", "AGENTOPS_DAEMON_TOKEN"]) {
      expect((await cli(args, { env: { [name]: secret } })).code).toBe(0);
    }
    expect((await cli(args)).code).toBe(4);
  });

  test("ready, status, verify, rebuild, repair and doctor answer", async () => {
    expect((await run(["ready"])).out).toMatch(/^ready {2}\d+ events? in the ledger/);
    const status = JSON.parse((await run(["status", "--json"])).out);
    expect(status.jobs["rpi.run"].cancelled).toBe(1);
    expect((await run(["status"])).out).toMatch(/^TYPE .*TOTAL$/m);
    expect((await run(["verify"])).out).toContain("every read model agrees");
    expect((await run(["rebuild"])).out).toMatch(/^rebuilt: \d+ events into \d+ jobs in/);
    expect((await run(["repair"])).out).toContain("nothing to repair");
    const doctor = await run(["doctor"]);
    expect(doctor.out).toContain(`ready at ${daemon.url}`);
    expect(doctor.out).toMatch(/ok +owner +process \d+/);
  });
});

describe("a worker from the command line", () => {
  const script = join(root, "agent.sh");

  beforeAll(() => {
    const lines = [
      "#!/bin/sh",
      "cat",
      'echo " token=[$KEELSON_TOKEN] attempt=$KEELSON_ATTEMPT"',
      'case "$KEELSON_JOB_ID" in',
      "  *-bad) exit 3 ;;",
      "  *-slow) sleep 60 ;;",
      "  *-shot) kill -9 $$ ;;",
      "esac",
    ];
    writeFileSync(script, lines.join("\n"));
    chmodSync(script, 0o755);
  });

  function startWorker(type: string): ReturnType<typeof spawnCli> {
    const token = readFileSync(daemon.token_file, "utf8").trim();
    const args = ["worker", "--root", root, "--type", type, "--concurrency", "4", "--json"];
    return spawnCli([...args, "--", script], { KEELSON_TOKEN: token });
  }

  test("the exit code decides, a shot command is tried again, and a stop hands back", async () => {
    for (const name of ["ok", "bad", "shot"]) await submit(`w-${name}`);
    const worker = startWorker("wiki.forge");
    await worker.line(/"w-ok".*completed/);
    await worker.line(/"w-bad".*failed/);
    await worker.line(/"w-shot".*"attempt":3.*released/);
    await submit("w-slow");
    await worker.line(/"w-slow".*started/);
    worker.child.kill("SIGINT");
    expect(await worker.ended).toBe(0);

    const bad = await run(["job", "w-bad"]);
    expect(bad.out).toContain("ended with exit code 3");
    const transcript = await run(["job", "w-ok", "--transcript"]);
    expect(transcript.out).toBe("{} token=[] attempt=1\n");
    const shot = JSON.parse((await run(["job", "w-shot", "--json"])).out);
    expect(shot).toMatchObject({ status: "failed", failure: { code: "retry_exhausted" } });
    const slow = JSON.parse((await run(["job", "w-slow", "--json"])).out);
    expect(slow).toMatchObject({ status: "retry_waiting", attempt: 0 });
  });

  test("submit --wait tells the end by its exit code, and a cancel reaches the command", async () => {
    const worker = startWorker("wiki.build");
    const ends = (id: string): Promise<CliRun> =>
      run(["submit", "wiki.build", "--job-id", id, "--wait"]);
    expect(await ends("v-ok")).toMatchObject({ code: 0 });
    expect(await ends("v-bad")).toMatchObject({ code: 1 });
    const slow = ends("v-slow");
    await worker.line(/"v-slow".*started/);
    await run(["cancel", "v-slow"]);
    expect(await slow).toMatchObject({ code: 1 });
    await worker.line(/"v-slow".*lost/);
    worker.child.kill("SIGINT");
    expect(await worker.ended).toBe(0);
  });
});

describe("a daemon that is killed", () => {
  test("comes back with every job, while a follower goes on without gap or repetition", async () => {
    const own = temporaryRoot();
    const at = ["--root", own.root];
    const first = await startDaemon(own.root);
    await cli(["submit", "rpi.run", "--job-id", "before", ...at]);
    const follower = spawnCli(["events", "--follow", "--from-start", "--json", ...at]);
    await follower.line(/"before"/);

    first.spawned.child.kill("SIGKILL");
    expect(await first.spawned.ended).toBe("SIGKILL");
    expect((await cli(["ready", ...at])).code).toBe(3);

    const second = await startDaemon(own.root, new URL(first.url).host);
    await cli(["submit", "rpi.run", "--job-id", "after", ...at]);
    await follower.line(/"after"/);
    const seen = follower.lines.map((line) => JSON.parse(line).event_id);
    expect(new Set(seen).size).toBe(seen.length);
    follower.child.kill("SIGINT");
    expect(await follower.ended).toBe(0);

    const jobs = (await cli(["jobs", "--json", "--oldest", ...at])).out.trim().split("\n");
    expect(jobs.map((line) => JSON.parse(line).job_id)).toEqual(["before", "after"]);
    expect(await second.stop()).toBe(0);
    expect(existsSync(join(own.root, ".agents/daemon/activation.json"))).toBe(false);
    const offline = await cli(["verify", ...at]);
    expect(offline).toMatchObject({ code: 0 });
    expect(offline.out).toContain("every read model agrees");
    own.remove();
  });
});

describe("conform", () => {
  test("judges the daemon from outside and writes its reports", async () => {
    const own = temporaryRoot();
    const daemon = await startDaemon(own.root);
    const html = join(own.root, "report.html");
    const judged = await cli([
      "conform",
      daemon.url,
      "--level=1",
      `--html=${html}`,
      "--json",
      `--root=${own.root}`,
    ]);
    const report = JSON.parse(judged.out);
    expect(report.levels).toMatchObject([{ level: 1, name: "Observe" }]);
    expect(report.levels[0].failed).toEqual([]);
    expect(report.assertions).toBeGreaterThan(20);
    expect(readFileSync(html, "utf8")).toContain("Observe");
    await daemon.stop();
    own.remove();
  });

  test("says that nobody answers, and what it cannot understand", async () => {
    expect((await cli(["conform", "http://127.0.0.1:1"])).code).toBe(3);
    expect((await cli(["conform"])).err).toContain("give the daemon's URL");
    expect((await cli(["conform", "http://127.0.0.1:1", "--level", "5"])).code).toBe(2);
  });
});

describe("the first run", () => {
  test("shows one job from acceptance to its projection, and submits none the second time", async () => {
    const own = temporaryRoot();
    const args = ["up", "--first-run", "--root", own.root, "--addr", "127.0.0.1:0"];
    const first = spawnCli(args);
    await first.line(/submit openclaw\.snapshot/);
    const shown = first.lines.join("\n");
    expect(shown).toMatch(/accepted .*\n.*claimed .*\n.*completed/);
    const path = / {2}projected {2}(.+\.json)/.exec(shown)?.[1] ?? "";
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ schema_version: 1 });
    first.child.kill("SIGTERM");
    expect(await first.ended).toBe(0);

    const second = spawnCli(args);
    await second.line(/submit openclaw\.snapshot/);
    expect(second.lines.join("\n")).not.toContain("First job");
    const { out } = await cli(["jobs", "--json", "--root", own.root]);
    expect(out.trim().split("\n")).toHaveLength(1);
    second.child.kill("SIGINT");
    expect(await second.ended).toBe(0);
    own.remove();
  });

  test("a plain start submits nothing", async () => {
    const own = temporaryRoot();
    const daemon = await startDaemon(own.root);
    expect((await cli(["jobs", "--root", own.root])).out).toBe("no such jobs\n");
    await daemon.stop();
    own.remove();
  });
});
