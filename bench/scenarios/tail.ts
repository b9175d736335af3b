/** How soon a hundred subscribers of the live tail see an event. */
import { Child } from "../child.ts";
import type { Follow, Followed } from "../loads/tail.ts";
import type { Row } from "../report.ts";
import type { Scenario } from "../scenario.ts";
import { inFolder, startServer } from "../server.ts";
import { median } from "../statistics.ts";

const SUBSCRIBERS = [1, 100] as const;

export const tail: Scenario = {
  name: "tail",
  about: "live tail with 100 subscribers: from a submit to every subscriber's having its event",
  run: (effort) =>
    inFolder(async (dir) => {
      const load = Child.start("load", [], "load");
      await load.message();
      const daemon = await startServer("daemon", dir);
      const { target } = daemon;
      const rows: Row[] = [];
      for (const subscribers of SUBSCRIBERS) {
        const rounds: Followed[] = [];
        for (let round = 0; round <= effort.rounds; round += 1) {
          const events = effort.quick ? 50 : 300;
          const follow = {
            kind: "tail",
            target,
            subscribers,
            events,
            everyMs: 10,
          } satisfies Follow;
          const followed = await load.ask<Followed>(follow);
          if (round > 0) rounds.push(followed);
        }
        rows.push(rowOf(subscribers, rounds));
      }
      await Promise.all([load.stop(), daemon.stop()]);
      return [
        {
          scenario: "tail",
          title: "live tail, about 100 submits/s, milliseconds from sending the submit",
          rows,
        },
      ];
    }),
};

function rowOf(subscribers: number, rounds: readonly Followed[]): Row {
  return {
    subscribers,
    "answer p50": median(rounds.map(({ answer }) => answer.p50)),
    "receipt p50": median(rounds.map(({ receipt }) => receipt.p50)),
    "receipt p99": median(rounds.map(({ receipt }) => receipt.p99)),
  };
}
