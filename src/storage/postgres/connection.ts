/**
 * One connection to PostgreSQL. Statements are prepared once under a name; those of one `run` go out
 * together and are answered in order, so a run costs one round trip however many there are.
 *
 * A connection that was lost stays lost: whoever holds it opens another one.
 */
import { Client } from "pg";
import { Fault } from "../../errors/fault.ts";
import type { Address } from "./address.ts";
import { endsConnection, faultOf } from "./faults.ts";

export type Value = string | number | boolean | Buffer | null;

export interface Statement {
  readonly text: string;
  readonly values?: readonly Value[];
  /** Sent as it is, never prepared: schema changes, and texts that are not used again. */
  readonly once?: true;
}

export type Row = Readonly<Record<string, unknown>>;

export interface Answer {
  /** `SELECT`, `COMMIT`, `ROLLBACK` …: what the server says it did. */
  readonly command: string;
  readonly count: number;
  readonly rows: readonly Row[];
}

/** How long the server lets a connection wait and hold on; 0 is for ever. */
export interface Bounds {
  readonly statementMsMax: number;
  readonly lockMsMax: number;
  /** A transaction whose owner says nothing for so long is rolled back and its connection closed. */
  readonly idleInTransactionMsMax: number;
}

/** Oldest supported server: `server_version_num`. */
const SERVER_VERSION_MIN = 150_000;
const CONNECT_MS_MAX = 5_000;
/** What an answer may take longer than the server's own bound: the way there and back. */
const ANSWER_GRACE_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;

/**
 * Settings of every session. The planner never gets to prefer a scan of everything, which is what it
 * likes as long as it has seen only empty tables; durability is never traded by a server's default.
 */
const SETTINGS = `
  SELECT set_config('search_path', $1, false),
    set_config('statement_timeout', $2, false),
    set_config('lock_timeout', $3, false),
    set_config('idle_in_transaction_session_timeout', $4, false),
    set_config('tcp_keepalives_idle', '10', false),
    set_config('tcp_keepalives_interval', '5', false),
    set_config('tcp_keepalives_count', '3', false),
    set_config('synchronous_commit', CASE current_setting('synchronous_commit')
      WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false),
    set_config('enable_seqscan', 'off', false),
    set_config('jit', 'off', false),
    current_setting('server_version_num')::int AS version,
    current_setting('server_version') AS version_name,
    current_setting('server_encoding') AS encoding,
    pg_is_in_recovery() AS standby`;

const OID_BOOL = 16;
const OID_INT8 = 20;
const OID_INT4 = 23;
const OID_BYTEA = 17;
/** What the server writes before the digits of bytes. */
const HEX_PREFIX = 2;

/** Numbers as numbers, bytes as bytes, everything else as text; positions stay below 2^53. */
const TYPES = {
  getTypeParser:
    (oid: number): ((text: string) => unknown) =>
    (text) => {
      if (oid === OID_INT8 || oid === OID_INT4) return Number(text);
      if (oid === OID_BYTEA) return Buffer.from(text.slice(HEX_PREFIX), "hex");
      return oid === OID_BOOL ? text === "t" : text;
    },
};

export class Connection {
  readonly #client: Client;
  readonly #answerMsMax: number;
  readonly #names: Map<string, string> = new Map();
  readonly #onLost: Set<() => void> = new Set();
  #lost: unknown;
  #isLost = false;

  /** Throws a `Fault`: `store_unavailable`, or `store_unusable` when trying again cannot help. */
  static async open(address: Address, bounds: Bounds): Promise<Connection> {
    const client = new Client({
      ...address.config,
      application_name: "keelson",
      pipeline: true,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      connectionTimeoutMillis: CONNECT_MS_MAX,
    });
    const connection = new Connection(client, bounds);
    try {
      await client.connect();
      const [settings] = await connection.run([
        {
          text: SETTINGS,
          values: [
            `${address.schema}, pg_temp`,
            String(bounds.statementMsMax),
            String(bounds.lockMsMax),
            String(bounds.idleInTransactionMsMax),
          ],
        },
      ]);
      checkServer(settings?.rows[0]);
      return connection;
    } catch (error) {
      connection.drop();
      throw faultOf(error);
    }
  }

  private constructor(client: Client, bounds: Bounds) {
    this.#client = client;
    const { statementMsMax } = bounds;
    this.#answerMsMax = statementMsMax === 0 ? 0 : statementMsMax + ANSWER_GRACE_MS;
    client.on("error", (error) => this.#lose(error));
    client.on("end", () => this.#lose(undefined));
  }

  /** True from the moment at which the connection is known to be gone. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Calls `listener` once when the connection is lost or closed. Returns what takes that back. */
  onLost(listener: () => void): () => void {
    this.#onLost.add(listener);
    return () => this.#onLost.delete(listener);
  }

  onNotification(listener: (payload: string) => void): void {
    this.#client.on("notification", ({ payload }) => listener(payload ?? ""));
  }

  /**
   * Sends the statements together. Resolves when all are answered, rejects with the `Fault` of the
   * first that failed, also only after all are answered. Does not open or end a transaction.
   */
  async run(statements: readonly Statement[]): Promise<readonly Answer[]> {
    if (this.#isLost) throw this.#fault();
    const { stream } = this.#client.connection;
    const watch = this.#watch();
    // One packet for all of them, however many messages that is.
    stream.cork();
    const pending = statements.map((statement) => this.#send(statement));
    stream.uncork();
    const answers: Answer[] = [];
    let failure: unknown;
    for (const result of await Promise.allSettled(pending)) {
      if (result.status === "fulfilled") answers.push(result.value);
      else failure ??= result.reason ?? new TypeError("a statement failed without a reason");
    }
    clearTimeout(watch);
    if (failure === undefined) return answers;
    if (endsConnection(failure)) this.#lose(failure);
    throw faultOf(failure);
  }

  /** The rows of one statement. */
  async rows(statement: Statement): Promise<readonly Row[]> {
    const [answer] = await this.run([statement]);
    return answer?.rows ?? [];
  }

  /** Says goodbye to the server. Never rejects. */
  async close(): Promise<void> {
    if (this.#isLost) return;
    await this.#client.end().catch(() => undefined);
    this.#lose(undefined);
  }

  /** Cuts the connection at once; what is under way fails. */
  drop(): void {
    this.#lose(undefined);
    this.#client.connection.stream.destroy();
  }

  async #send({ text, values, once }: Statement): Promise<Answer> {
    const name = once ? undefined : this.#nameOf(text);
    const { command, rowCount, rows } = await this.#client.query<Row & Record<string, unknown>>({
      text,
      types: TYPES,
      ...(name === undefined ? {} : { name }),
      ...(values === undefined ? {} : { values: [...values] }),
    });
    return { command, count: rowCount ?? 0, rows };
  }

  #nameOf(text: string): string {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const name = `k${this.#names.size + 1}`;
    this.#names.set(text, name);
    return name;
  }

  /** A network that swallows everything gives no error by itself. */
  #watch(): NodeJS.Timeout | undefined {
    if (this.#answerMsMax === 0) return undefined;
    return setTimeout(() => {
      this.#lose(new Error(`no answer within ${this.#answerMsMax} ms`));
      this.#client.connection.stream.destroy();
    }, this.#answerMsMax);
  }

  #lose(error: unknown): void {
    this.#lost ??= error;
    if (this.#isLost) return;
    this.#isLost = true;
    const listeners = [...this.#onLost];
    this.#onLost.clear();
    for (const listener of listeners) listener();
    this.#client.connection.stream.destroy();
  }

  #fault(): Fault {
    return faultOf(this.#lost ?? new Error("the connection was closed"));
  }
}

function checkServer(row: Row | undefined): void {
  const { version, version_name: name, encoding, standby } = row ?? {};
  if (typeof version !== "number" || version < SERVER_VERSION_MIN) {
    throw new Fault(
      "store_unusable",
      `the server is PostgreSQL ${String(name)}; Keelson needs 15 or newer: upgrade the server`,
    );
  }
  if (encoding !== "UTF8") {
    throw new Fault(
      "store_unusable",
      `the database's encoding is ${String(encoding)}; create one with ENCODING 'UTF8'`,
    );
  }
  if (standby === true) {
    throw new Fault(
      "store_unavailable",
      "the server is a standby; the URL must lead to the primary",
    );
  }
}
