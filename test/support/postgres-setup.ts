/**
 * Vitest's global set-up: gives the run's PostgreSQL server to the test files that ask for it. Nothing
 * starts before the first one does, so runs without such files pay nothing.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type { TestProject } from "vitest/node";
import type { PostgresServer, ServerAddress } from "./postgres-server.ts";

/** Where to ask, and the word that proves that one belongs to this run. */
export interface ServerDesk {
  readonly port: number;
  readonly secret: string;
}

declare module "vitest" {
  interface ProvidedContext {
    postgresDesk: ServerDesk;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const secret = randomBytes(16).toString("hex");
  let started: Promise<PostgresServer> | undefined;
  let wasAsked = false;
  const named = namedServer();
  const desk = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (bytes: Buffer) => {
      if (bytes.toString("utf8") !== secret) return void socket.destroy();
      wasAsked = true;
      started ??= named === undefined ? openServer() : undefined;
      const address = named ?? started?.then((server) => server.address);
      Promise.resolve(address).then(
        (found) => socket.end(JSON.stringify(found)),
        (error: Error) => socket.end(JSON.stringify({ error: error.message })),
      );
    });
  });
  desk.listen(0, "127.0.0.1").unref();
  await once(desk, "listening");
  project.provide("postgresDesk", { port: (desk.address() as AddressInfo).port, secret });
  return async () => {
    desk.close();
    await started?.then(
      (server) => server.close(),
      () => undefined,
    );
    if (named !== undefined && wasAsked) await removeDatabases(named);
  };
}

/** Loaded when it is needed, so that other runs do not read a driver that they never use. */
async function openServer(): Promise<PostgresServer> {
  const { PostgresServer } = await import("./postgres-server.ts");
  return await PostgresServer.open();
}

function namedServer(): ServerAddress | undefined {
  const adminUrl = process.env["KEELSON_TEST_POSTGRES_URL"];
  if (adminUrl === undefined || adminUrl === "") return undefined;
  return { adminUrl, run: randomBytes(4).toString("hex") };
}

/** What interrupted tests left on a server that is not ours. */
async function removeDatabases({ adminUrl, run }: ServerAddress): Promise<void> {
  const { Client } = await import("pg");
  const client = new Client(adminUrl);
  await client.connect();
  const { rows } = await client.query<{ datname: string }>(
    "SELECT datname FROM pg_database WHERE starts_with(datname, $1)",
    [`keelson_${run}_`],
  );
  for (const { datname } of rows) await client.query(`DROP DATABASE ${datname} WITH (FORCE)`);
  await client.end();
}
