/** What the README says about checks, scenarios and numbers is what the data says. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { REQUIREMENTS } from "../src/requirements.ts";
import { SCENARIOS } from "../src/scenarios/all.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const CHECKS = Array.from({ length: 11 }, (_, index) => index + 1);

function requirementsOf(check: number) {
  return REQUIREMENTS.filter(({ source }) => new RegExp(`check ${check}\\b`).test(source));
}

function scenariosOf(check: number): readonly string[] {
  const ids = new Set<string>(requirementsOf(check).map(({ id }) => id));
  return SCENARIOS.filter(({ cites }) => cites.some((id) => ids.has(id))).map(
    ({ id, needs }) => `${needs === "start" ? "▸" : ""}${id}`,
  );
}

describe("the table of the eleven checks", () => {
  it.each(CHECKS)("names the level and every scenario of check %i, and no other", (check) => {
    const row =
      readme.split("\n").find((line) => new RegExp(`^\\| ${check} [a-z]`).test(line)) ?? "";
    const [, , level = "", scenarios = ""] = row.split("|");
    const named = [...scenarios.matchAll(/(▸?)`([^`]+)`/g)].map(([, mark, id]) => `${mark}${id}`);
    expect(named.toSorted()).toEqual(scenariosOf(check).toSorted());
    const levels = new Set(requirementsOf(check).map((each) => String(each.level)));
    expect([...levels]).toEqual([level.trim()]);
  });
});

describe("the numbers", () => {
  it("of requirements and scenarios are those there are", () => {
    expect(readme).toContain(`lists all ${REQUIREMENTS.length}.`);
    expect(readme).toContain(`${SCENARIOS.length} scenarios, `);
    for (const level of [1, 2, 3, 4]) {
      const count = REQUIREMENTS.filter((each) => each.level === level).length;
      expect(readme).toMatch(new RegExp(`Level ${level} \\w+ +conformant +${count} of ${count} `));
    }
  });
});
