/** Whether a submit costs the same on a long ledger as on an empty one. */
import { Child } from "../child.ts";
import { type LedgerShape, writeLedger } from "../ledger.ts";
import type { Submits, Submitted } from "../loads/submits.ts";
import type { Result, Row } from "../report.ts";
import type { Effort, Scenario } from "../scenario.ts";
import { inFolder, type Server, startServer } from "../server.ts";
import { median } from "../statistics.ts";
import { warmUp } from "./submits.ts";

const CLIENTS = [1, 16] as const;
/** Submits of one round; few enough that an empty ledger stays a short one. */
const SUBMITS_PER_CLIENT = 500;

export const growth: Scenario = {
  name: "growth",
  about: "submit latency at 0, 10k, 100k and 1M ledger lines",
  async run(effort) {
    const results: Result[] = [];
    for (const mix of ["mixed", "accepted"] as const) results.push(await measureMix(mix, effort));
    return results;
  },
};

async function measureMix(mix: LedgerShape["mix"], effort: Effort): Promise<Result> {
  const sizes = effort.quick ? [0, 1_000, 10_000] : [0, 10_000, 100_000, 1_000_000];
  const load = Child.start("load", [], "load");
  await load.message();
  const measured = await withServers(sizes, mix, async (servers) => {
    await warmUp(load, servers, { ...effort, seconds: 1 });
    return measureRounds(load, servers, effort);
  });
  await load.stop();
  return {
    scenario: `growth-${mix}`,
    title: `submits on ledgers that hold ${mix === "mixed" ? "finished" : "only queued"} jobs`,
    goal: "p50 at 1,000,000 lines at most 1.2 times that at zero",
    rows: rowsOf(sizes, measured),
  };
}

/** One daemon per size, all running at once; only one is asked at a time. */
async function withServers<T>(
  sizes: readonly number[],
  mix: LedgerShape["mix"],
  use: (servers: readonly Server[]) => Promise<T>,
): Promise<T> {
  const [lines, ...rest] = sizes;
  if (lines === undefined) return use([]);
  return inFolder(async (dir) => {
    if (lines > 0) await writeLedger(dir, { lines, mix, form: "rotated" });
    const server = await startServer("daemon", dir);
    try {
      return await withServers(rest, mix, (others) => use([server, ...others]));
    } finally {
      await server.stop();
    }
  });
}

type Measured = Map<number, number[][]>;

/** p50 by number of clients, then by server, then by round. */
async function measureRounds(
  load: Child,
  servers: readonly Server[],
  effort: Effort,
): Promise<Measured> {
  const p50s: Measured = new Map(CLIENTS.map((clients) => [clients, servers.map(() => [])]));
  for (let round = 0; round < effort.rounds; round += 1) {
    for (const [clients, byServer] of p50s) {
      for (const [index, { target }] of servers.entries()) {
        const count = clients * SUBMITS_PER_CLIENT;
        const submits = { kind: "submits", target, clients, count } satisfies Submits;
        byServer[index]?.push((await load.ask<Submitted>(submits)).latency.p50);
      }
    }
  }
  return p50s;
}

function rowsOf(sizes: readonly number[], measured: Measured): readonly Row[] {
  return sizes.map((lines, index) => {
    const row: Record<string, string | number> = { lines: lines.toLocaleString("en") };
    for (const [clients, byServer] of measured) {
      const own = byServer[index] ?? [];
      const zero = byServer[0] ?? [];
      row[`p50 ms, ${clients} client${clients > 1 ? "s" : ""}`] = median(own);
      row[`ratio, ${clients}`] = median(own.map((p50, i) => p50 / (zero[i] ?? Number.NaN)));
    }
    return row;
  });
}
