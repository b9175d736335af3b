import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holds } from "../../../test/support/property.ts";
import { admit, type Breaker, CLOSED, record } from "./breaker.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function failing(times: number, from = 0, breaker: Breaker = CLOSED): Breaker {
  let state = breaker;
  for (let i = 0; i < times; i += 1) state = record(state, "failure", from + i);
  return state;
}

describe("the breaker", () => {
  it("lets deliveries out while it is closed, and after a success counts anew", () => {
    const three = failing(3);
    expect(admit(three, 10).admitted).toBe(true);
    const again = failing(3, 100, record(three, "success", 50));
    expect(again.phase).toBe("closed");
  });

  it("opens after four failures in a row, for an hour", () => {
    const open = failing(4);
    expect(open).toMatchObject({ phase: "open", until: 3 + HOUR });
    expect(admit(open, 3 + HOUR - 1)).toEqual({ admitted: false, breaker: open });
  });

  it("then lets out one probe alone, whose end decides", () => {
    const now = 3 + HOUR;
    const { admitted, breaker: half } = admit(failing(4), now);
    expect({ admitted, phase: half.phase }).toEqual({ admitted: true, phase: "half-open" });
    expect(admit(half, now + 1).admitted).toBe(false);
    expect(record(half, "success", now + 2)).toMatchObject({ phase: "closed", inARow: 0 });
    expect(record(half, "failure", now + 2)).toMatchObject({
      phase: "open",
      until: now + 2 + HOUR,
    });
  });

  it("gives up a probe that never comes back", () => {
    const now = 3 + HOUR;
    const { breaker: half } = admit(failing(4), now);
    expect(admit(half, now + 59_999).admitted).toBe(false);
    expect(admit(half, now + 60_000).admitted).toBe(true);
  });

  it("counts what was under way when it opened, without prolonging the hour", () => {
    const open = failing(4);
    const late = record(record(open, "failure", 100), "success", 101);
    expect(late).toMatchObject({ phase: "open", until: open.until });
    expect(late.failures).toHaveLength(5);
  });

  it("fails the subscription after a hundred failures within seven days", () => {
    let breaker: Breaker = CLOSED;
    for (let i = 0; i < 99; i += 1) {
      breaker = record(record(breaker, "failure", i), "success", i);
    }
    expect(breaker.phase).toBe("closed");
    const failed = record(breaker, "failure", 99);
    expect(failed.phase).toBe("failed");
    expect(admit(failed, 99 * DAY).admitted).toBe(false);
    expect(record(failed, "success", 100).phase).toBe("failed");
    const later = record(breaker, "failure", 7 * DAY + 98);
    expect(later.phase).toBe("closed");
    expect(later.failures).toHaveLength(1);
  });

  it("keeps to its rules whatever comes", () => {
    const input = fc.record({
      ms: fc.oneof(fc.nat(1_000), fc.nat(2 * HOUR), fc.nat(DAY)),
      ended: fc.constantFrom("success" as const, "failure" as const),
    });
    const property = fc.property(fc.array(input, { maxLength: 150 }), (inputs) => {
      let breaker: Breaker = CLOSED;
      let now = 0;
      for (const { ms, ended } of inputs) {
        now += ms;
        const asked = admit(breaker, now);
        if (breaker.phase === "closed") expect(asked.admitted).toBe(true);
        if (breaker.phase === "failed") expect(asked.admitted).toBe(false);
        if (breaker.phase === "open") expect(asked.admitted).toBe(now >= breaker.until);
        breaker = asked.admitted ? record(asked.breaker, ended, now) : asked.breaker;
        expect(breaker.failures.length).toBeLessThanOrEqual(100);
        expect(breaker.until > 0).toBe(breaker.phase === "open" || breaker.phase === "half-open");
        expect(JSON.parse(JSON.stringify(breaker))).toEqual(breaker);
      }
    });
    holds(property, { runs: 200 });
  });
});
