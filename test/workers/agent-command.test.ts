import { chmodSync, existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { agent, eventually, isAlive, WorkerBench } from "../support/worker-bench.ts";

let bench: WorkerBench;
afterEach(() => bench.close());

const SECRET = "keelson-secret-0123456789abcdef";

describe("an agent that finishes", () => {
  it("gets its goal on stdin, a filtered environment, and its transcript is kept", async () => {
    bench = await WorkerBench.start({
      jobs: {
        "rpi.run": { command: agent("echo"), env: { pass: ["PASS_*"], set: { FIXED: "1" } } },
      },
      env: { KEELSON_TOKEN: SECRET, PASS_ME: "passed", OTHER: "stays", PASS_TOKEN_COPY: SECRET },
      secrets: [SECRET],
    });
    const job = await bench.run("rpi.run", { goal: "make it work" });
    expect(job.status).toBe("completed");
    const transcript = await bench.text(job, "transcript");
    expect(transcript).toContain("prompt: make it work\n");
    const env = JSON.parse(/env: (.*)/.exec(transcript)?.[1] ?? "{}") as Record<string, string>;
    expect(env).toMatchObject({ FIXED: "1", PASS_ME: "passed", KEELSON_JOB_ID: job.job_id });
    expect(Object.keys(env)).not.toContain("KEELSON_TOKEN");
    expect(Object.keys(env)).not.toContain("OTHER");
    expect(Object.keys(env)).not.toContain("PASS_TOKEN_COPY");
    expect(transcript).not.toContain(SECRET);
    expect(job.artifacts?.["attempt_1_transcript"]).toBe(job.artifacts?.["transcript"]);
  });

  it("gets the whole job as JSON where there is no prompt, without the claim token", async () => {
    bench = await WorkerBench.start({ jobs: { "wiki.forge": { command: agent("echo") } } });
    const job = await bench.run("wiki.forge", { source_paths: ["a.md"] });
    const transcript = await bench.text(job, "transcript");
    const document = JSON.parse(/prompt: (.*)/.exec(transcript)?.[1] ?? "{}");
    expect(document).toMatchObject({
      payload: { source_paths: ["a.md"] },
      attempt: 1,
      previous: null,
    });
    expect(document.job.job_id).toBe(job.job_id);
    expect(transcript).not.toContain("claim_token");
  });

  it("leaves files that become artifacts, but for links, and names its session", async () => {
    bench = await WorkerBench.start({ jobs: { "rpi.run": { command: agent("files") } } });
    const job = await bench.run("rpi.run", { goal: "g" });
    expect(await bench.text(job, "report_summary.md")).toBe("# done");
    expect(await bench.text(job, "file_transcript")).toBe("a file of the agent's own");
    expect(job.artifacts).toMatchObject({
      session_id: "file-session",
      artifacts_skipped: "link: not a regular file",
    });
  });

  it("leaves nothing of itself on disk or in the process table", async () => {
    bench = await WorkerBench.start({ jobs: { "rpi.run": { command: agent("family", "leave") } } });
    const job = await bench.run("rpi.run", { goal: "g" });
    expect(job.status).toBe("completed");
    const pids = await bench.pids();
    expect(pids).toHaveLength(2);
    expect(pids.filter(isAlive)).toEqual([]);
    const daemon = join(bench.root, ".agents", "daemon");
    await eventually(() => readdirSync(join(daemon, "children")).length === 0 || undefined);
    expect(readdirSync(join(daemon, "transcripts", job.job_id))).toEqual([]);
    expect(readdirSync(join(daemon, "attempts", job.job_id))).toEqual([]);
  });

  it("need not read its stdin", async () => {
    bench = await WorkerBench.start({ jobs: { "rpi.run": { command: agent("deaf") } } });
    const job = await bench.run("rpi.run", { goal: "g".repeat(900_000) });
    expect(job.status).toBe("completed");
  });

  it("is taken for failed without any output, where that was asked for", async () => {
    bench = await WorkerBench.start({
      jobs: {
        "rpi.run": { command: agent("silent") },
        "rpi.phase": { command: agent("silent"), require_output: true },
      },
    });
    expect((await bench.run("rpi.run", { goal: "g" })).status).toBe("completed");
    const failure = (await bench.run("rpi.phase", { goal: "g" })).failure;
    expect(failure?.code).toBe("terminal_without_transcript");
    expect(failure?.message).toContain("exit code 0, but it said nothing");
  });
});

describe("an agent that does not finish", () => {
  it("fails with its exit code and the last lines it said", async () => {
    bench = await WorkerBench.start({ jobs: { "rpi.run": { command: agent("exit", "3") } } });
    const job = await bench.run("rpi.run", { goal: "g" });
    expect(job.failure?.code).toBe("request_rejected");
    expect(job.failure?.message).toMatch(/^node: exit code 3\nits last output:\n/);
    expect(job.failure?.message).toContain("what went wrong");
    expect(await bench.text(job, "transcript")).toContain("first line");
  });

  it.each([
    ["1", "Invalid API key · Please run /login", "provider_unreachable", "not logged in"],
    [
      "1",
      "error: connect ECONNREFUSED 127.0.0.1:1",
      "provider_unreachable",
      "could not be reached",
    ],
    ["127", "sh: claude: not found", "request_rejected", "command not found"],
    ["126", "sh: ./x: Permission denied", "request_rejected", "not executable"],
    ["134", "FATAL ERROR: JavaScript heap out of memory", "retry_exhausted", "out of memory"],
    ["137", "Killed", "retry_exhausted", "exit code 137, a shell's word for SIGKILL"],
  ])("with exit code %s and %j is told as %s (%s)", async (code, said, failureCode, hint) => {
    bench = await WorkerBench.start({ jobs: { "rpi.run": { command: agent("say", code, said) } } });
    const { failure } = await bench.run("rpi.run", { goal: "g" });
    expect(failure?.code).toBe(failureCode);
    expect(failure?.message).toContain(hint);
  });

  it("is told as not found when there is no such program", async () => {
    bench = await WorkerBench.start({ jobs: { "rpi.run": { command: ["no-such-agent-here"] } } });
    const { failure, attempt } = await bench.run("rpi.run", { goal: "g" });
    expect(failure?.message).toMatch(/^no-such-agent-here: command not found \(/);
    expect(attempt).toBe(1);
  });

  it("is told as not executable when its file is not", async () => {
    bench = await WorkerBench.start({ jobs: { "rpi.run": { command: ["./agent.sh"] } } });
    writeFileSync(join(bench.root, "agent.sh"), "#!/bin/sh\n");
    chmodSync(join(bench.root, "agent.sh"), 0o644);
    const { failure } = await bench.run("rpi.run", { goal: "g" });
    expect(failure?.message).toMatch(/^agent.sh: not executable \(/);
  });

  it("is stopped at its timeout with everything it started", async () => {
    bench = await WorkerBench.start({
      jobs: { "rpi.run": { command: agent("family", "deaf"), timeout_s: 1, grace_s: 0.2 } },
    });
    const job = await bench.run("rpi.run", { goal: "g" });
    expect(job.failure).toMatchObject({ code: "lost", retryable: true });
    expect(job.failure?.message).toContain("stopped after its timeout of 1 s");
    expect((await bench.pids()).filter(isAlive)).toEqual([]);
  });

  it("fails when its payload lacks what the prompt asks for", async () => {
    bench = await WorkerBench.start({
      jobs: { "rpi.run": { command: agent("echo"), prompt: "Do {goal} in {payload.where}" } },
    });
    const { failure } = await bench.run("rpi.run", { goal: "g" });
    expect(failure?.message).toContain("asks for payload.where, which this job does not have");
  });
});

describe("an agent that was killed", () => {
  it("is tried again with the transcript and the session of the attempt before", async () => {
    bench = await WorkerBench.start({
      jobs: {
        "rpi.run": {
          command: agent("die", "2"),
          resume_command: agent("die", "2", "--resume", "{previous_session_id}"),
        },
      },
    });
    const job = await bench.run("rpi.run", { goal: "g" });
    expect(job).toMatchObject({ status: "completed", attempt: 2 });
    const seen = JSON.parse(await bench.text(job, "seen.json"));
    expect(seen).toMatchObject({ attempt: 2, previous: { attempt: 1, session_id: "session-1" } });
    expect(seen.previous.failure).toContain("killed by SIGKILL");
    expect(seen.prompt).toContain("Attempt 1 of this job ended early");
    expect(existsSync(seen.previous.transcript_path)).toBe(true);
    const env = JSON.parse(await bench.text(job, "environment.json"));
    expect(env).toMatchObject({
      KEELSON_ATTEMPT: "2",
      KEELSON_PREVIOUS_TRANSCRIPT: seen.previous.transcript_path,
      KEELSON_PREVIOUS_SESSION_ID: "session-1",
    });
    expect(await bench.text(job, "attempt_1_transcript")).toContain("session-1");
  });

  it("is never taken for one that finished, and ends as exhausted", async () => {
    bench = await WorkerBench.start({ jobs: { "rpi.run": { command: agent("die", "9") } } });
    const job = await bench.run("rpi.run", { goal: "g" });
    expect(job).toMatchObject({ status: "failed", attempt: 3 });
    expect(job.failure?.code).toBe("retry_exhausted");
    expect(job.failure?.message).toContain("killed by SIGKILL");
  });

  it("fails at once where the configuration says so", async () => {
    bench = await WorkerBench.start({
      jobs: { "rpi.run": { command: agent("die", "9"), retry_on: [] } },
    });
    const job = await bench.run("rpi.run", { goal: "g" });
    expect(job).toMatchObject({ attempt: 1, failure: { code: "lost" } });
  });
});

describe("what an agent says", () => {
  it("is kept from both ends when it is too much", async () => {
    bench = await WorkerBench.start({
      jobs: { "rpi.run": { command: agent("flood", "3000"), transcript_max_bytes: 65_536 } },
    });
    const job = await bench.run("rpi.run", { goal: "g" });
    const transcript = await bench.text(job, "transcript");
    expect(transcript.length).toBeLessThanOrEqual(65_536);
    expect(transcript).toMatch(/^the beginning\n/);
    expect(transcript).toMatch(/\nthe end\n$/);
    const cut = Number(/… (\d+) bytes of this transcript were cut/.exec(transcript)?.[1]);
    const marker = /\n\[…[^\n]*\]\n/.exec(transcript)?.[0] ?? "";
    const said = "the beginning\n".length + 3000 * 1024 + "the end\n".length;
    expect(Buffer.byteLength(transcript) - Buffer.byteLength(marker) + cut).toBe(said);
  });

  it("holds no secret: not in the transcript, the failure, a file or the ledger", async () => {
    bench = await WorkerBench.start({
      jobs: {
        "rpi.run": { command: agent("leak", "secret.txt"), env: { pass: ["AGENT_API_KEY"] } },
      },
      env: { AGENT_API_KEY: "sk-agent-0123456789" },
      secrets: [SECRET],
    });
    writeFileSync(join(bench.root, "secret.txt"), SECRET);
    const job = await bench.run("rpi.run", { goal: "g" });
    const transcript = await bench.text(job, "transcript");
    expect(transcript).toContain("token [redacted] was printed");
    expect(transcript).toContain('{"key":"[redacted]"}');
    expect(await bench.text(job, "notes.txt")).toBe("it is [redacted]");
    expect(JSON.stringify(job)).not.toContain(SECRET);
    expect(JSON.stringify(job)).toContain("[redacted] was printed");
  });

  it("is readable while it runs, by its owner alone, under the name the job gives", async () => {
    bench = await WorkerBench.start({ jobs: { "rpi.run": { command: agent("family") } } });
    const id = await bench.submit("rpi.run", { goal: "g" });
    await bench.pids();
    const path = join(bench.root, (await bench.job(id)).artifacts?.["attempt_1_transcript"] ?? "");
    expect(path).toMatch(/transcripts\/.*\/attempt-1\.log$/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await eventually(
      async () => (await bench.job(id)).artifacts?.["session_id"] === "family-session" || undefined,
    );
  });
});
