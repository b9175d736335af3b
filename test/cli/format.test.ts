import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Job } from "@keelson/client";
import { describe, expect, onTestFinished, test } from "vitest";
import { findToken, secretIn } from "../../src/cli/connection.ts";
import { ago, bytes, duration, plural } from "../../src/cli/format.ts";
import { failureHint } from "../../src/cli/hints.ts";
import { eventLine, jobLines, jobTable } from "../../src/cli/job-view.ts";
import { selfName } from "../../src/cli/process-context.ts";
import { barLine, progressBar } from "../../src/cli/progress.ts";
import { oneLine, shortened, tableLines } from "../../src/cli/table.ts";
import { newestTranscript } from "../../src/cli/verbs/job.ts";
import { countLines } from "../../src/cli/verbs/status.ts";
import { readPayload } from "../../src/cli/verbs/submit.ts";
import { verifyLines } from "../../src/cli/verbs/verify.ts";
import { failureOf } from "../../src/cli/verbs/worker.ts";
import { recordTerminal, testContext } from "./terminal-record.ts";

const NOW = Date.parse("2026-01-02T03:04:05Z");

const JOB: Job = {
  job_id: "job-1",
  job_type: "rpi.run",
  request_id: "req-1",
  status: "running",
  attempt: 1,
  max_attempts: 3,
  created_at: "2026-01-02T03:03:05Z",
  lease_expires_at: "2026-01-02T03:04:50Z",
  payload: { goal: "ship it" },
};

describe("numbers", () => {
  test.each([
    [0, "0 ms"],
    [999.4, "999 ms"],
    [1_000, "1 s"],
    [59_999, "59 s"],
    [250_000, "4 min 10 s"],
    [3_600_000, "1 h"],
    [187_500_000, "2 d 4 h"],
  ])("%d ms reads %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  test.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1536, "1.5 KiB"],
    [20 * 1024 ** 2, "20 MiB"],
  ])("%d bytes read %s", (size, text) => {
    expect(bytes(size)).toBe(text);
  });

  test("counts, plurals and times ago", () => {
    expect(plural(1, "job")).toBe("1 job");
    expect(plural(1234, "job")).toBe("1,234 jobs");
    expect(ago("2026-01-02T03:04:00Z", NOW)).toBe("5 s ago");
    expect(ago(undefined, NOW)).toBe("-");
  });
});

describe("tables", () => {
  test("columns line up also when cells are painted", () => {
    const lines = tableLines(
      [
        ["a", "b"],
        ["\u001b[31mlonger\u001b[39m", "c"],
      ],
      80,
    );
    expect(lines).toEqual(["a       b", "\u001b[31mlonger\u001b[39m  c"]);
  });

  test("the last column is cut to the width of the terminal", () => {
    expect(tableLines([["id", "x".repeat(50)]], 20)).toEqual([`id  ${"x".repeat(15)}…`]);
    expect(shortened("short", 20)).toBe("short");
  });

  test("control characters in somebody's text cannot move the cursor or forge a line", () => {
    expect(oneLine("a\u001b[2Jb\nc\u0000d\u009be")).toBe("a [2Jb c d e");
  });
});

describe("jobs", () => {
  test("a running job shows how long its lease still is", () => {
    const [, row] = jobTable([JOB], recordTerminal(), NOW);
    expect(row).toMatch(/^job-1 +rpi\.run +running +1\/3 +1 min ago +lease for another 45 s$/);
    const late = jobTable([JOB], recordTerminal(), NOW + 60_000)[1];
    expect(late).toContain("lease lapsed 15 s ago");
  });

  test("a failed job shows its failure with a hint, and its artifacts", () => {
    const ref = { path: "blobs/x", sha256: "0", size: 2048, written_at: "2026-01-02T03:04:00Z" };
    const failed: Job = {
      ...JOB,
      status: "failed",
      failure: { code: "request_rejected", message: "agent ended by SIGKILL\nlast line" },
      artifact_refs: { "transcript-1": ref },
      artifacts: { "transcript-1": "blobs/x", branch: "fix/1" },
    };
    const text = jobLines(failed, recordTerminal(), NOW).join("\n");
    expect(text).toContain(
      "agent ended by SIGKILL\n    last line\n    hint: The command was killed",
    );
    expect(text).toMatch(/2 artifacts\n +transcript-1 +2\.0 KiB +blobs\/x\n +branch +fix\/1/);
  });

  test("every failure has a hint, also one of a code that nobody knows", () => {
    expect(failureHint({ code: "lost" })).toContain("worker vanished");
    expect(failureHint({ code: "odd" as "lost" })).toContain("events");
  });

  test("an event is one line whatever is in it", () => {
    const line = eventLine(
      {
        schema_version: 1,
        event_id: "e",
        request_id: "r",
        job_id: "job\n1",
        event_type: "job.failed",
        occurred_at: "2026-01-02T03:04:05Z",
        actor: "a",
        payload: { failure: { code: "lost", message: "two\nlines" } },
      },
      recordTerminal(),
    );
    expect(line).toBe("2026-01-02T03:04:05Z  job.failed          job 1  lost: two lines");
  });

  test("the newest transcript is the one written last", () => {
    const at = (written_at: string) => ({ path: "", sha256: "", size: 0, written_at });
    const refs = {
      "transcript-1": at("2026-01-01T00:00:00Z"),
      "transcript-2": at("2026-01-02T00:00:00Z"),
      report: at("2026-01-03T00:00:00Z"),
    };
    expect(newestTranscript({ artifact_refs: refs })).toBe("transcript-2");
    const current = { ...refs, transcript: at("2026-01-01T00:00:00Z") };
    expect(newestTranscript({ artifact_refs: current })).toBe("transcript");
    expect(newestTranscript({})).toBeUndefined();
  });
});

describe("progress", () => {
  test("a bar shows share and time", () => {
    const line = barLine({ label: "verify", done: 50, total: 100, elapsedMs: 2_000 });
    expect(line).toBe(`verify ${"█".repeat(14)}${"░".repeat(14)}  50%  2 s`);
  });

  test("nothing is drawn where nobody looks", () => {
    const piped = recordTerminal();
    progressBar(piped, "verify").show(1, 2);
    expect(piped.err()).toBe("");
    const live = recordTerminal({ live: true });
    progressBar(live, "verify").show(1, 2);
    expect(live.err()).toContain("50%");
  });
});

describe("answers", () => {
  const context = testContext(recordTerminal());

  test("counts are a table with totals, and an empty queue says what to do", () => {
    const counts = { "rpi.run": { failed: 1, queued: 1200 }, "wiki.forge": { completed: 2 } };
    expect(countLines(counts, context)).toEqual([
      "TYPE        queued  completed  failed  TOTAL",
      "rpi.run     1,200   0          1       1,201",
      "wiki.forge  0       2          0       2",
      "1,203 jobs",
    ]);
    expect(countLines({}, context).join()).toContain("keelson submit openclaw.snapshot");
    expect(countLines(undefined, context).join()).toContain("keelson jobs");
  });

  test("a verification that failed names the differences and the way out", () => {
    const lines = verifyLines(
      {
        ok: false,
        events: 3,
        jobs: 1,
        differences: ['job "a" differs', { job: "b" }],
        corrupt: [{ line_number: 2, error: "not JSON" }],
      },
      context,
    );
    const text = lines.join("\n");
    expect(text).toContain('  job "a" differs\n  {"job":"b"}\n  Make them anew: keelson rebuild');
    expect(text).toContain("line 2 is broken: not JSON\n  Move broken lines aside: keelson repair");
  });
});

describe("arguments", () => {
  test("the payload comes from the line, from standard input, and the goal joins it", async () => {
    const context = { readInput: () => Promise.resolve('{"from":"stdin"}') };
    expect(await readPayload({}, context)).toBeUndefined();
    expect(await readPayload({ goal: "g" }, context)).toEqual({ goal: "g" });
    expect(await readPayload({ payload: '{"a":1}', goal: "g" }, context)).toEqual({
      a: 1,
      goal: "g",
    });
    expect(await readPayload({ payload: "@-" }, context)).toEqual({ from: "stdin" });
  });

  test("a token file holds one token or a list", () => {
    expect(secretIn(" plain \n")).toBe("plain");
    expect(secretIn("")).toBeUndefined();
    expect(secretIn("{broken")).toBeUndefined();
  });

  test("the root's own token is sent to this machine only", () => {
    const root = mkdtempSync(join(tmpdir(), "keelson-token-"));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    mkdirSync(join(root, ".agents/daemon"), { recursive: true });
    writeFileSync(join(root, ".agents/daemon/token"), "local-secret");
    const globals = { json: false, root, rootGiven: true };
    for (const url of ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"]) {
      expect(findToken(globals, {}, url)).toBe("local-secret");
    }
    for (const url of ["http://example.org", "http://127.0.0.1.example.org", "http://10.0.0.1"]) {
      expect(findToken(globals, {}, url)).toBeUndefined();
    }
    const env = { KEELSON_TOKEN: "first", AGENTOPSD_TOKEN: "second" };
    expect(findToken(globals, env, "http://example.org")).toBe("first");
  });

  test("the program calls itself the way it was called", () => {
    expect(selfName("/checkout/src/cli/main.ts")).toBe("npm run -s keelson --");
    expect(selfName("/usr/bin/keelson")).toBe("keelson");
  });

  test("a worker's command that died is not one that failed", () => {
    const end = { code: undefined, signal: undefined, startError: undefined, output: "a\nb\n" };
    expect(failureOf("agent", { ...end, code: 3 })).toMatchObject({
      code: "request_rejected",
      retryable: false,
      message: "agent ended with exit code 3\na\nb",
    });
    expect(failureOf("agent", { ...end, signal: "SIGKILL" })).toMatchObject({
      code: "lost",
      retryable: true,
    });
    const startError = new Error("spawn agent ENOENT");
    expect(failureOf("agent", { ...end, startError }).message).toContain("cannot start agent");
  });
});
