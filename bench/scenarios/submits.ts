/** Durable submits against the floor, in turns, so that both see the same machine. */
import { Child } from "../child.ts";
import type { Submits, Submitted } from "../loads/submits.ts";
import type { Result, Row } from "../report.ts";
import type { Effort, Scenario } from "../scenario.ts";
import { inFolder, type Server, startServer } from "../server.ts";
import { median } from "../statistics.ts";

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
          for (const clients of effort.clients)
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

/** With the server's processor time per submit: it shows a change even on a busy machine. */
interface Measured extends Submitted {
  readonly cpuUs: number;
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
  const measure = async ({ target, child }: Server, keyed: boolean): Promise<Measured> => {
    const { seconds } = effort;
    const before = child.cpuMs();
    const submits = { kind: "submits", target, clients, keyed, seconds } satisfies Submits;
    const submitted = await load.ask<Submitted>(submits);
    return { ...submitted, cpuUs: ((child.cpuMs() - before) * 1000) / submitted.accepted };
  };
  const base: Measured[] = [];
  const plain: Measured[] = [];
  const keyed: Measured[] = [];
  for (let round = 0; round < effort.rounds; round += 1) {
    base.push(await measure(floor, false));
    plain.push(await measure(daemon, false));
    keyed.push(await measure(daemon, true));
  }
  const rate = (all: readonly Measured[]): number => median(all.map(({ perSecond }) => perSecond));
  const p50 = (all: readonly Measured[]): number => median(all.map(({ latency }) => latency.p50));
  const p99 = (all: readonly Measured[]): number => median(all.map(({ latency }) => latency.p99));
  const cpu = (all: readonly Measured[]): number => median(all.map(({ cpuUs }) => cpuUs));
  return {
    clients,
    "floor/s": rate(base),
    "ours/s": rate(plain),
    ratio: median(plain.map(({ perSecond }, i) => perSecond / (base[i]?.perSecond ?? Number.NaN))),
    "keyed/s": rate(keyed),
    "floor cpu µs": cpu(base),
    "ours cpu µs": cpu(plain),
    "keyed cpu µs": cpu(keyed),
    "floor p50 ms": p50(base),
    "ours p50 ms": p50(plain),
    "floor p99 ms": p99(base),
    "ours p99 ms": p99(plain),
  };
}
