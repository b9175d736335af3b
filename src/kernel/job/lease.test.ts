import { describe, expect, it } from "vitest";
import {
  accepted,
  claimed,
  completed,
  event,
  fence,
  LEASE_MS,
  lapsed,
  released,
  stateAfter,
  T0,
} from "../../../test/support/given.ts";
import { invariant } from "../../errors/invariant.ts";
import { isClaimable, isLapsed, isSpent, seenAt } from "./lease.ts";
import type { JobState } from "./state.ts";

const END = T0 + LEASE_MS;

function job(...events: Parameters<typeof stateAfter>[0]): JobState {
  const state = stateAfter([accepted(), ...events]);
  invariant(state !== undefined, "an accepted job has a state");
  return state;
}

describe("isLapsed", () => {
  it("turns true at the instant the lease ends, and not before", () => {
    expect(isLapsed(job(claimed(1)), END - 1)).toBe(false);
    expect(isLapsed(job(claimed(1)), END)).toBe(true);
  });

  it("takes an expiry that nobody can read for one that has passed", () => {
    expect(isLapsed(job(claimed(1, 0, { lease_expires_at: "tomorrow" })), 0)).toBe(true);
  });

  it("never lapses a lease without an end", () => {
    const eternal = job(event("job.claimed", fence(1)));
    expect(isLapsed(eternal, Number.MAX_SAFE_INTEGER)).toBe(false);
  });

  it("concerns running jobs only", () => {
    expect(isLapsed(job(claimed(1), completed(1)), END)).toBe(false);
    expect(isLapsed(job(claimed(1), lapsed(1, LEASE_MS)), END)).toBe(false);
  });
});

describe("seenAt", () => {
  it("shows a lapsed lease as waiting before the ledger says so", () => {
    const running = job(claimed(1));
    expect(seenAt(running, END - 1)).toBe(running);
    expect(seenAt(running, END)).toEqual({ ...running, status: "retry_waiting" });
  });

  it("flags the last attempt as exhausted", () => {
    const last = job(claimed(1, 0, { attempt: 3 }));
    expect(seenAt(last, END)).toMatchObject({ status: "retry_waiting", retry_exhausted: true });
    expect(last).toMatchObject({ status: "running" });
    expect(last).not.toHaveProperty("retry_exhausted");
  });
});

describe("isClaimable and isSpent", () => {
  it("part waiting jobs by the attempts they have left", () => {
    const waiting = job(claimed(1), released(1, 2));
    const spent = job(claimed(1), released(1, 3));
    expect([isClaimable(waiting), isSpent(waiting)]).toEqual([true, false]);
    expect([isClaimable(spent), isSpent(spent)]).toEqual([false, true]);
  });

  it("say yes to a queued job and no to a held or ended one", () => {
    expect(isClaimable(job())).toBe(true);
    expect(isClaimable(job(claimed(1)))).toBe(false);
    expect(isClaimable(job(claimed(1), completed(1)))).toBe(false);
  });
});
