import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freshDatabase, type OwnServer, ownServer } from "./postgres.ts";
import { placeBinaries, unprivilegedAccount } from "./postgres-binaries.ts";
import { eventually } from "./raw-socket.ts";
import { TcpProxy } from "./tcp-proxy.ts";

async function connection(url: string): Promise<Client> {
  const client = new Client(url);
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

async function ask(url: string, sql: string): Promise<readonly unknown[]> {
  const client = await connection(url);
  try {
    const { rows } = await client.query<unknown[]>({ text: sql, rowMode: "array" });
    return rows.flat();
  } finally {
    await client.end();
  }
}

describe("the server that the run shares", () => {
  test("each database is empty, and what one holds no other sees", async () => {
    const [one, other] = await Promise.all([freshDatabase(), freshDatabase()]);
    await ask(one.url, "CREATE TABLE t AS SELECT 1 AS n");
    const tables = "SELECT count(*)::int FROM pg_tables WHERE schemaname = 'public'";
    expect(await ask(one.url, tables)).toEqual([1]);
    expect(await ask(other.url, tables)).toEqual([0]);
    await Promise.all([one.drop(), other.drop()]);
  });

  test("a database goes away although somebody is still connected", async () => {
    const database = await freshDatabase();
    const client = await connection(database.url);
    await database.drop();
    await expect(connection(database.url)).rejects.toThrow("does not exist");
    await client.end().catch(() => undefined);
  });

  test("a template is prepared once and copied, however many ask at once", async () => {
    let prepared = 0;
    const template = {
      name: "counted",
      prepare: async (url: string) => {
        prepared += 1;
        await ask(url, "CREATE TABLE t AS SELECT 7 AS n");
      },
    };
    const copies = await Promise.all([1, 2, 3].map(() => freshDatabase(template)));
    for (const { url } of copies) expect(await ask(url, "SELECT n FROM t")).toEqual([7]);
    expect(prepared).toBe(1);
    await Promise.all(copies.map(({ drop }) => drop()));
  });

  test("a template that cannot be prepared is an error, and the next attempt begins anew", async () => {
    const name = "broken";
    const prepare = (sql: string) => async (url: string) => void (await ask(url, sql));
    const first = prepare("CREATE TABLE half AS SELECT 1; SELECT 1/0");
    await expect(freshDatabase({ name, prepare: first })).rejects.toThrow("division by zero");
    const copy = await freshDatabase({ name, prepare: prepare("CREATE TABLE t AS SELECT 1 AS n") });
    expect(await ask(copy.url, "SELECT n FROM t")).toEqual([1]);
    await copy.drop();
  });
});

describe("a server of one's own", () => {
  let server: OwnServer;
  beforeAll(async () => {
    server = await ownServer();
  });
  afterAll(async () => {
    await server.close();
  });

  test("it syncs what it commits, and its users have no more rights than owners have", async () => {
    const { url } = await server.freshDatabase();
    for (const setting of ["fsync", "synchronous_commit", "full_page_writes"])
      expect(await ask(url, `SHOW ${setting}`)).toEqual(["on"]);
    expect(await ask(url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")).toEqual([
      false,
    ]);
  });

  test("nobody comes in without the password", async () => {
    const { url } = await server.freshDatabase();
    const wrong = new URL(url);
    wrong.password = "guessed";
    await expect(connection(wrong.href)).rejects.toThrow("password authentication failed");
  });

  for (const how of ["fast", "immediate"] as const) {
    test(`what was committed is there after it stopped (${how}) and started again`, async () => {
      const { url } = await server.freshDatabase();
      await ask(url, "CREATE TABLE t AS SELECT 1 AS n");
      const client = await connection(url);
      await client.query("BEGIN; INSERT INTO t VALUES (2)");
      await server.stop(how);
      await expect(client.query("COMMIT")).rejects.toThrow();
      await expect(connection(url)).rejects.toThrow("ECONNREFUSED");
      await server.start();
      expect(await ask(url, "SELECT n FROM t")).toEqual([1]);
    });
  }

  test("a connection cut after the commit was sent: committed, and the client cannot know", async () => {
    const { url } = await server.freshDatabase();
    await ask(url, "CREATE TABLE t (n int)");
    const proxy = await TcpProxy.open(server.port);
    const through = new URL(url);
    through.port = String(proxy.port);
    const client = await connection(through.href);
    await client.query("BEGIN");
    await client.query("INSERT INTO t VALUES (1)");
    // A simple query is its type, four bytes of length, the text and a zero.
    const cut = proxy.cutAfter("to-server", 1 + 4 + "COMMIT".length + 1);
    await expect(client.query("COMMIT")).rejects.toThrow();
    await cut;
    await eventually(async () => (await ask(url, "SELECT n FROM t")).length === 1);
    await proxy.close();
  });
});

describe("what is left behind", () => {
  test("closing removes the processes, the files and the shared memory", async () => {
    const server = await ownServer();
    expect(existsSync(server.folder)).toBe(true);
    const segment = await sharedMemory(server.folder);
    await server.close();
    expect(existsSync(server.folder)).toBe(false);
    expect(segment).toMatch(/^\d+$/);
    expect(await segmentsNow()).not.toContain(segment);
    await expect(connection(server.address.adminUrl)).rejects.toThrow("ECONNREFUSED");
    await server.close();
  });

  test("an owner killed with SIGKILL leaves nothing either", async () => {
    const script = `
      const { PostgresServer } = await import(${JSON.stringify(here("postgres-server.ts"))});
      const server = await PostgresServer.open();
      console.log(JSON.stringify({ folder: server.folder, url: server.address.adminUrl }));
      setInterval(() => undefined, 1_000);`;
    const owner = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = createInterface({ input: owner.stdout })[Symbol.asyncIterator]();
    const said = await lines.next();
    if (said.done === true) throw new Error("the owner ended before it had a server");
    const { folder, url } = JSON.parse(said.value) as { folder: string; url: string };
    expect(await ask(url, "SELECT 1")).toEqual([1]);
    const segment = await sharedMemory(folder);
    owner.kill("SIGKILL");
    await eventually(() => !existsSync(folder));
    await expect(connection(url)).rejects.toThrow("ECONNREFUSED");
    expect(await segmentsNow()).not.toContain(segment);
  });
});

describe("the binaries", () => {
  test("they run for an account that cannot enter the folder of the packages", async () => {
    const closed = await mkdtemp(join(tmpdir(), "keelson-closed-"));
    const open = await mkdtemp(join(tmpdir(), "keelson-open-"));
    await chmod(open, 0o755);
    const program = join(closed, "native/bin/program");
    await mkdir(dirname(program), { recursive: true, mode: 0o700 });
    await writeFile(program, "#!/bin/sh\necho ran\n", { mode: 0o700 });
    await mkdir(join(closed, "native/lib"));
    await writeFile(join(closed, "native/lib/a.so.1"), "", { mode: 0o600 });
    const links = [{ source: "native/lib/a.so.1", target: "native/lib/a.so" }];
    await writeFile(join(closed, "native/pg-symlinks.json"), JSON.stringify(links));
    await placeBinaries(join(closed, "native"), join(open, "native"));
    const account = await unprivilegedAccount();
    const placed = join(open, "native/bin/program");
    const { stdout } = await promisify(execFile)(placed, { cwd: open, ...account });
    expect(stdout).toBe("ran\n");
    expect(await readlink(join(open, "native/lib/a.so"))).toBe("a.so.1");
    await rm(closed, { recursive: true });
    await rm(open, { recursive: true });
  });
});

/** The number of the segment that guards a server's folder, as its own files tell it. */
async function sharedMemory(folder: string): Promise<string | undefined> {
  const lines = (await readFile(join(folder, "data/postmaster.pid"), "utf8")).split("\n");
  return lines[6]?.trim().split(/\s+/)[1];
}

/** Every segment of this machine, where the system shows them in a file. */
async function segmentsNow(): Promise<readonly (string | undefined)[]> {
  const table = await readFile("/proc/sysvipc/shm", "utf8").catch(() => "");
  return table.split("\n").map((line) => line.trim().split(/\s+/)[1]);
}

function here(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}
