import { describe, expect, it } from "vitest";
import { createEvaluate, expressionProblem } from "./evaluate.ts";

describe("evaluating by text", () => {
  it("gives the same again, also for more expressions than are kept", () => {
    const evaluate = createEvaluate();
    for (let round = 0; round < 2; round += 1) {
      for (let i = 0; i < 1_100; i += 1) {
        expect(evaluate(`x + ${i}`, { x: round })).toEqual({ ok: true, value: round + i });
      }
    }
  });

  it("answers with a sentence where there is no value", () => {
    const evaluate = createEvaluate();
    const message = "the expression at 1:1 names something that has no value here";
    expect(evaluate("x", {})).toEqual({ ok: false, message });
    expect(evaluate("x", { x: 1 })).toEqual({ ok: true, value: 1 });
    expect(evaluate("x +", {})).toMatchObject({ ok: false });
  });

  it("matches patterns in linear time", () => {
    const evaluate = createEvaluate();
    const subject = "a".repeat(50_000);
    const hostile = evaluate("subject.matches(pattern)", { subject, pattern: "^(a+)+$" });
    expect(hostile).toEqual({ ok: true, value: true });
    expect(evaluate("subject.matches(pattern)", { subject, pattern: "(" })).toMatchObject({
      ok: false,
    });
  });
});

it("says at registration what is no expression", () => {
  expect(expressionProblem("a.b == 1")).toBeUndefined();
  expect(expressionProblem("a.b ==")).toContain("the expression at 1:5 cannot be read");
});
