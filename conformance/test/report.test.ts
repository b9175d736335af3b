/** What the four reports say about a run, also when the daemon's texts are hostile. */
import { beforeAll, describe, expect, it } from "vitest";
import {
  htmlReport,
  jsonReport,
  junitReport,
  type Launcher,
  type Report,
  runConformance,
  terminalReport,
} from "../src/conformance.ts";
import { startHollow } from "./reference/hollow.ts";
import { referenceLauncher } from "./reference/launcher.ts";
import { elementsOf } from "./xml.ts";

const TOKEN = "s3cret-token-of-the-daemon";
const HOSTILE = `</pre><script>alert("1")</script>]]>&amp;'\u0000\u001b]0;owned\u0007\u001b[2J\ud800`;
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;

/** Says everything wrong, with markup in it, and repeats whatever token it was shown. */
const hostile: Launcher = () =>
  startHollow((request, response) => {
    request.resume();
    const token = request.headers["x-agentops-daemon-token"] ?? request.headers.authorization;
    const error = `${HOSTILE} ${String(token)}`;
    response.writeHead(418, { "content-type": "application/json", allow: HOSTILE.slice(0, 20) });
    response.end(JSON.stringify({ error, [TOKEN]: HOSTILE }));
  }).then((running) => ({ ...running, token: () => TOKEN }));

interface Reports {
  readonly report: Report;
  readonly terminal: string;
  readonly json: string;
  readonly junit: string;
  readonly html: string;
}

async function reportsOf(start: Launcher, only: readonly string[]): Promise<Reports> {
  const report = await runConformance({ start, only });
  return {
    report,
    terminal: terminalReport(report, { colour: false }),
    json: jsonReport(report),
    junit: junitReport(report),
    html: htmlReport(report),
  };
}

describe("reports about a hostile daemon", () => {
  let reports: Reports;

  beforeAll(async () => {
    reports = await reportsOf(hostile, ["observe", "submit", "cancel"]);
  });

  it("show in no form the token that the daemon repeats", () => {
    expect(reports.json).toContain("<token>");
    for (const form of ["terminal", "json", "junit", "html"] as const) {
      expect(reports[form], form).not.toContain(TOKEN);
    }
  });

  it("send a terminal nothing that it would obey", () => {
    expect(reports.terminal).toContain("owned");
    expect(reports.terminal).not.toMatch(CONTROL);
  });

  it("are JSON that reads back, each finding with the exchange that shows it", () => {
    const read = JSON.parse(reports.json) as Report;
    const found = read.requirements.find(({ id }) => id === "observe:health:answers");
    expect(found?.outcome).toBe("failed");
    expect(found?.findings[0]?.exchange).toMatchObject({
      method: "GET",
      path: "/v1/health",
      status: 418,
    });
  });

  it("are XML that is well formed, with a failure per finding", () => {
    const elements = elementsOf(reports.junit);
    const findings = reports.report.scenarios.flatMap((scenario) => scenario.findings);
    expect(elements.filter(({ name }) => name === "failure")).toHaveLength(findings.length);
    expect(elements.filter(({ name }) => name === "testcase")).toHaveLength(
      reports.report.scenarios.length,
    );
    const [root] = elements;
    expect(root?.attributes["tests"]).toBe(String(reports.report.scenarios.length));
    expect(reports.junit).not.toMatch(/<script/);
  });

  it("are a page in which the daemon's markup is text", () => {
    expect(reports.html).toContain("&lt;script&gt;");
    expect(reports.html).not.toMatch(/<script/i);
    expect(reports.html).toContain("default-src 'none'");
    const body = reports.html.replace("<!doctype html>", "").replaceAll(/<(meta[^>]*|br)>/g, "");
    expect(elementsOf(body).some(({ name }) => name === "pre")).toBe(true);
  });
});

describe("reports about a daemon that is right", () => {
  let reports: Reports;

  beforeAll(async () => {
    reports = await reportsOf(referenceLauncher(), ["trigger", "openclaw"]);
  });

  it("count requests and assertions of every scenario", () => {
    const { scenarios, requests, assertions } = reports.report;
    expect(scenarios.reduce((sum, each) => sum + each.requests, 0)).toBe(requests);
    expect(scenarios.reduce((sum, each) => sum + each.assertions, 0)).toBe(assertions);
    for (const { id, requests: asked } of scenarios) {
      expect(reports.terminal).toMatch(
        new RegExp(`pass  ${id} +${asked} requests, \\d+ assertions`),
      );
    }
  });

  it("say what each level is worth, and what is missing where it is not whole", () => {
    expect(reports.terminal).toMatch(/Level 4 Project {2}conformant +26 of 26 requirements passed/);
    expect(reports.terminal).toMatch(/Level 1 Observe {2}partial +2 of \d+ requirements/);
    expect(reports.terminal).toContain("not attempted: no scenario of this run is about it");
  });

  it("are in colour on a terminal alone", () => {
    expect(terminalReport(reports.report, { colour: true })).toContain("\u001b[32m");
    expect(reports.terminal).not.toContain("\u001b");
  });

  it("mark in XML what was not attempted as skipped", async () => {
    const { url, stop } = await startHollow((request, response) => {
      request.resume();
      response.end("{}");
    });
    const report = await runConformance({ url, only: ["trigger/not-ready"] });
    await stop();
    const [skipped, ...more] = elementsOf(junitReport(report)).filter(
      ({ name }) => name === "skipped",
    );
    expect(more).toEqual([]);
    expect(skipped?.attributes["message"]).toContain("--start");
  });

  it("do not show a name and password that stand in the URL", async () => {
    const { url, stop } = await startHollow((_request, response) => response.end("{}"));
    const secret = url.replace("http://", "http://operator:hunter2@");
    const report = await runConformance({ url: secret, only: ["observe/health"] });
    await stop();
    for (const text of [htmlReport(report), jsonReport(report), junitReport(report)]) {
      expect(text).not.toContain("hunter2");
    }
  });
});
