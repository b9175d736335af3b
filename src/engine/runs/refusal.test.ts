import { describe, expect, it } from "vitest";
import type { RunEngine } from "./engine.ts";
import { noRun, noWorkflow, refuse } from "./refusal.ts";

describe("a refusal", () => {
  it("of a run says the same whatever was asked for", () => {
    const answer: Awaited<ReturnType<RunEngine["cancel"]>> = noRun();
    expect(answer).toEqual({
      ok: false,
      error: { code: "not_found", message: "there is no such run" },
    });
  });

  it("names the workflow that is missing", () => {
    expect(noWorkflow("w").error).toMatchObject({ code: "workflow_not_found" });
    expect(noWorkflow("w").error.message).toContain('"w"');
  });

  it("has details only where there are some", () => {
    expect(refuse("conflict", "no").error).toEqual({ code: "conflict", message: "no" });
    expect(refuse("conflict", "no", { a: 1 }).error.details).toEqual({ a: 1 });
  });
});
