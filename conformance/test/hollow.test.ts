/** Nothing passes for free: what a daemon that does nothing may still be credited with, by name. */
import { describe, expect, it } from "vitest";
import { type Report, runConformance, Unreachable } from "../src/conformance.ts";
import { REQUIREMENTS, type RequirementId } from "../src/requirements.ts";
import { FLAWS } from "./reference/flaws.ts";
import { HOLLOW, hollowLauncher, startHollow } from "./reference/hollow.ts";

type Hollow = keyof typeof HOLLOW;

const ANSWER_MS_MAX = 400;
const WELL: readonly RequirementId[] = [
  "observe:health:answers",
  "observe:health:broken-ledger",
  "observe:answers:json-content-type",
  "observe:bodies:match-contract",
];

/** What each of them does right, and nothing beyond it. */
const CREDIT: Readonly<Record<Hollow, readonly RequirementId[]>> = {
  "says {} to everything": [
    "observe:reads:need-no-token",
    "observe:answers:json-content-type",
    "observe:reads:change-nothing",
    "project:answers:json-content-type",
    "project:reads:need-no-token",
  ],
  "is a web page": [
    "observe:reads:need-no-token",
    "observe:reads:change-nothing",
    "project:reads:need-no-token",
  ],
  "accepts everything with {}": [
    ...WELL,
    "enqueue:auth:header-token",
    "enqueue:auth:bearer-token",
    "enqueue:lists:are-arrays",
    "execute:lists:are-arrays",
    "project:trigger:allowed-types",
  ],
  "finds nothing": WELL,
  "refuses everything": WELL,
  "fails at everything": WELL,
  "closes connections": WELL,
  "sends half an answer": WELL,
  "never answers": ["observe:health:answers"],
  "answers a byte at a time": ["observe:health:answers"],
};

function having(report: Report, outcome: string): readonly RequirementId[] {
  return report.requirements.filter((each) => each.outcome === outcome).map(({ id }) => id);
}

describe.concurrent("a daemon that", () => {
  it.for(Object.keys(HOLLOW) as Hollow[])("%s is credited with next to nothing", async (name) => {
    const start = hollowLauncher(HOLLOW[name]);
    const report = await runConformance({ start, answerMsMax: ANSWER_MS_MAX });
    expect(having(report, "passed").toSorted()).toEqual(CREDIT[name].toSorted());
    expect(report.levels.map(({ verdict }) => verdict)).not.toContain("conformant");
    for (const { id, outcome, assertions } of report.scenarios) {
      if (outcome === "passed") expect(assertions, id).toBeGreaterThan(0);
    }
  });

  it("hangs is given up after a few requests, and the report says so", async () => {
    const start = hollowLauncher(HOLLOW["never answers"]);
    const report = await runConformance({ start, answerMsMax: ANSWER_MS_MAX });
    expect(report.requests).toBeLessThan(20);
    const reasons = new Set(report.scenarios.map(({ reason }) => reason));
    expect(reasons).toContain("not tried: the daemon had let too many requests hang");
    expect([...reasons].join()).toContain(`no whole answer within ${ANSWER_MS_MAX} ms`);
  });

  it("is not there, hangs at once or closes at once cannot be judged at all", async () => {
    await expect(runConformance({ url: "http://127.0.0.1:1" })).rejects.toThrow(Unreachable);
    for (const listener of [
      () => undefined,
      ({ socket }: { socket: { destroy(): void } }) => socket.destroy(),
    ]) {
      const { url, stop } = await startHollow(listener);
      const judging = runConformance({ url, answerMsMax: ANSWER_MS_MAX });
      await expect(judging).rejects.toThrow(/does not answer/);
      await stop();
    }
  });
});

/** Requirements that some flawed or hollow daemon fails: the others would be decoration. */
describe("every requirement", () => {
  it("can be failed", async () => {
    const start = hollowLauncher(HOLLOW["says {} to everything"]);
    const hollow = having(await runConformance({ start }), "failed");
    const flawed: readonly RequirementId[] = Object.values(FLAWS).flatMap(({ breaks }) => [
      ...breaks,
    ]);
    const never = REQUIREMENTS.filter(({ id }) => !hollow.includes(id) && !flawed.includes(id));
    expect(never.map(({ id }) => id)).toEqual([]);
  });
});
