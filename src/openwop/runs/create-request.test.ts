import { describe, expect, it } from "vitest";
import { bodyProblem } from "../body-problem.ts";
import { CREATE_RUN, createProblem, OPTIONS_OVERLAY } from "./create-request.ts";

const ASKER = { isTestKey: false, mockProviders: ["stream-text"] };
const body = (rest: object) => ({ workflowId: "w", ...rest });

describe("the body of a run create", () => {
  it.each([
    [{}],
    [{ inputs: { a: { b: [1, null] } }, tags: ["x"], metadata: { team: "blue" } }],
    [{ configurable: { recursionLimit: 1, temperature: 2, runTimeoutMs: 1, mine: "passes" } }],
    [{ tenantId: "local", scopeId: "s", callbackUrl: "https://example.org/hook" }],
  ])("may be %j", (rest) => {
    expect(bodyProblem(CREATE_RUN, body(rest))).toBeUndefined();
    expect(createProblem(body(rest), ASKER)).toBeUndefined();
  });

  it.each([
    [{ workflowId: "" }, "workflowId"],
    [{ workflowId: 3 }, "workflowId"],
    [{ speed: "fast" }, "speed"],
    [{ inputs: [] }, "inputs"],
    [{ configurable: { recursionLimit: 0 } }, "configurable.recursionLimit"],
    [{ configurable: { recursionLimit: "3" } }, "configurable.recursionLimit"],
    [{ configurable: { runTimeoutMs: 0 } }, "configurable.runTimeoutMs"],
    [{ configurable: { temperature: 2.1 } }, "configurable.temperature"],
    [{ configurable: { escalationThreshold: -0.1 } }, "configurable.escalationThreshold"],
    [{ configurable: { mockProvider: { id: "x", more: 1 } } }, "configurable.mockProvider.more"],
    [{ tags: Array.from({ length: 101 }, () => "t") }, "tags"],
    [{ tags: ["x".repeat(257)] }, "tags.0"],
    [{ tags: [""] }, "tags.0"],
  ])("may not be %j", (rest, field) => {
    expect(bodyProblem(CREATE_RUN, body(rest))).toMatchObject({
      code: "validation_error",
      details: { field },
    });
  });

  it("needs a workflow", () => {
    expect(bodyProblem(CREATE_RUN, {})?.message).toBe("workflowId is required");
  });

  it("carries metadata of 8 KiB and four levels at the most", () => {
    const filled = (length: number) => ({ metadata: { text: "x".repeat(length) } });
    const around = JSON.stringify(filled(0).metadata).length;
    expect(createProblem(body(filled(8192 - around)), ASKER)).toBeUndefined();
    expect(createProblem(body(filled(8193 - around)), ASKER)?.details).toEqual({
      field: "metadata",
    });
    expect(createProblem(body({ metadata: { a: { b: { c: 1 } } } }), ASKER)).toBeUndefined();
    const deep = { metadata: { a: { b: { c: { d: { e: 1 } } } } } };
    expect(createProblem(body(deep), ASKER)?.message).toContain("nested");
  });

  it("asks for mock providers with a test key alone, and for known ones", () => {
    const mocked = (id: string) => body({ configurable: { mockProvider: { id } } });
    expect(createProblem(mocked("stream-text"), ASKER)?.code).toBe("mock_provider_forbidden");
    const tester = { ...ASKER, isTestKey: true };
    expect(createProblem(mocked("stream-text"), tester)).toBeUndefined();
    expect(createProblem(mocked("gpt"), tester)).toMatchObject({
      code: "unsupported_mock_provider",
      details: { supported: ["stream-text"] },
    });
  });
});

describe("the overlay of a branch", () => {
  it("cannot name another workflow", () => {
    expect(bodyProblem(OPTIONS_OVERLAY, { inputs: { a: 1 } })).toBeUndefined();
    expect(bodyProblem(OPTIONS_OVERLAY, { workflowId: "w" })?.details).toEqual({
      field: "workflowId",
    });
  });
});
