import { cpSync, existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { loadConfig } from "../../src/workers/config.ts";
import { startNotifier } from "../../src/workers/notify.ts";
import { eventually, WorkerBench } from "../support/worker-bench.ts";

const EXAMPLE = join(import.meta.dirname, "..", "..", "examples", "run-agents");

let bench: WorkerBench;
afterEach(() => bench.close());

it("the example's agent dies once, is resumed, reports, and is announced", async () => {
  const root = mkdtempSync(join(tmpdir(), "keelson-example-"));
  for (const name of ["keelson.json", "agent.mjs", "notify.mjs"]) {
    cpSync(join(EXAMPLE, name), join(root, name));
  }
  const { jobs, notify } = loadConfig(join(root, "keelson.json"));
  bench = await WorkerBench.start({ root, jobs });
  const { engine, log } = bench;
  if (notify === undefined) throw new Error("the example notifies nobody");
  const notifier = startNotifier({
    engine,
    config: notify,
    root,
    secrets: [],
    log: (line) => void log.push(line),
  });
  const job = await bench.run("rpi.run", { goal: "Tidy the shed", crash_on: 1 });
  expect(job).toMatchObject({ status: "completed", attempt: 2 });
  const report = await bench.text(job, "report.md");
  expect(report).toMatch(
    /^# Tidy the shed\n\nDone in attempt 2\.\nAttempt 1 ended early: node: killed/,
  );
  expect(await bench.text(job, "transcript")).toContain(`going on with session-of-${job.job_id}`);
  const notifications = join(root, "notifications.log");
  await eventually(() => existsSync(notifications) || undefined);
  await notifier.drain(5000);
  expect(readFileSync(notifications, "utf8")).toBe(`${job.job_id} completed after attempt 2\n`);
  expect(log).toEqual([]);
});
