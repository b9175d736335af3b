/** The kit judges the daemon of this repository, started from its source. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isConformant, type Report, runConformance } from "../src/conformance.ts";
import { SCENARIOS } from "../src/scenarios/all.ts";
import { Daemon } from "../src/target/daemon.ts";
import { Connections } from "../src/target/http.ts";
import { commandLauncher } from "../src/target/process.ts";

const START =
  `${process.execPath} src/cli/main.ts up --root {root} --addr 127.0.0.1:{port} ` +
  "--token-file {token_file}";

function verdicts(report: Report): readonly string[] {
  return report.levels.map(({ level, verdict }) => `${level} ${verdict}`);
}

describe("our daemon, started and killed by the kit", () => {
  let report: Report;
  const begun: string[] = [];

  beforeAll(async () => {
    report = await runConformance({
      start: START,
      onProgress: ({ scenario }) => {
        if (scenario !== undefined) begun.push(scenario);
      },
    });
  });

  it("is conformant on all four levels", () => {
    const failed = report.requirements.filter(({ outcome }) => outcome !== "passed");
    expect(failed).toEqual([]);
    expect(verdicts(report)).toEqual([
      "1 conformant",
      "2 conformant",
      "3 conformant",
      "4 conformant",
    ]);
    expect(isConformant(report)).toBe(true);
  });

  it("was asked and judged by every scenario", () => {
    expect(report.scenarios.map(({ id }) => id)).toEqual(SCENARIOS.map(({ id }) => id));
    for (const { id, outcome, requests, assertions } of report.scenarios) {
      expect({ id, outcome }).toEqual({ id, outcome: "passed" });
      expect(requests, id).toBeGreaterThan(0);
      expect(assertions, id).toBeGreaterThan(0);
    }
    expect(begun.toSorted()).toEqual(SCENARIOS.map(({ id }) => id).toSorted());
  });

  it("was held against every requirement at least once", () => {
    for (const { id, assertions } of report.requirements) {
      expect(assertions, id).toBeGreaterThan(0);
    }
  });
});

describe("our daemon behind a URL", () => {
  const connections = new Connections(30_000);
  let folder: string;
  let daemon: Daemon;
  let report: Report;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "conform-url-"));
    daemon = new Daemon({
      launcher: commandLauncher(START, ""),
      root: join(folder, "root"),
      connections,
    });
    await daemon.prepare("");
    await daemon.start();
    report = await runConformance({ url: daemon.endpoint.url, token: daemon.endpoint.token });
  });

  afterAll(async () => {
    await daemon.stop();
    connections.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("fails nothing, and the levels say what a URL cannot show", () => {
    expect(report.levels.flatMap(({ failed }) => failed)).toEqual([]);
    expect(verdicts(report)).toEqual(["1 partial", "2 partial", "3 partial", "4 partial"]);
    for (const { gaps } of report.levels) {
      expect(gaps.map(({ reason }) => reason)).toEqual([
        "needs a command that starts the daemon (--start)",
      ]);
    }
    expect(isConformant(report)).toBe(false);
  });

  it("was claimed from, renewed, completed, failed and let lapse over the routes for workers", () => {
    const leases = report.scenarios.filter(({ id }) => /^(?:leases|lapses)\//.test(id));
    expect(leases.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual([
      "leases/claimed passed",
      "leases/outcomes passed",
      "leases/released passed",
      "leases/race passed",
      "leases/fences passed",
      "lapses/reclaim passed",
    ]);
  });

  it("keeps no queued job of the kit's", async () => {
    const status = await fetch(new URL("/v1/jobs?status=queued", daemon.endpoint.url));
    expect(await status.json()).toMatchObject({ jobs: [] });
  });
});
