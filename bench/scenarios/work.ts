/** From a submit to its completion through one external worker over HTTP. */
import { Child } from "../child.ts";
import type { Drain, Drained } from "../loads/drain.ts";
import type { PickedUp, PickUp } from "../loads/pick-up.ts";
import type { Submits, Submitted } from "../loads/submits.ts";
import type { Row } from "../report.ts";
import type { Effort, Scenario } from "../scenario.ts";
import { inFolder, type Server, startServer } from "../server.ts";
import { median } from "../statistics.ts";

const SUBMITTERS = 64;

interface Bench {
  readonly submitter: Child;
  readonly worker: Child;
  readonly daemon: Server;
}

export const work: Scenario = {
  name: "work",
  about: "claim to complete with one external worker: live, draining, and idle pick-up",
  run: (effort) =>
    inFolder(async (dir) => {
      const submitter = Child.start("load", [], "load");
      const worker = Child.start("load", [], "load");
      await Promise.all([submitter.message(), worker.message()]);
      const daemon = await startServer("daemon", dir);
      const bench = { submitter, worker, daemon };
      try {
        return [
          {
            scenario: "work",
            title: "submitted and done through one external worker, jobs/s",
            goal: "live at least 4,800; draining at least 7,400; idle pick-up at most 1.5 ms",
            rows: await rowsOf(bench, effort),
          },
        ];
      } finally {
        await Promise.all([submitter.stop(), worker.stop(), daemon.stop()]);
      }
    }),
};

async function rowsOf(bench: Bench, effort: Effort): Promise<readonly Row[]> {
  const scale = effort.quick ? 10 : 1;
  const live: number[] = [];
  const short: number[] = [];
  const long: number[] = [];
  const pickUps: PickedUp[] = [];
  await draining(bench, 5_000);
  for (let round = 0; round < effort.rounds; round += 1) {
    live.push(await liveRate(bench, 20_000 / scale));
    short.push(await draining(bench, 5_000 / scale));
    long.push(await draining(bench, 20_000 / scale));
    const { target } = bench.daemon;
    const pickUp = { kind: "pick-up", target, count: 500 / scale } satisfies PickUp;
    pickUps.push(await bench.worker.ask<PickedUp>(pickUp));
  }
  return [
    {
      [`live, ${SUBMITTERS} submitters`]: median(live),
      "draining 5,000": median(short),
      "draining 20,000": median(long),
      "idle pick-up p50 ms": median(pickUps.map(({ latency }) => latency.p50)),
      "p99 ms": median(pickUps.map(({ latency }) => latency.p99)),
    },
  ];
}

/** Submitting and working at the same time, from the first submit to the last completion. */
async function liveRate({ submitter, worker, daemon }: Bench, count: number): Promise<number> {
  const { target } = daemon;
  const drained = worker.ask<Drained>({ kind: "drain", target, count } satisfies Drain);
  const startedAt = Date.now();
  const submits = { kind: "submits", target, clients: SUBMITTERS, count } satisfies Submits;
  await submitter.ask<Submitted>(submits);
  return count / (((await drained).endedAt - startedAt) / 1000);
}

/** Working off what waits. */
async function draining({ submitter, worker, daemon }: Bench, count: number): Promise<number> {
  const { target } = daemon;
  const submits = { kind: "submits", target, clients: SUBMITTERS, count } satisfies Submits;
  await submitter.ask<Submitted>(submits);
  const drain = { kind: "drain", target, count } satisfies Drain;
  return count / ((await worker.ask<Drained>(drain)).ms / 1000);
}
