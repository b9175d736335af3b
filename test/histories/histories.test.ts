/**
 * Ledgers that earlier versions wrote, as data, with what was read of them then. Every later version
 * must read the same: fields may be added to what is expected, and none may change or go.
 */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectedOf, HISTORIES, historyNames, readBy, withHistory } from "./reading.ts";
import { STORIES } from "./stories.ts";

const NAMES = historyNames();

describe("the pinned histories", () => {
  it("are all there, one for each story", () => {
    expect(NAMES).toEqual(Object.keys(STORIES).sort());
  });

  it("hold every event type of the contract, and what is no event", () => {
    const all = NAMES.map(expectedOf);
    const types = all.flatMap(({ events }) =>
      (events as { event_type: string }[]).map(({ event_type }) => event_type),
    );
    expect([...new Set(types)].sort()).toEqual([
      "job.accepted",
      "job.cancelled",
      "job.claimed",
      "job.completed",
      "job.failed",
      "job.heartbeat",
      "job.lease_expired",
      "projection.marked_stale",
      "projection.rebuilt",
    ]);
    expect(all.flatMap(({ corrupt }) => corrupt)).not.toEqual([]);
    expect(all.flatMap(({ foreign_events: foreign }) => foreign)).not.toEqual([]);
  });
});

describe.each(NAMES)("history %s", (name) => {
  const dir = join(HISTORIES, name);

  it("is read as it was when it was written", async () => {
    expect(await withHistory(dir, readBy)).toMatchObject(expectedOf(name));
  });

  it("is written on: its jobs are found by id and key, and new ones join it", async () => {
    const { jobs } = expectedOf(name);
    await withHistory(dir, async (daemon) => {
      const before = daemon.engine.headPosition();
      for (const { job_id, idempotency_key } of jobs) {
        const known = idempotency_key === undefined ? { job_id } : { idempotency_key };
        const again = await daemon.post("/v1/jobs", { job_type: "rpi.run", ...known });
        expect(again.body).toMatchObject({ accepted: true, job_id });
      }
      expect(daemon.engine.headPosition()).toBe(before);
      await daemon.post("/v1/jobs", { job_type: "rpi.run", job_id: "new" });
      expect(daemon.engine.headPosition()).toBe(before + 1);
    });
  });
});

describe("the comparison", () => {
  it("fails when one character of one line is folded differently", async () => {
    const name = "0.1-jobs";
    const change = (bytes: Buffer): Buffer =>
      Buffer.from(bytes.toString("utf8").replace('"attempt":3', '"attempt":2'));
    const read = await withHistory(join(HISTORIES, name), readBy, change);
    expect(() => expect(read).toMatchObject(expectedOf(name))).toThrow();
  });
});
