import { describe, expect, it } from "vitest";
import { systemClock } from "./clock.ts";
import { isNoSpace } from "./disk.ts";
import { err, ok } from "./result.ts";

describe("the machine's clock", () => {
  it("runs a task once, and not one that was called off", async () => {
    const ran: string[] = [];
    systemClock.after(0, () => ran.push("called off")).cancel();
    // A longest delay that wrapped around would fire at once, before the next one.
    const far = systemClock.after(Number.MAX_SAFE_INTEGER, () => ran.push("in a far future"));
    await new Promise<void>((resolve) => {
      const keepAlive = setInterval(() => undefined, 1_000);
      systemClock.after(5, () => {
        clearInterval(keepAlive);
        ran.push("due");
        resolve();
      });
    });
    far.cancel();
    expect(ran).toEqual(["due"]);
  });

  it("never steps back in its monotonic time", () => {
    let last = systemClock.monotonic();
    for (let i = 0; i < 1_000; i += 1) {
      const next = systemClock.monotonic();
      expect(next).toBeGreaterThanOrEqual(last);
      last = next;
    }
  });
});

describe("isNoSpace", () => {
  it("knows a full disk and a used-up quota by their codes", () => {
    const thrown = (code: string): Error => Object.assign(new Error("write"), { code });
    expect(["ENOSPC", "EDQUOT", "EIO"].map((code) => isNoSpace(thrown(code)))).toEqual([
      true,
      true,
      false,
    ]);
    expect(isNoSpace(new Error("ENOSPC"))).toBe(false);
    expect(isNoSpace({ code: "ENOSPC" })).toBe(false);
  });
});

it("tells a value from a reason", () => {
  expect(ok(1)).toEqual({ ok: true, value: 1 });
  expect(err("no")).toEqual({ ok: false, error: "no" });
});
