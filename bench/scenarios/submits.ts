/** Durable submits against the floor, in turns, so that both see the same machine. */
import { Child } from "../child.ts";
import type { Submits, Submitted } from "../loads/submits.ts";
import type { Result, Row } from "../report.ts";
import type { Effort, Scenario } from "../scenario.ts";
import { inFolder, type Server, startServer } from "../server.ts";
import { median } from "../statistics.ts";

const CLIENTS = [1, 16, 64] as const;

export const submits: Scenario = {
  name: "submits",
  about: "durable submits at 1, 16 and 64 clients, against a bare server that appends and syncs",
  run: (effort) =>
    inFolder((ours) =>
      inFolder(async (theirs) => {
        const load = Child.start("load", [], "load");
        await load.message();
        const floor = await startServer("floor", theirs);
        const daemon = await startServer("daemon", ours);
        try {
          const rows: Row[] = [];
          await warmUp(load, [floor, daemon], effort);
          for (const clients of CLIENTS)
            rows.push(await compare(load, { floor, daemon, clients, effort }));
          return [resultOf(rows)];
        } finally {
          await Promise.all([load.stop(), floor.stop(), daemon.stop()]);
        }
      }),
    ),
};

function resultOf(rows: readonly Row[]): Result {
  return {
    scenario: "submits",
    title: "durable submits, 300-byte payloads, medians of interleaved rounds",
    goal: "at least 0.80 of the floor at 16 and 64 clients",
    rows,
  };
}

/** Lets both compilers settle. */
export async function warmUp(
  load: Child,
  servers: readonly Server[],
  effort: Effort,
): Promise<void> {
  for (const { target } of servers) {
    const { seconds } = effort;
    await load.ask<Submitted>({ kind: "submits", target, clients: 16, seconds } satisfies Submits);
  }
}

async function compare(
  load: Child,
  options: {
    readonly floor: Server;
    readonly daemon: Server;
    readonly clients: number;
    readonly effort: Effort;
  },
): Promise<Row> {
  const { floor, daemon, clients, effort } = options;
  const measure = (server: Server, keyed: boolean): Promise<Submitted> =>
    load.ask({
      kind: "submits",
      target: server.target,
      clients,
      keyed,
      seconds: effort.seconds,
    } satisfies Submits);
  const base: Submitted[] = [];
  const plain: Submitted[] = [];
  const keyed: Submitted[] = [];
  for (let round = 0; round < effort.rounds; round += 1) {
    base.push(await measure(floor, false));
    plain.push(await measure(daemon, false));
    keyed.push(await measure(daemon, true));
  }
  const rate = (all: readonly Submitted[]): number => median(all.map(({ perSecond }) => perSecond));
  const p50 = (all: readonly Submitted[]): number => median(all.map(({ latency }) => latency.p50));
  const p99 = (all: readonly Submitted[]): number => median(all.map(({ latency }) => latency.p99));
  return {
    clients,
    "floor/s": rate(base),
    "ours/s": rate(plain),
    ratio: median(plain.map(({ perSecond }, i) => perSecond / (base[i]?.perSecond ?? Number.NaN))),
    "keyed/s": rate(keyed),
    "floor p50 ms": p50(base),
    "ours p50 ms": p50(plain),
    "floor p99 ms": p99(base),
    "ours p99 ms": p99(plain),
  };
}
