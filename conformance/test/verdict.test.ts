/** What may be said of a requirement and of a level after what was, and was not, asserted. */
import { describe, expect, it } from "vitest";
import { LEVELS, REQUIREMENTS, type RequirementId } from "../src/requirements.ts";
import { reportScenario, runScenario } from "../src/run.ts";
import type { Scenario } from "../src/scenario.ts";
import { SCENARIOS } from "../src/scenarios/all.ts";
import { Connections } from "../src/target/http.ts";
import { NotAttempted, Stop, type Trial } from "../src/trial.ts";
import { judgeLevels, judgeRequirements } from "../src/verdict.ts";
import { type Workshop, workshop } from "../src/workshop.ts";

const ID: RequirementId = "observe:health:answers";
const ALL = LEVELS.map(({ level }) => level);

function bench(): Workshop {
  const connections = new Connections(1_000);
  return workshop({ url: "http://127.0.0.1:1", token: "", connections }, undefined);
}

function scenario(run: (trial: Trial) => void, needs: Scenario["needs"] = "url"): Scenario {
  return {
    id: "made/up",
    title: "a scenario of this test",
    cites: [ID],
    needs,
    run: async (trial) => run(trial),
  };
}

async function judged(
  made: Scenario,
): Promise<{ outcome: string; requirement: string; why: string }> {
  const run = await runScenario(made, bench());
  const requirement = judgeRequirements([run], ALL).find(({ id }) => id === ID);
  return {
    outcome: reportScenario(run).outcome,
    requirement: requirement?.outcome ?? "missing",
    why: requirement?.reason ?? requirement?.findings[0]?.message ?? "",
  };
}

describe("a scenario", () => {
  it.for([
    ["asserts nothing", () => undefined, "not attempted", "not attempted", "asserted nothing"],
    ["asserts what holds", (trial) => trial.holds(ID, true, "it is"), "passed", "passed", ""],
    [
      "asserts what does not",
      (trial) => trial.holds(ID, false, "it is"),
      "failed",
      "failed",
      "it is",
    ],
    [
      "ends where it can go no further, before it asserted anything",
      () => {
        throw new Stop("the ground is missing");
      },
      "not attempted",
      "not attempted",
      "the ground is missing",
    ],
    [
      "finds nothing to work with",
      () => {
        throw new NotAttempted("no routes for workers");
      },
      "not attempted",
      "not attempted",
      "no routes for workers",
    ],
    [
      "breaks off after an assertion that held",
      (trial) => {
        trial.holds(ID, true, "it is");
        throw new TypeError("something unforeseen");
      },
      "error",
      "failed",
      "something unforeseen",
    ],
    [
      "asserts about a requirement that it does not cite",
      (trial) => trial.holds("observe:ready:clean-ledger", true, "it is"),
      "error",
      "failed",
      "does not cite",
    ],
  ] as readonly (readonly [string, (trial: Trial) => void, string, string, string])[])(
    "that %s",
    async ([, run, outcome, requirement, why]) => {
      const said = await judged(scenario(run));
      expect(said).toMatchObject({ outcome, requirement });
      expect(said.why).toContain(why);
    },
  );

  it("that needs a start command is not attempted without one", async () => {
    const never = scenario(() => {
      throw new Error("must not run");
    }, "start");
    expect(await judged(never)).toMatchObject({ outcome: "not attempted" });
  });
});

describe("a level", () => {
  async function verdictOfLevelOne(
    hold: (id: RequirementId) => boolean | undefined,
  ): Promise<string> {
    const mine = REQUIREMENTS.filter(({ level }) => level === 1).map(({ id }) => id);
    const run = await runScenario(
      {
        ...scenario(() => undefined),
        cites: mine,
        run: async (trial) => {
          for (const id of mine) {
            const ok = hold(id);
            if (ok !== undefined) trial.holds(id, ok, "as told");
          }
        },
      },
      bench(),
    );
    return judgeLevels(judgeRequirements([run], [1]), [1])[0]?.verdict ?? "";
  }

  it("is conformant when each of its requirements was asserted and none failed", async () => {
    expect(await verdictOfLevelOne(() => true)).toBe("conformant");
  });

  it("is partial when one failed, or one was never asserted", async () => {
    expect(await verdictOfLevelOne((id) => id !== ID)).toBe("partial");
    expect(await verdictOfLevelOne((id) => (id === ID ? undefined : true))).toBe("partial");
  });

  it("is not attempted when nothing was", async () => {
    expect(await verdictOfLevelOne(() => undefined)).toBe("not attempted");
  });
});

describe("requirements and scenarios as data", () => {
  it("have ids of their own, in the form `area:subject:condition` and `group/name`", () => {
    const ids = [...REQUIREMENTS, ...SCENARIOS].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, level } of REQUIREMENTS) {
      expect(id).toMatch(/^(?:observe|enqueue|execute|project):[a-z-]+:[a-z0-9-]+$/);
      expect(id.split(":")[0]).toBe(
        LEVELS.find((each) => each.level === level)?.name.toLowerCase(),
      );
    }
    for (const { id } of SCENARIOS) expect(id).toMatch(/^[a-z-]+\/[a-z-]+$/);
  });

  it("leave no requirement without a scenario, and no scenario without a requirement", () => {
    const cited = new Set(SCENARIOS.flatMap(({ cites }) => cites));
    expect(REQUIREMENTS.filter(({ id }) => !cited.has(id))).toEqual([]);
    expect(SCENARIOS.filter(({ cites }) => cites.length === 0)).toEqual([]);
  });
});
