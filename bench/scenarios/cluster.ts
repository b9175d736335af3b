/** One to three daemons on one PostgreSQL server, which syncs every commit to the same disk. */
import { PostgresServer } from "../../test/support/postgres-server.ts";
import { Child } from "../child.ts";
import type { Drain, Drained } from "../loads/drain.ts";
import type { Submits, Submitted } from "../loads/submits.ts";
import type { Follow, Followed } from "../loads/tail.ts";
import type { Result, Row } from "../report.ts";
import type { Effort, Scenario } from "../scenario.ts";
import { inFolder, type Server, startServer } from "../server.ts";
import { median } from "../statistics.ts";

const NODES = [1, 2, 3] as const;

interface Cluster {
  readonly nodes: readonly Server[];
  /** A load generator for each node. */
  readonly loads: readonly Child[];
}

export const cluster: Scenario = {
  name: "cluster",
  about: "1, 2 and 3 daemons on one PostgreSQL: submits, draining, live tail across daemons",
  async run(effort) {
    const server = await PostgresServer.open();
    try {
      const submitRows: Row[] = [];
      const workRows: Row[] = [];
      for (const count of NODES) {
        await withCluster(server, count, async (nodes) => {
          for (const clients of effort.clients) {
            submitRows.push(await submitRow(nodes, clients, effort));
          }
          workRows.push(await workRow(nodes, effort));
        });
      }
      return [
        resultOf("durable submits through all daemons together", submitRows),
        resultOf("draining with a worker at each daemon; live tail, ms", workRows),
      ];
    } finally {
      await server.close();
    }
  },
};

function resultOf(title: string, rows: readonly Row[]): Result {
  return { scenario: "cluster", title: `PostgreSQL store, ${title}`, rows };
}

/** Fresh daemons on a schema of their own. */
async function withCluster(
  server: PostgresServer,
  count: number,
  work: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  const url = `${server.address.adminUrl}?schema=bench_${count}`;
  await inFolder(async (dir) => {
    const nodes: Server[] = [];
    for (let number = 0; number < count; number += 1) {
      nodes.push(await startServer("daemon", `${dir}/${number}`, url));
    }
    const loads = nodes.map(() => Child.start("load", [], "load"));
    await Promise.all(loads.map((load) => load.message()));
    try {
      await work({ nodes, loads });
    } finally {
      await Promise.all([...loads, ...nodes].map((each) => each.stop()));
    }
  });
}

async function submitRow({ nodes, loads }: Cluster, clients: number, effort: Effort): Promise<Row> {
  const rounds: (readonly Submitted[])[] = [];
  const share = Math.max(1, Math.round(clients / nodes.length));
  for (let round = 0; round <= effort.rounds; round += 1) {
    const submitted = await Promise.all(
      nodes.map(({ target }, index) => {
        const { seconds } = effort;
        const submits = { kind: "submits", target, clients: share, keyed: true, seconds } as const;
        return asked<Submitted>(loads[index], submits satisfies Submits);
      }),
    );
    // The first round is for the compilers and the caches.
    if (round > 0) rounds.push(submitted);
  }
  const rate = (round: readonly Submitted[]): number =>
    round.reduce((sum, { perSecond }) => sum + perSecond, 0);
  const worst = (of: "p50" | "p99") => (round: readonly Submitted[]) =>
    Math.max(...round.map(({ latency }) => latency[of]));
  return {
    daemons: nodes.length,
    clients: share * nodes.length,
    "submits/s": median(rounds.map(rate)),
    "p50 ms": median(rounds.map(worst("p50"))),
    "p99 ms": median(rounds.map(worst("p99"))),
  };
}

async function workRow(cluster: Cluster, effort: Effort): Promise<Row> {
  const jobs = effort.quick ? 500 : 6_000;
  const drained: number[] = [];
  const followed: Followed[] = [];
  // What the submits have left is not measured.
  await drain(cluster, 1);
  for (let round = 0; round < effort.rounds; round += 1) {
    drained.push(await drain(cluster, jobs));
    followed.push(await follow(cluster, effort));
    await drain(cluster, 1);
  }
  return {
    daemons: cluster.nodes.length,
    "drained/s": median(drained),
    "answer p50": median(followed.map(({ answer }) => answer.p50)),
    "receipt p50": median(followed.map(({ receipt }) => receipt.p50)),
    "receipt p99": median(followed.map(({ receipt }) => receipt.p99)),
  };
}

/** Jobs a second with one worker at each daemon, of jobs that are all there at the start. */
async function drain({ nodes, loads }: Cluster, count: number): Promise<number> {
  const [first] = nodes;
  if (first === undefined) return Number.NaN;
  const submits = { kind: "submits", target: first.target, clients: 64, count } satisfies Submits;
  await asked<Submitted>(loads[0], submits);
  const startedAt = Date.now();
  const drained = await Promise.all(
    nodes.map(({ target }, index) =>
      asked<Drained>(loads[index], { kind: "drain", target, count: "all" } satisfies Drain),
    ),
  );
  const endedAt = Math.max(...drained.map((each) => each.endedAt));
  return count / ((endedAt - startedAt) / 1000);
}

/** Subscribers at the last daemon, submits at the first. */
function follow({ nodes, loads }: Cluster, effort: Effort): Promise<Followed> {
  const [first, last] = [nodes[0], nodes.at(-1)];
  if (first === undefined || last === undefined) throw new Error("a cluster has daemons");
  const follow = {
    kind: "tail",
    target: last.target,
    through: first.target,
    subscribers: 10,
    events: effort.quick ? 50 : 300,
    everyMs: 10,
  } satisfies Follow;
  return asked<Followed>(loads[0], follow);
}

function asked<T>(load: Child | undefined, question: object): Promise<T> {
  if (load === undefined) throw new Error("every daemon has a load generator");
  return load.ask<T>(question);
}
