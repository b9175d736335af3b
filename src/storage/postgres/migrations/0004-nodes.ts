import type { Migration } from "../migrations.ts";

/** What the processes that share the ledger tell each other; nothing in it is lost with it. */
export const nodesMigration: Migration = {
  version: 4,
  name: "nodes",
  worksWith: 3,
  sql: `
CREATE TABLE nodes (
  node uuid PRIMARY KEY,
  job_types text COLLATE "C" NOT NULL,
  seen_at timestamptz NOT NULL
);
COMMENT ON COLUMN nodes.job_types IS 'JSON array of the job types that have workers at this node.';
`,
};
