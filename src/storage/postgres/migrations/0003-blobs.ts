import type { Migration } from "../migrations.ts";

/** Content-addressed bodies in pieces of up to a mebibyte. */
export const blobsMigration: Migration = {
  version: 3,
  name: "blobs",
  worksWith: 1,
  sql: `
CREATE TABLE blobs (
  tenant text COLLATE "C" NOT NULL DEFAULT 'local',
  sha256 text COLLATE "C" NOT NULL,
  size bigint NOT NULL,
  written_at bigint NOT NULL,
  upload uuid NOT NULL,
  PRIMARY KEY (tenant, sha256)
);
CREATE TABLE blob_chunks (
  upload uuid NOT NULL,
  number integer NOT NULL,
  tenant text COLLATE "C" NOT NULL DEFAULT 'local',
  body bytea NOT NULL,
  PRIMARY KEY (upload, number)
);
CREATE TABLE blob_uploads (
  upload uuid PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL DEFAULT 'local',
  begun_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE blob_uploads IS 'Bodies that are still arriving; what a crash leaves is removed.';
`,
};
