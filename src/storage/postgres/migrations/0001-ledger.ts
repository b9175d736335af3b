import type { Migration } from "../migrations.ts";

/** The ledger, its head and the ids that other writers chose. Partitions are made by `partitions.ts`. */
export const ledgerMigration: Migration = {
  version: 1,
  name: "ledger",
  worksWith: 1,
  sql: `
CREATE TABLE ledger (
  position bigint NOT NULL,
  tenant text COLLATE "C" NOT NULL DEFAULT 'local',
  turn uuid,
  is_foreign boolean NOT NULL,
  json text COLLATE "C" NOT NULL,
  PRIMARY KEY (position)
) PARTITION BY RANGE (position);
COMMENT ON TABLE ledger IS 'One row an event, as written; positions have no gaps.';
COMMENT ON COLUMN ledger.turn IS 'Which turn wrote the row; only on the first row of a turn.';

CREATE TABLE ledger_head (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  tenant text COLLATE "C" NOT NULL DEFAULT 'local',
  head bigint NOT NULL,
  last_event_id text COLLATE "C",
  known bigint NOT NULL,
  foreign_events bigint NOT NULL,
  stale text COLLATE "C" NOT NULL,
  last_number bigint NOT NULL,
  room bigint NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE ledger_head IS 'Whoever holds this row has the turn: nobody else appends.';
COMMENT ON COLUMN ledger_head.room IS 'Last position that a partition exists for.';
COMMENT ON COLUMN ledger_head.last_number IS 'The highest number that an event id ends in.';
INSERT INTO ledger_head (head, known, foreign_events, stale, last_number, room)
  VALUES (0, 0, 0, '[]', 0, 0);

CREATE TABLE foreign_event_ids (
  tenant text COLLATE "C" NOT NULL DEFAULT 'local',
  event_id text COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  PRIMARY KEY (tenant, event_id)
);
COMMENT ON TABLE foreign_event_ids IS 'Events whose id does not end in their own position.';
`,
};
