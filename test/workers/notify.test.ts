import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { parseConfig } from "../../src/workers/config.ts";
import { type Notifier, startNotifier } from "../../src/workers/notify.ts";
import { agent, eventually, NOTIFY, WorkerBench } from "../support/worker-bench.ts";

let bench: WorkerBench;
let notifier: Notifier;
afterEach(async () => {
  await notifier.drain(2000);
  await bench.close();
});

interface Notified {
  readonly id: string;
  readonly status: string;
  readonly stdin: string;
  readonly hasToken: boolean;
}

async function start(notify: object): Promise<void> {
  bench = await WorkerBench.start({ jobs: { "rpi.run": { command: agent("exit", "0") } } });
  const { notify: config } = parseConfig(JSON.stringify({ notify }), "keelson.json");
  if (config === undefined) throw new Error("no notification is configured");
  notifier = startNotifier({
    engine: bench.engine,
    config,
    root: bench.root,
    secrets: [],
    log: (line) => void bench.log.push(line),
  });
}

function notified(): readonly Notified[] {
  const path = join(bench.root, "notified.jsonl");
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Notified);
}

it("runs once for every job that ends, however it ends", async () => {
  await start({ command: [process.execPath, NOTIFY] });
  const done = await bench.run("rpi.run", { goal: "g" });
  const waiting = await bench.submit("dream.run", { goal: "g" });
  await bench.engine.cancel({ job_id: waiting, actor: "tester" });
  await eventually(() => notified().length === 2 || undefined);
  expect(notified()).toContainEqual({
    id: done.job_id,
    status: "completed",
    stdin: "completed",
    hasToken: false,
  });
  expect(notified().map((line) => line.status)).toContain("cancelled");
});

it("runs only for the states it was configured for", async () => {
  await start({ command: [process.execPath, NOTIFY], on: ["cancelled"] });
  await bench.run("rpi.run", { goal: "g" });
  const waiting = await bench.submit("dream.run", { goal: "g" });
  await bench.engine.cancel({ job_id: waiting, actor: "tester" });
  await notifier.drain(10_000);
  expect(notified().map((line) => line.id)).toEqual([waiting]);
});

it("sends what is due before it stops", async () => {
  await start({ command: [process.execPath, NOTIFY] });
  const ids = await Promise.all([1, 2, 3, 4, 5, 6].map(() => bench.submit("dream.run")));
  await Promise.all(ids.map((id) => bench.engine.cancel({ job_id: id, actor: "tester" })));
  await notifier.drain(20_000);
  expect(
    notified()
      .map((line) => line.id)
      .toSorted(),
  ).toEqual(ids.toSorted());
});

it.each([
  [[process.execPath, NOTIFY, "fail"], "exit code 4; it said: no network"],
  [["no-such-notifier"], "could not be started"],
  [[process.execPath, "-e", "setInterval(()=>{},1e3)"], "it took too long"],
])("is logged and harms nothing when it fails: %j", async (command, said) => {
  await start({ command, timeout_s: 0.5 });
  const job = await bench.run("rpi.run", { goal: "g" });
  await eventually(() => bench.log.find((line) => line.includes(said)));
  expect((await bench.job(job.job_id)).status).toBe("completed");
  expect((await bench.run("rpi.run", { goal: "g" })).status).toBe("completed");
});
