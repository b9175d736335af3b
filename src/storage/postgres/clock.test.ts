import { describe, expect, it } from "vitest";
import type { Clock } from "../../lib/clock.ts";
import { DatabaseClock } from "./clock.ts";

/** A machine whose wall clock and monotonic clock are set by hand. */
class Machine implements Clock {
  wall = 1_000_000;
  ticks = 500;

  now(): number {
    return this.wall;
  }

  monotonic(): number {
    return this.ticks;
  }

  after(): { cancel: () => void } {
    return { cancel: () => undefined };
  }
}

function read(clock: DatabaseClock, machine: Machine, databaseNow: number, roundTrip = 2): void {
  const sentAt = machine.ticks;
  machine.ticks += roundTrip;
  clock.take({ sentAt, receivedAt: machine.ticks, now: databaseNow });
}

describe("the database's clock", () => {
  it("is the machine's until it was read", () => {
    expect(new DatabaseClock(new Machine()).now()).toBe(1_000_000);
  });

  it("counts from the reading by the monotonic clock, whatever the wall clock does", () => {
    const machine = new Machine();
    const clock = new DatabaseClock(machine);
    read(clock, machine, 5_000_000);
    expect(clock.now()).toBe(5_000_001);
    machine.wall = 0;
    machine.ticks += 60_000;
    expect(clock.now()).toBe(5_060_001);
  });

  it("keeps to the reading with the shortest way there and back", () => {
    const machine = new Machine();
    const clock = new DatabaseClock(machine);
    read(clock, machine, 5_000_000);
    machine.ticks += 998;
    // An answer that took long came late: the database read its clock at once.
    read(clock, machine, 5_001_000, 400);
    expect(clock.now()).toBe(5_001_399);
  });

  it("forgets earlier readings when the database's clock was set or is another's", () => {
    const machine = new Machine();
    const clock = new DatabaseClock(machine);
    read(clock, machine, 5_000_000);
    machine.ticks += 1_000;
    read(clock, machine, 9_000_000, 10);
    expect(clock.now()).toBe(9_000_005);
  });
});
