/**
 * PostgreSQL for tests: fresh databases on the run's shared server, and servers of one's own for
 * tests that stop or crash them. Never skipped: what cannot be had is an error.
 */
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { Client, DatabaseError } from "pg";
import { inject } from "vitest";
import { PostgresServer, type ServerAddress } from "./postgres-server.ts";

export interface Database {
  /** With user and password; `pg` takes it as it is. */
  readonly url: string;
  /** Ends the sessions that are left and removes it. */
  readonly drop: () => Promise<void>;
}

/** What a database holds at first: made once per server, copied from then on. */
export interface Template {
  /** Lower case letters, digits and underscores. */
  readonly name: string;
  readonly prepare: (url: string) => Promise<void>;
}

/** A server that no other test file uses. */
export interface OwnServer extends PostgresServer {
  readonly freshDatabase: (template?: Template) => Promise<Database>;
}

const LOCK = 5_133_467;

let shared: Promise<ServerAddress> | undefined;

/** An empty database of its own, or a copy of the template, on the server that the run shares. */
export async function freshDatabase(template?: Template): Promise<Database> {
  shared ??= askForServer();
  return await createDatabase(await shared, template);
}

/** A server to stop, crash and restart without disturbing anybody. Takes about a second. */
export async function ownServer(): Promise<OwnServer> {
  const server = await PostgresServer.open();
  return Object.assign(server, {
    freshDatabase: (template?: Template) => createDatabase(server.address, template),
  });
}

async function askForServer(): Promise<ServerAddress> {
  const { port, secret } = inject("postgresDesk");
  const socket = connect(port, "127.0.0.1");
  socket.write(secret);
  const answer = JSON.parse(await text(socket)) as ServerAddress | { readonly error: string };
  if ("error" in answer) throw new Error(answer.error);
  return answer;
}

async function createDatabase(server: ServerAddress, template?: Template): Promise<Database> {
  const name = `keelson_${server.run}_${randomBytes(6).toString("hex")}`;
  const admin = new Client(server.adminUrl);
  await admin.connect();
  try {
    const from = template === undefined ? undefined : await templateOn(server, admin, template);
    await create(admin, name, { server, from });
  } finally {
    await admin.end();
  }
  return { url: urlOf(server, name), drop: () => dropDatabase(server, name) };
}

/** The template's database, made under a lock by whoever needs it first. */
async function templateOn(
  server: ServerAddress,
  admin: Client,
  template: Template,
): Promise<string> {
  const name = `keelson_${server.run}_template_${template.name}`;
  await admin.query("SELECT pg_advisory_lock($1)", [LOCK]);
  try {
    const { rowCount } = await admin.query("SELECT 1 FROM pg_database WHERE datname = $1", [name]);
    if (rowCount !== 0) return name;
    const unfinished = `${name}_unfinished`;
    await admin.query(`DROP DATABASE IF EXISTS ${unfinished} WITH (FORCE)`);
    await create(admin, unfinished, { server });
    await template.prepare(urlOf(server, unfinished));
    await admin.query(`ALTER DATABASE ${unfinished} RENAME TO ${name}`);
    return name;
  } finally {
    await admin.query("SELECT pg_advisory_unlock($1)", [LOCK]);
  }
}

async function create(
  admin: Client,
  name: string,
  { server, from }: { readonly server: ServerAddress; readonly from?: string | undefined },
): Promise<void> {
  const owner = server.role === undefined ? "" : ` OWNER ${server.role.name}`;
  await admin.query(`CREATE DATABASE ${name}${owner} TEMPLATE ${from ?? "template0"}`);
}

async function dropDatabase(server: ServerAddress, name: string): Promise<void> {
  const admin = new Client(server.adminUrl);
  await admin.connect();
  try {
    await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  } catch (error) {
    // A session that came in meanwhile is asked to leave once more.
    if (!(error instanceof DatabaseError)) throw error;
    await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  } finally {
    await admin.end();
  }
}

function urlOf(server: ServerAddress, database: string): string {
  const url = new URL(server.adminUrl);
  url.pathname = `/${database}`;
  if (server.role !== undefined) {
    url.username = server.role.name;
    url.password = server.role.password;
  }
  return url.href;
}
