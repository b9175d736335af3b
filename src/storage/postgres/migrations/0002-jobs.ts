import type { Migration } from "../migrations.ts";

/** Read models: the fold of the ledger, made again by `rebuild.ts`. */
export const jobsMigration: Migration = {
  version: 2,
  name: "jobs",
  worksWith: 1,
  sql: `
CREATE TABLE jobs (
  seq bigint PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL DEFAULT 'local',
  job_id text COLLATE "C" NOT NULL,
  job_type text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  idempotency_key text COLLATE "C",
  lease_expires_at bigint,
  spent boolean NOT NULL,
  state text COLLATE "C" NOT NULL,
  payload text COLLATE "C"
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
COMMENT ON COLUMN jobs.lease_expires_at IS 'Milliseconds since 1970; null when no lease is running.';
COMMENT ON COLUMN jobs.payload IS 'JSON of the payload alone, so that a heartbeat does not rewrite it.';
CREATE UNIQUE INDEX jobs_by_id ON jobs (tenant, job_id);
CREATE INDEX jobs_by_key ON jobs (tenant, idempotency_key, seq) WHERE idempotency_key IS NOT NULL;
CREATE INDEX jobs_claimable ON jobs (tenant, job_type, seq)
  WHERE status IN ('queued', 'retry_waiting') AND NOT spent;
CREATE INDEX jobs_running ON jobs (lease_expires_at) WHERE status = 'running';
CREATE INDEX jobs_spent ON jobs (seq) WHERE status = 'retry_waiting' AND spent;
CREATE INDEX jobs_live ON jobs (seq) WHERE status IN ('queued', 'running', 'retry_waiting');
CREATE INDEX jobs_by_status ON jobs (tenant, status, seq);

CREATE TABLE tally (
  tenant text COLLATE "C" NOT NULL DEFAULT 'local',
  job_type text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  type_json text COLLATE "C" NOT NULL,
  count bigint NOT NULL,
  PRIMARY KEY (tenant, job_type, status)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON COLUMN tally.type_json IS 'The job type itself; the column job_type may hold a digest.';
`,
};
