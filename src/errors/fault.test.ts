import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "./codes.ts";
import { Fault, isFault, messageOf } from "./fault.ts";
import { BrokenInvariant, invariant } from "./invariant.ts";
import { rejection } from "./rejection.ts";

describe("Fault", () => {
  it("carries code, message, cause and outcome, and is an error like any other", () => {
    const cause = new Error("ENOSPC");
    const fault = new Fault("no_space", "disk full", { cause, outcome: "unknown" });
    expect(fault).toBeInstanceOf(Error);
    expect(fault).toMatchObject({ name: "Fault", code: "no_space", outcome: "unknown", cause });
    expect(String(fault)).toBe("Fault: disk full");
  });

  it("says that nothing was done unless told otherwise, and invents no cause", () => {
    const fault = new Fault("overloaded", "busy");
    expect(fault.outcome).toBe("not-done");
    expect(fault.details).toEqual({});
    expect("cause" in fault).toBe(false);
  });

  it("is known by its brand, so a subclass or a second copy passes and a lookalike does not", () => {
    class DiskFault extends Fault {}
    const copy = { [Symbol.for("keelson.fault")]: true };
    expect(new DiskFault("no_space", "x")).toBeInstanceOf(DiskFault);
    expect([new DiskFault("no_space", "x"), copy].map(isFault)).toEqual([true, true]);
    const lookalike = { name: "Fault", code: "no_space", outcome: "not-done" };
    expect([lookalike, new Error("x"), null, undefined, "Fault"].map(isFault)).toEqual(
      Array.from({ length: 5 }, () => false),
    );
  });
});

describe("messageOf", () => {
  it("reads anything that can be thrown", () => {
    const thrown = [new Error("a"), "b", 3, null, undefined];
    expect(thrown.map(messageOf)).toEqual(["a", "b", "3", "null", "undefined"]);
  });
});

describe("invariant", () => {
  it("is silent when it holds and says what broke when it does not", () => {
    expect(() => invariant(true, "fine")).not.toThrow();
    expect(() => invariant(false, "epoch fell")).toThrow(new BrokenInvariant("epoch fell"));
  });

  it("is no fault: nobody may answer it and go on", () => {
    expect(isFault(new BrokenInvariant("x"))).toBe(false);
    expect(new BrokenInvariant("x").name).toBe("BrokenInvariant");
  });
});

describe("rejection", () => {
  it("is plain data without empty details", () => {
    expect(rejection("job_not_found", "no")).toEqual({ code: "job_not_found", message: "no" });
    expect(Object.keys(rejection("job_not_found", "no"))).toEqual(["code", "message"]);
    const details = { status: "failed" };
    expect(rejection("job_terminal", "no", details)).toHaveProperty("details", details);
  });
});

describe("the catalogue", () => {
  const entries = Object.entries(ERROR_CODES);

  it.each(entries)(
    "%s is in snake case and says in sentences what it means and what to do",
    (code, entry) => {
      expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(entry.means).toMatch(/^\S.*\.$/);
      expect(entry.fix).toMatch(/^\S.*\.$/);
      expect(`${entry.means} ${entry.fix}`).not.toMatch(/\b[45]\d\d\b/);
    },
  );

  it("has every family", () => {
    expect(new Set(entries.map(([, { family }]) => family))).toEqual(
      new Set(["input", "rejection", "fault"]),
    );
  });
});
