import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import {
  type BuildSnapshot,
  createOpenClawSnapshotExecutor,
  snapshotFile,
} from "../../src/workers/openclaw-snapshot.ts";
import { WorkerBench } from "../support/worker-bench.ts";

let bench: WorkerBench;
afterEach(() => bench.close());

async function start(buildSnapshot: BuildSnapshot): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "keelson-snapshot-"));
  const executor = createOpenClawSnapshotExecutor({ root, buildSnapshot });
  bench = await WorkerBench.start({ root, executors: [executor] });
}

function dir(): string {
  return join(bench.root, ".agents/daemon/projections/openclaw");
}

async function* pieces(): AsyncIterable<string> {
  yield '{"snapshot_id":';
  yield '"snap_1"}';
}

describe("an OpenClaw snapshot", () => {
  it("is written under its id and as the latest, for its owner alone", async () => {
    await start(async () => ({ snapshot_id: "snap_1", json: pieces() }));
    const job = await bench.run("openclaw.snapshot");
    expect(job).toMatchObject({
      status: "completed",
      artifacts: {
        snapshot_id: "snap_1",
        snapshot_path: ".agents/daemon/projections/openclaw/snap_1.json",
      },
    });
    expect(readdirSync(dir())).toEqual(["latest.json", "snap_1.json"]);
    for (const name of readdirSync(dir())) {
      expect(readFileSync(join(dir(), name), "utf8")).toBe('{"snapshot_id":"snap_1"}');
      expect(statSync(join(dir(), name)).mode & 0o777).toBe(0o600);
    }
  });

  it("leaves the last one in place when the next cannot be built", async () => {
    let count = 0;
    async function* broken(): AsyncIterable<string> {
      yield "{";
      throw new Error("the view is gone");
    }
    await start(async () => {
      count += 1;
      return { snapshot_id: `snap_${count}`, json: count === 1 ? "{}" : broken() };
    });
    await bench.run("openclaw.snapshot");
    const { failure } = await bench.run("openclaw.snapshot");
    expect(failure).toMatchObject({ code: "projection_degraded", retryable: true });
    expect(failure?.message).toContain("the view is gone");
    expect(readdirSync(dir())).toEqual(["latest.json", "snap_1.json"]);
    expect(readFileSync(join(dir(), "latest.json"), "utf8")).toBe("{}");
  });

  it("is refused for an id that would lead elsewhere", async () => {
    await start(async () => ({ snapshot_id: "../../activation", json: "{}" }));
    const { failure } = await bench.run("openclaw.snapshot");
    expect(failure?.message).toContain('"../../activation" cannot be a file name');
    expect(existsSync(join(bench.root, ".agents/daemon/activation.json"))).toBe(false);
    for (const id of ["", ".", "..", "a/b", "a\\b", "a\0b", "latest"]) {
      expect(snapshotFile(id)).toBeUndefined();
    }
    expect(snapshotFile(`snap_${"x".repeat(5000)}`)?.length).toBeLessThan(200);
  });
});
