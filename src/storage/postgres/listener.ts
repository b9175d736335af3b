/**
 * Hears of what other processes append, and keeps the database's clock. A notification only wakes:
 * the same is asked for every second, so one that was lost costs latency and nothing else.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../lib/clock.ts";
import type { DatabaseClock } from "./clock.ts";
import type { Bounds, Connection, Statement } from "./connection.ts";
import type { Dialer } from "./dialer.ts";
import { type Head, headOf, readHead } from "./head.ts";
import type { PostgresPeers } from "./peers.ts";

const POLL_MS = 1_000;
const RETRY_MS = 250;
const LISTEN_BOUNDS: Bounds = {
  statementMsMax: 5_000,
  lockMsMax: 5_000,
  idleInTransactionMsMax: 5_000,
};

const readClock: Statement = {
  text: "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now",
};

function channelOf(schema: string): string {
  return `keelson_${schema}`;
}

/** Tells the others, when the transaction commits, how far the ledger goes. */
export function notify(schema: string, node: string, head: number): Statement {
  return {
    text: "SELECT pg_notify($1, $2)",
    values: [channelOf(schema), `${node} ${head}`],
  };
}

export interface ListenerOptions {
  readonly dialer: Dialer;
  readonly local: Clock;
  readonly clock: DatabaseClock;
  readonly peers: PostgresPeers;
  /** Names this process in what it tells the others. */
  readonly node: string;
  readonly onHead: (head: Head) => void;
  /** Others may have appended: called for each of their batches, and after each poll. */
  readonly onAppended: () => void;
}

export class Listener {
  readonly #options: ListenerOptions;
  readonly #stopped: AbortController = new AbortController();
  #connection: Connection | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Resolves when it listens; from then on it comes back by itself. Throws a `Fault`. */
  async start(): Promise<void> {
    const connection = await this.#open();
    this.#running = this.#run(connection);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    const connection = this.#connection;
    if (connection === undefined || connection.isLost) return;
    await connection.run([this.#options.peers.leaving()]).catch(() => undefined);
    await connection.close();
  }

  async #open(): Promise<Connection> {
    const { dialer, node, onAppended, peers } = this.#options;
    peers.forget();
    const connection = await dialer.open(LISTEN_BOUNDS);
    this.#connection = connection;
    connection.onNotification((payload) => {
      if (!payload.startsWith(`${node} `)) onAppended();
    });
    await connection.run([{ text: `LISTEN ${channelOf(dialer.address.schema)}` }]);
    await this.#poll(connection);
    return connection;
  }

  async #run(first: Connection): Promise<void> {
    let connection: Connection | undefined = first;
    while (!this.#stopped.signal.aborted) {
      try {
        connection ??= await this.#open();
        await this.#pause(POLL_MS, connection);
        if (!this.#stopped.signal.aborted) await this.#poll(connection);
      } catch {
        // Whoever reads or writes is told what is wrong; here it is only tried again.
        connection?.drop();
        connection = undefined;
        await this.#pause(RETRY_MS);
      }
    }
  }

  async #poll(connection: Connection): Promise<void> {
    const { local, clock, peers, onHead, onAppended } = this.#options;
    const sentAt = local.monotonic();
    const [at, head] = await connection.run([readClock, readHead, ...peers.telling(sentAt)]);
    clock.take({ sentAt, receivedAt: local.monotonic(), now: Number(at?.rows[0]?.["now"]) });
    onHead(headOf(head?.rows[0]));
    onAppended();
  }

  async #pause(ms: number, connection?: Connection): Promise<void> {
    const over = new AbortController();
    const forget = connection?.onLost(() => over.abort());
    const signal = AbortSignal.any([this.#stopped.signal, over.signal]);
    await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
    forget?.();
  }
}
