/**
 * The one connection of a process that appends. A turn is one transaction that starts by locking the
 * head of the ledger, so in all processes together one batch is decided and saved after the other,
 * and the order of commits is the order of positions. A turn takes two round trips.
 *
 * Fault model. The connection may go at any moment. Before the save nothing has happened. During it
 * nobody knows, so a new connection locks the head, which waits until the server has ended the lost
 * transaction, and looks who wrote the first position: then the batch is there, or it is not and is
 * written again as long as nobody else has appended. Only when the server stays away through
 * `LOOK_MS_MAX` is the outcome told as unknown.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Fault, messageOf } from "../../errors/fault.ts";
import { invariant } from "../../errors/invariant.ts";
import type { Clock } from "../../lib/clock.ts";
import type { LoadRequest, SaveBatch, SaveReceipt, Turn } from "../store.ts";
import type { Bounds, Connection, Statement } from "./connection.ts";
import type { Dialer } from "./dialer.ts";
import { advanced, type Head, headOf, lockHead, writeHead } from "./head.ts";
import { appendLines, keepForeignIds, turnAt } from "./lines.ts";
import { notify } from "./listener.ts";
import { Load } from "./load.ts";
import { roomFor } from "./partitions.ts";
import { putJobs } from "./rows.ts";
import { countChanges } from "./tally.ts";

/** A frozen process keeps the others waiting for no longer than it may be idle in its turn. */
const WRITE_BOUNDS: Bounds = {
  statementMsMax: 10_000,
  lockMsMax: 8_000,
  idleInTransactionMsMax: 3_000,
};

const LOOK_MS_MAX = 8_000;
const LOOK_PAUSE_MS = 100;
/** A connection that breaks this often under one batch breaks because of it. */
const SAVES_MAX = 3;

const BEGIN: Statement = { text: "BEGIN" };
const COMMIT: Statement = { text: "COMMIT" };
const ROLLBACK: Statement = { text: "ROLLBACK" };

export interface WriterOptions {
  readonly dialer: Dialer;
  readonly clock: Clock;
  /** Names this process in what it tells the others. */
  readonly node: string;
  readonly partitionEvents: number;
  /** Told how far the ledger goes, whenever this is learnt. */
  readonly onHead: (head: Head) => void;
}

export class Writer {
  readonly #options: WriterOptions;
  #connection: Connection | undefined;
  /** Settles when the turn under way is over. */
  #turns: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Turns of this process come one after the other too: they share the connection. */
  async begin(request: LoadRequest): Promise<Turn> {
    const { promise, resolve: over } = Promise.withResolvers<void>();
    const before = this.#turns;
    this.#turns = before.then(() => promise);
    await before;
    try {
      return await this.#begin(request, over);
    } catch (error) {
      over();
      throw error;
    }
  }

  /** Waits for the turn under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#turns;
    await this.#connection?.close();
  }

  async #begin(request: LoadRequest, over: () => void): Promise<Turn> {
    for (let isFirst = true; ; isFirst = false) {
      const connection = await this.#connected();
      const load = new Load(request);
      try {
        const [, locked, ...answers] = await connection.run([BEGIN, lockHead, ...load.statements]);
        const head = headOf(locked?.rows[0]);
        this.#options.onHead(head);
        return {
          loaded: load.taken(head, answers),
          save: (batch) => this.#save(connection, head, batch).finally(over),
          release: () => this.#end(connection).finally(over),
        };
      } catch (error) {
        const wasLost = connection.isLost;
        await this.#end(connection);
        // A connection is often found to be gone only when it is used.
        if (!isFirst || !wasLost) throw error;
      }
    }
  }

  async #connected(): Promise<Connection> {
    if (this.#closed) throw new Fault("store_unavailable", "the store is closed");
    if (this.#connection === undefined || this.#connection.isLost) {
      this.#connection = await this.#options.dialer.open(WRITE_BOUNDS);
    }
    return this.#connection;
  }

  /** Ends a transaction that has written nothing. Never rejects. */
  async #end(connection: Connection): Promise<void> {
    if (connection.isLost) return;
    await connection.run([ROLLBACK]).catch(() => connection.drop());
  }

  async #save(connection: Connection, head: Head, batch: SaveBatch): Promise<SaveReceipt> {
    const { events } = batch;
    if (events[0]?.position !== head.head + 1) await this.#end(connection);
    invariant(
      events[0]?.position === head.head + 1,
      `the batch starts at position ${events[0]?.position}, not ${head.head + 1}`,
    );
    const turn = randomUUID();
    const after = advanced(head, events);
    const room = roomFor(head, after.head, this.#options.partitionEvents);
    const next = { ...after, room: room.room };
    const statements = [...room.statements, ...this.#saving(turn, batch, next), COMMIT];
    for (let saves = 1, current = connection; ; saves += 1) {
      const isSaved = await this.#commit(current, statements, head, turn);
      if (isSaved) break;
      const again = await this.#look(head, turn);
      if (again === "saved") break;
      if (again === "overtaken" || saves === SAVES_MAX) throw cut("not-done");
      current = again;
    }
    this.#options.onHead(next);
    return {};
  }

  #saving(turn: string, { events, changes }: SaveBatch, next: Head): readonly Statement[] {
    const { dialer, node } = this.#options;
    return [
      appendLines(turn, events),
      keepForeignIds(events),
      changes.length === 0 ? undefined : putJobs("jobs", changes),
      countChanges("tally", changes),
      writeHead(next),
      notify(dialer.address.schema, node, next.head),
    ].filter((statement) => statement !== undefined);
  }

  /** True when the server said that it is committed; false when the connection broke before that. */
  async #commit(
    connection: Connection,
    statements: readonly Statement[],
    head: Head,
    turn: string,
  ): Promise<boolean> {
    try {
      const answers = await connection.run(statements);
      if (answers.at(-1)?.command === "COMMIT") return true;
      throw new Fault("ledger_unavailable", `batch ${turn} after ${head.head} was rolled back`);
    } catch (error) {
      if (connection.isLost) return false;
      // The server refused a statement, so the COMMIT behind it was a rollback.
      throw error;
    }
  }

  /**
   * Finds out what became of a batch whose connection broke. When it is not there and nobody has
   * appended since, gives a connection that holds the turn again.
   */
  async #look(head: Head, turn: string): Promise<"saved" | "overtaken" | Connection> {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + LOOK_MS_MAX;
    for (;;) {
      try {
        const connection = await this.#connected();
        const [, locked, written] = await connection.run([BEGIN, lockHead, turnAt(head.head + 1)]);
        const row = written?.rows[0];
        if (row === undefined && headOf(locked?.rows[0]).head === head.head) return connection;
        await this.#end(connection);
        return row?.["turn"] === turn ? "saved" : "overtaken";
      } catch (error) {
        if (this.#connection !== undefined) await this.#end(this.#connection);
        if (clock.monotonic() > deadline) throw cut("unknown", error);
        await sleep(LOOK_PAUSE_MS);
      }
    }
  }
}

function cut(outcome: "not-done" | "unknown", cause?: unknown): Fault {
  const what =
    outcome === "unknown"
      ? `the database went away while a batch was being saved; whether it is saved will be seen ` +
        `when it is back (${messageOf(cause)})`
      : "the connection broke while a batch was being saved, and nothing of it was written";
  return new Fault("store_unavailable", what, { cause, outcome, details: { outcome } });
}
