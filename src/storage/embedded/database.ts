/**
 * `projections.db`: read models, indexes into the ledger, and the checkpoint that says how far they
 * go. Disposable: whatever is wrong with it, the answer is to fold the ledger again.
 *
 * `synchronous = NORMAL` in WAL mode: a transaction may be lost with the power, never half-applied,
 * and never runs ahead of the ledger, whose lines are synced before the transaction starts.
 */
import { DatabaseSync } from "node:sqlite";

/** Raised whenever a table below changes or the fold gives other states; the database is remade. */
const SCHEMA_VERSION = 2;

const TABLES = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE jobs (
  seq INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  job_id TEXT NOT NULL,
  job_type TEXT NOT NULL,
  status TEXT NOT NULL,
  idempotency_key TEXT,
  lease_expires_at INTEGER,
  spent INTEGER NOT NULL,
  state TEXT NOT NULL
);
CREATE UNIQUE INDEX jobs_by_id ON jobs (tenant, job_id);
CREATE INDEX jobs_running ON jobs (lease_expires_at) WHERE status = 'running';
CREATE INDEX jobs_spent ON jobs (seq) WHERE status = 'retry_waiting' AND spent = 1;
CREATE TABLE marks (
  position INTEGER PRIMARY KEY,
  segment INTEGER NOT NULL,
  byte_offset INTEGER NOT NULL
);
CREATE TABLE skips (
  segment INTEGER NOT NULL,
  byte_offset INTEGER NOT NULL,
  line_number INTEGER NOT NULL,
  kind TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (segment, byte_offset)
) WITHOUT ROWID;
CREATE TABLE event_ids (event_id TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
`;

/** Made after a bulk load: sorting once is several times cheaper than inserting in random order. */
const INDEXES = `
CREATE INDEX jobs_by_key ON jobs (tenant, idempotency_key, seq) WHERE idempotency_key IS NOT NULL;
CREATE INDEX jobs_claimable ON jobs (job_type, seq)
  WHERE status IN ('queued', 'retry_waiting') AND spent = 0;
CREATE INDEX jobs_by_status ON jobs (status, seq);
`;

/** Opens an existing database, or undefined when it is missing, damaged or of another version. */
export function openDatabase(path: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    const found = database.prepare("PRAGMA user_version").get()?.["user_version"];
    if (found !== SCHEMA_VERSION) throw new Error(`schema version ${String(found)}`);
    checkIfSmall(database);
    tune(database);
    return database;
  } catch {
    database?.close();
    return undefined;
  }
}

/**
 * A text as a column holds it. SQLite keeps UTF-8, in which every half of a surrogate pair becomes
 * the same replacement character, so texts with such halves (a stranger's ledger may have them) are
 * kept escaped. The mark in front is one that no other text starts with by accident.
 */
export function columnText(text: string): string {
  return text.isWellFormed() ? text : `\u0000escaped:${JSON.stringify(text)}`;
}

/** A full check reads every page; a large database is trusted until a query says otherwise. */
const CHECKED_PAGES_MAX = 8192;

function checkIfSmall(database: DatabaseSync): void {
  const pages = Number(database.prepare("PRAGMA page_count").get()?.["page_count"]);
  if (pages > CHECKED_PAGES_MAX) return;
  const check = database.prepare("PRAGMA quick_check(1)").get();
  if (check?.["quick_check"] !== "ok") throw new Error("quick_check failed");
}

/** Makes an empty database without most indexes, tuned for filling; `finishBulkLoad` makes it live. */
export function createDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec(
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA page_size = 16384; PRAGMA cache_size = -65536",
  );
  database.exec(TABLES);
  return database;
}

/** Adds the indexes, stamps the version and switches to the live settings. */
export function finishBulkLoad(database: DatabaseSync): void {
  database.exec(INDEXES);
  database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  tune(database);
}

function tune(database: DatabaseSync): void {
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA cache_size = -16384;
    PRAGMA wal_autocheckpoint = 4000;
    PRAGMA temp_store = MEMORY;
  `);
}
