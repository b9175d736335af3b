/** A PostgreSQL server of one's own, kept by a process that cleans up behind us. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client } from "pg";

const KEEPER = fileURLToPath(new URL("postgres-keeper.ts", import.meta.url));
/** What tests work as: no more rights than the owner of a database has on a managed server. */
const ROLE = "keelson";

/**
 * How a server stops: `fast` ends the sessions and writes everything down; `immediate` is a crash,
 * after which the next start recovers from the log.
 */
export type StopHow = "fast" | "immediate";

/** Names a server, with the right to create databases on it. */
export interface ServerAddress {
  /** Of a user who may create databases. */
  readonly adminUrl: string;
  /** Who owns the databases, and the password; the user of `adminUrl` where absent. */
  readonly role?: { readonly name: string; readonly password: string };
  /** Part of every database's name, so that two runs on one server do not meet. */
  readonly run: string;
}

interface Ready {
  readonly port: number;
  readonly password: string;
  readonly folder: string;
}

type Answer = ({ readonly ok: true } & Ready) | { readonly ok: false; readonly message: string };

export class PostgresServer {
  readonly address: ServerAddress;
  readonly port: number;
  /** Where its files are; gone after `close`. */
  readonly folder: string;
  readonly #keeper: Keeper;

  constructor(keeper: Keeper, { port, password, folder }: Ready) {
    this.#keeper = keeper;
    this.port = port;
    this.folder = folder;
    this.address = {
      adminUrl: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
      role: { name: ROLE, password },
      run: randomBytes(4).toString("hex"),
    };
  }

  static async open(): Promise<PostgresServer> {
    const keeper = new Keeper();
    const ready = await keeper.answer();
    const server = new PostgresServer(keeper, ready);
    const client = new Client(server.address.adminUrl);
    await client.connect();
    await client.query(`CREATE ROLE ${ROLE} LOGIN PASSWORD '${ready.password}'`);
    await client.end();
    return server;
  }

  async stop(how: StopHow = "fast"): Promise<void> {
    await this.#keeper.order({ order: "stop", how });
  }

  /** On the same port as before. */
  async start(): Promise<void> {
    await this.#keeper.order({ order: "start" });
  }

  async restart(how: StopHow = "fast"): Promise<void> {
    await this.stop(how);
    await this.start();
  }

  /** Stops it and waits until its files are gone. */
  async close(): Promise<void> {
    await this.#keeper.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

class Keeper {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #stderr = "";
  #turn: Promise<unknown> = Promise.resolve();

  constructor() {
    this.#child = spawn(process.execPath, [KEEPER], {
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    const { stdin, stdout, stderr } = this.#child;
    if (stdin === null || stdout === null || stderr === null) throw new Error("no pipes");
    stdin.on("error", () => undefined);
    stderr.on("data", (bytes: Buffer) => (this.#stderr += bytes.toString("utf8")));
    const reader: Interface = createInterface({ input: stdout });
    this.#lines = reader[Symbol.asyncIterator]();
  }

  /** The answer to what was asked last, or to the start. */
  async answer(): Promise<Ready> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`PostgreSQL's keeper ended: ${this.#stderr}`);
    const answer = JSON.parse(value) as Answer;
    if (answer.ok) return answer;
    await this.close();
    throw new Error(answer.message);
  }

  async order(order: object): Promise<void> {
    const answered = this.#turn.then(async () => {
      this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
      await this.answer();
    });
    this.#turn = answered.catch(() => undefined);
    await answered;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.stdin?.end();
    await ended;
  }
}
