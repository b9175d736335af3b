/**
 * The schema, step by step. Forward only: a step that was released is never changed, and one that a
 * newer release adds names the oldest schema whose nodes can go on beside it.
 */
import { createHash } from "node:crypto";
import { Fault } from "../../errors/fault.ts";
import type { Bounds, Connection } from "./connection.ts";
import { sqlStateOf } from "./faults.ts";
import { ledgerMigration } from "./migrations/0001-ledger.ts";
import { jobsMigration } from "./migrations/0002-jobs.ts";
import { blobsMigration } from "./migrations/0003-blobs.ts";
import { nodesMigration } from "./migrations/0004-nodes.ts";

export interface Migration {
  readonly version: number;
  readonly name: string;
  /** Nodes that know the schema up to this version can use it after this step too. */
  readonly worksWith: number;
  readonly sql: string;
}

export const MIGRATIONS: readonly Migration[] = [
  ledgerMigration,
  jobsMigration,
  blobsMigration,
  nodesMigration,
];

/** A step may take as long as it needs; another node's is waited for. */
export const MIGRATION_BOUNDS: Bounds = {
  statementMsMax: 0,
  lockMsMax: 0,
  idleInTransactionMsMax: 60_000,
};

const MIGRATIONS_TABLE = `
CREATE TABLE IF NOT EXISTS migrations (
  version integer PRIMARY KEY,
  name text NOT NULL,
  checksum text NOT NULL,
  works_with integer NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)`;

/** SQLSTATE of a role that may not do something. */
const NO_RIGHT = "42501";

/**
 * Brings the schema up to the last of `migrations`, each in a transaction of its own; of several
 * nodes one does it and the others wait. Throws a `Fault` (`store_unusable`) for a schema that is
 * newer than this program or not the one it made, and for a role without the rights.
 */
export async function migrate(
  connection: Connection,
  schema: string,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  if (missing(await applied(connection, schema), migrations).length === 0) return;
  const lock = { values: [`keelson migrations ${schema}`] };
  await connection.run([{ text: "SELECT pg_advisory_lock(hashtextextended($1, 0))", ...lock }]);
  try {
    await makeSchema(connection, schema);
    for (const step of missing(await applied(connection, schema), migrations)) {
      await apply(connection, step);
    }
  } catch (error) {
    throw rightsFault(error, schema) ?? error;
  } finally {
    await connection
      .run([{ text: "SELECT pg_advisory_unlock(hashtextextended($1, 0))", ...lock }])
      .catch(() => undefined);
  }
}

interface Applied {
  readonly version: number;
  readonly checksum: string;
  readonly worksWith: number;
}

async function applied(connection: Connection, schema: string): Promise<readonly Applied[]> {
  const [table] = await connection.rows({
    text: "SELECT to_regclass($1) IS NOT NULL AS exists",
    values: [`${schema}.migrations`],
  });
  if (table?.["exists"] !== true) return [];
  const rows = await connection.rows({
    text: "SELECT version, checksum, works_with FROM migrations ORDER BY version",
  });
  return rows.map((row) => ({
    version: Number(row["version"]),
    checksum: String(row["checksum"]),
    worksWith: Number(row["works_with"]),
  }));
}

/** The steps that are still to be taken, after a look at those that were. */
function missing(
  found: readonly Applied[],
  migrations: readonly Migration[],
): readonly Migration[] {
  const newest = migrations.at(-1)?.version ?? 0;
  const known = new Map(migrations.map((step) => [step.version, step]));
  for (const { version, checksum, worksWith } of found) {
    const step = known.get(version);
    if (step === undefined && worksWith > newest) {
      throw new Fault(
        "store_unusable",
        `the database's schema is version ${version} and needs a newer Keelson: this one knows ` +
          `versions up to ${newest}; upgrade this node`,
        { details: { schema_version: version } },
      );
    }
    if (step === undefined || checksumOf(step) === checksum) continue;
    throw new Fault(
      "store_unusable",
      `step ${version} of the database's schema is not the one that this Keelson would take; ` +
        "was it made by a build that was never released? Use another schema",
      { details: { schema_version: version } },
    );
  }
  const taken = new Set(found.map(({ version }) => version));
  return migrations.filter(({ version }) => !taken.has(version));
}

/** A role may be allowed to use a schema that it could not make. */
async function makeSchema(connection: Connection, schema: string): Promise<void> {
  const [found] = await connection.rows({
    text: "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1) AS exists",
    values: [schema],
  });
  if (found?.["exists"] !== true) {
    await connection.run([{ text: `CREATE SCHEMA ${schema}`, once: true }]);
  }
  await connection.run([{ text: MIGRATIONS_TABLE, once: true }]);
}

async function apply(connection: Connection, step: Migration): Promise<void> {
  const { version, name, worksWith, sql } = step;
  try {
    await connection.run([{ text: `BEGIN; ${sql}`, once: true }]);
    await connection.run([
      {
        text: "INSERT INTO migrations (version, name, checksum, works_with) VALUES ($1, $2, $3, $4)",
        values: [version, name, checksumOf(step), worksWith],
      },
    ]);
    await connection.run([{ text: "COMMIT" }]);
  } catch (error) {
    if (!connection.isLost) await connection.run([{ text: "ROLLBACK" }]);
    throw error;
  }
}

function checksumOf({ version, sql }: Migration): string {
  return createHash("sha256").update(`${version}\n${sql}`).digest("hex");
}

function rightsFault(error: unknown, schema: string): Fault | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  if (sqlStateOf(cause) !== NO_RIGHT) return undefined;
  return new Fault(
    "store_unusable",
    `the role may not make Keelson's tables; let an administrator run ` +
      `CREATE SCHEMA ${schema} AUTHORIZATION <role>`,
    { cause },
  );
}
