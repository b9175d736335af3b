/** The schema's steps, taken from every earlier schema, by several at once, and beside newer nodes. */
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isFault } from "../../src/errors/fault.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { addressOf } from "../../src/storage/postgres/address.ts";
import type { Connection } from "../../src/storage/postgres/connection.ts";
import { Dialer } from "../../src/storage/postgres/dialer.ts";
import {
  MIGRATION_BOUNDS,
  MIGRATIONS,
  type Migration,
  migrate,
} from "../../src/storage/postgres/migrations.ts";
import { openPostgresStore } from "../../src/storage/postgres/store.ts";
import { cancelJob, commit, submitJob } from "../support/batch.ts";
import { freshDatabase, ownServer } from "../support/postgres.ts";

let database: Awaited<ReturnType<typeof freshDatabase>>;
let schema = "";
let schemas = 0;

beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(async () => database.drop());
beforeEach(() => {
  schemas += 1;
  schema = `steps_${schemas}`;
});

const NEWEST = MIGRATIONS.at(-1)?.version ?? 0;

function urlOf(name: string): string {
  return `${database.url}?schema=${name}`;
}

async function connected<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
  const dialer = new Dialer(addressOf(urlOf(schema)), systemClock);
  const connection = await dialer.open(MIGRATION_BOUNDS);
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

function migrated(steps: readonly Migration[]): Promise<void> {
  return connected((connection) => migrate(connection, schema, steps));
}

async function refusalOf(act: Promise<unknown>): Promise<string> {
  const thrown: unknown = await act.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!isFault(thrown)) throw new Error(`no fault, but ${String(thrown)}`);
  expect(thrown.code).toBe("store_unusable");
  return thrown.message;
}

/** A step that a later release might bring. */
function laterStep(worksWith: number, sql: string = "SELECT 1"): Migration {
  return { version: NEWEST + 1, name: "later", worksWith, sql };
}

describe("the schema", () => {
  it("has steps that count up from one", () => {
    expect(MIGRATIONS.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, i) => i + 1));
    for (const { version, worksWith } of MIGRATIONS) expect(worksWith).toBeLessThanOrEqual(version);
  });

  it.each(Array.from({ length: NEWEST + 1 }, (_, version) => version))(
    "is brought up from version %i, and works then",
    async (version) => {
      await migrated(MIGRATIONS.slice(0, version));
      const store = await openPostgresStore({ url: urlOf(schema), clock: systemClock });
      try {
        await commit(store, submitJob("a"), submitJob("b"));
        await commit(store, cancelJob("a"));
        expect(await store.verify()).toMatchObject({ ok: true, events: 3, jobs: 2 });
        const ref = await store.blobs.put(Buffer.from("body"), 10);
        expect(await store.blobs.get(ref)).toHaveLength(4);
      } finally {
        await store.close();
      }
    },
  );

  it("is made once by ten nodes that start together", async () => {
    await Promise.all(Array.from({ length: 10 }, () => migrated(MIGRATIONS)));
    const rows = await connected((connection) =>
      connection.rows({ text: "SELECT version FROM migrations ORDER BY version" }),
    );
    expect(rows.map((row) => row["version"])).toEqual(MIGRATIONS.map(({ version }) => version));
  });

  it("keeps nothing of a step that failed", async () => {
    await migrated(MIGRATIONS);
    const broken = laterStep(NEWEST, "CREATE TABLE half (id int); SELECT no_such_function()");
    await expect(migrated([...MIGRATIONS, broken])).rejects.toThrow("no_such_function");
    const [half] = await connected((connection) =>
      connection.rows({ text: "SELECT to_regclass('half') IS NULL AS gone" }),
    );
    expect(half?.["gone"]).toBe(true);
    await migrated([...MIGRATIONS, laterStep(NEWEST)]);
  });
});

describe("a database that a newer release has changed", () => {
  it("is used on when its step works with nodes of this one", async () => {
    await migrated([...MIGRATIONS, laterStep(NEWEST)]);
    const store = await openPostgresStore({ url: urlOf(schema), clock: systemClock });
    await commit(store, submitJob("a"));
    await store.close();
  });

  it("is refused when it needs newer nodes, with both versions and what to do", async () => {
    await migrated([...MIGRATIONS, laterStep(NEWEST + 1)]);
    const url = urlOf(schema);
    const message = await refusalOf(openPostgresStore({ url, clock: systemClock }));
    expect(message).toContain(`version ${NEWEST + 1}`);
    expect(message).toContain(`up to ${NEWEST}`);
    expect(message).toContain("upgrade this node");
  });

  it("is refused when a step is not the one we know", async () => {
    const [first, ...rest] = MIGRATIONS;
    if (first === undefined) throw new Error("there is no first step");
    await migrated([{ ...first, sql: `${first.sql} -- otherwise` }, ...rest]);
    const message = await refusalOf(migrated(MIGRATIONS));
    expect(message).toContain("step 1");
  });
});

describe("a role without rights", () => {
  it("is told which statement an administrator must run", async () => {
    const server = await ownServer();
    try {
      const url = new URL((await server.freshDatabase()).url);
      const admin = new Client(server.address.adminUrl);
      await admin.connect();
      await admin.query(`CREATE ROLE guest LOGIN PASSWORD 'guest-password'`);
      await admin.end();
      url.username = "guest";
      url.password = "guest-password";
      const message = await refusalOf(openPostgresStore({ url: url.href, clock: systemClock }));
      expect(message).toContain("CREATE SCHEMA keelson AUTHORIZATION");
      expect(message).not.toContain("guest-password");
    } finally {
      await server.close();
    }
  });
});
