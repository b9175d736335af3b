/** Resident memory with 100,000 jobs in the queue. */
import { Child } from "../child.ts";
import type { Submits, Submitted } from "../loads/submits.ts";
import type { Scenario } from "../scenario.ts";
import { inFolder, startServer } from "../server.ts";

export const memory: Scenario = {
  name: "memory",
  about: "resident memory of the daemon with 100,000 queued jobs",
  run: (effort) =>
    inFolder(async (dir) => {
      const count = effort.quick ? 10_000 : 100_000;
      const load = Child.start("load", [], "load");
      await load.message();
      const first = await startServer("daemon", dir);
      const empty = first.child.residentBytes();
      const submits = {
        kind: "submits",
        target: first.target,
        clients: 64,
        count,
      } satisfies Submits;
      await load.ask<Submitted>(submits);
      const loaded = first.child.residentBytes();
      const peak = first.child.peakResidentBytes();
      await first.stop();
      const second = await startServer("daemon", dir);
      const booted = second.child.residentBytes();
      await Promise.all([second.stop(), load.stop()]);
      const mb = (bytes: number): number => bytes / 2 ** 20;
      return [
        {
          scenario: "memory",
          title: `resident memory with ${count.toLocaleString("en")} queued jobs, MB`,
          goal: "at most 250",
          rows: [
            {
              empty: mb(empty),
              "after load": mb(loaded),
              peak: mb(peak),
              "after boot": mb(booted),
            },
          ],
        },
      ];
    }),
};
