/** A few connections for reads. Whoever waits for one is served in the order of asking. */
import { Fault } from "../../errors/fault.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import type { Answer, Bounds, Connection, Row, Statement } from "./connection.ts";
import type { Dialer } from "./dialer.ts";

/** A reader that waits longer is told that there are too many. */
const WAIT_MS_MAX = 10_000;

/** Snapshots stay open while a caller pages, so what is idle may be so for a while. */
const READ_BOUNDS: Bounds = {
  statementMsMax: 10_000,
  lockMsMax: 10_000,
  idleInTransactionMsMax: 60_000,
};

interface Waiter {
  readonly give: (connection: Connection | undefined) => void;
  readonly timer: Timer;
}

export class Pool {
  readonly #dialer: Dialer;
  readonly #clock: Clock;
  readonly #max: number;
  readonly #idle: Connection[] = [];
  readonly #waiters: Set<Waiter> = new Set();
  /** Connections that are open or being opened. */
  #size = 0;
  #closed = false;

  constructor(dialer: Dialer, clock: Clock, max: number) {
    this.#dialer = dialer;
    this.#clock = clock;
    this.#max = max;
  }

  /** Runs reads on one connection; they are repeated once if it turns out to be lost. */
  async read(statements: readonly Statement[]): Promise<readonly Answer[]> {
    for (let isFirst = true; ; isFirst = false) {
      const connection = await this.acquire();
      try {
        return await connection.run(statements);
      } catch (error) {
        if (!isFirst || !connection.isLost) throw error;
      } finally {
        this.release(connection);
      }
    }
  }

  async rows(statement: Statement): Promise<readonly Row[]> {
    const [answer] = await this.read([statement]);
    return answer?.rows ?? [];
  }

  /** The caller gives it back with `release`. Throws a `Fault`. */
  async acquire(): Promise<Connection> {
    for (;;) {
      const idle = this.#idle.pop() ?? (await this.#openOrWait());
      if (idle !== undefined && !idle.isLost) return idle;
    }
  }

  release(connection: Connection): void {
    if (connection.isLost || this.#closed) {
      void connection.close();
      return;
    }
    this.#idle.push(connection);
    this.#wakeOne();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { give } of this.#waiters) give(undefined);
    await Promise.all(this.#idle.splice(0).map((connection) => connection.close()));
  }

  async #openOrWait(): Promise<Connection | undefined> {
    if (this.#closed) throw new Fault("store_unavailable", "the store is closed");
    if (this.#size >= this.#max) return this.#wait();
    this.#size += 1;
    try {
      const connection = await this.#dialer.open(READ_BOUNDS);
      connection.onLost(() => this.#forget(connection));
      return connection;
    } catch (error) {
      this.#size -= 1;
      this.#wakeOne();
      throw error;
    }
  }

  #wait(): Promise<Connection | undefined> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(WAIT_MS_MAX, () => {
        this.#waiters.delete(waiter);
        reject(new Fault("overloaded", "too many reads are waiting for the database"));
      });
      const waiter = { give: resolve, timer };
      this.#waiters.add(waiter);
    });
  }

  /** A waiter that is woken takes what is idle, or opens what is missing. */
  #wakeOne(): void {
    const [waiter] = this.#waiters;
    if (waiter === undefined) return;
    this.#waiters.delete(waiter);
    waiter.timer.cancel();
    waiter.give(this.#idle.pop());
  }

  #forget(connection: Connection): void {
    this.#size -= 1;
    const place = this.#idle.indexOf(connection);
    if (place !== -1) this.#idle.splice(place, 1);
    this.#wakeOne();
  }
}
