import { describe, expect, it } from "vitest";
import { accepted, event, JOB } from "../../../test/support/given.ts";
import { EVENT_TYPES, eventIdOf, isEventType, numberEvent, numberIn } from "./events.ts";

describe("event ids", () => {
  it("are spelled as the contract's golden pair pins them", () => {
    const id = eventIdOf("job.accepted", "job-golden-rpi", 1);
    expect(id).toBe("evt_job_accepted_job-golden-rpi_000001");
  });

  it("keep six digits and grow past a million", () => {
    expect(eventIdOf("job.failed", "j", 999_999)).toBe("evt_job_failed_j_999999");
    expect(eventIdOf("job.failed", "j", 1_000_000)).toBe("evt_job_failed_j_1000000");
  });

  it("replace what the spelling reserves, in the job id too", () => {
    expect(eventIdOf("job.failed", " a.b/c:d e ", 7)).toBe("evt_job_failed_a_b_c_d_e_000007");
  });
});

describe("numberEvent", () => {
  it("writes the fields in the contract's order", () => {
    const { event: numbered } = numberEvent(accepted(), 4);
    expect(Object.keys(numbered)).toEqual([
      "schema_version",
      "event_id",
      "request_id",
      "job_id",
      "event_type",
      "occurred_at",
      "actor",
      "payload",
    ]);
    expect(numbered).toMatchObject({ schema_version: 1, job_id: JOB });
    expect(numbered.event_id).toMatch(/_000004$/);
  });

  it("leaves an empty payload out", () => {
    expect(numberEvent(event("job.heartbeat", {}), 1).event).not.toHaveProperty("payload");
  });

  it("keeps a payload whose only key is awkward", () => {
    const payload = JSON.parse('{"__proto__": 1}') as Record<string, unknown>;
    expect(numberEvent(event("job.heartbeat", payload), 1).event.payload).toBe(payload);
  });
});

describe("the number in an id", () => {
  const numbered = (position: number, number?: number): ReturnType<typeof numberEvent>["event"] =>
    numberEvent(event("job.heartbeat", {}), position, number).event;

  it("is read back, whether it is the position or ahead of it", () => {
    expect(numberIn(numbered(4))).toBe(4);
    expect(numberIn(numbered(4, 7))).toBe(7);
    expect(numberIn(numbered(12_345_678))).toBe(12_345_678);
  });

  it.each(["evt_1", "evt_job_heartbeat_other_000004", "evt_job_heartbeat_job-1_4", "x_000004"])(
    "is not looked for in an id of another form: %s",
    (event_id) => {
      expect(numberIn({ ...numbered(4), event_id })).toBeUndefined();
    },
  );
});

it("knows the contract's event types and nothing that merely looks like one", () => {
  expect(EVENT_TYPES.every(isEventType)).toBe(true);
  for (const text of ["", "job.Accepted", "job.accepted ", "__proto__", "constructor"]) {
    expect(isEventType(text)).toBe(false);
  }
});
