/** The kit judges a daemon whose ledger is in PostgreSQL, in every scenario it has. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Report, runConformance } from "../../conformance/src/conformance.ts";
import { SCENARIOS } from "../../conformance/src/scenarios/all.ts";
import { type Database, freshDatabase } from "../support/postgres.ts";

const ENTRY = fileURLToPath(new URL("daemon-of-root.ts", import.meta.url));
const START = `${process.execPath} ${ENTRY} {root} {port} {token_file}`;

const NO_BROKEN_LINES = "a row is an event or was never committed, so no line can be broken";
const NO_FILE = "the ledger is in the database; `.agents/daemon/ledger.jsonl` is not written";

/** Every requirement that this store does not meet, and why: docs/how-to/run-a-cluster.md. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  "observe:ready:bad-line": NO_BROKEN_LINES,
  "observe:events:corrupt-named": NO_BROKEN_LINES,
  "project:openclaw:degraded": NO_BROKEN_LINES,
  "project:trigger:not-ready": NO_BROKEN_LINES,
  "observe:reads:change-nothing": "the kit's broken line stays behind when its root is moved",
  "enqueue:ledger:line-before-answer": NO_FILE,
  "enqueue:ledger:line-format": NO_FILE,
  "enqueue:durable:full-disk": "the kit limits the daemon's own files, and none of them grows",
  "project:rebuild:from-ledger-alone": NO_FILE,
};

describe("a daemon on PostgreSQL, started and killed by the kit", () => {
  let database: Database;
  let report: Report;

  beforeAll(async () => {
    database = await freshDatabase();
    process.env["KIT_DATABASE"] = database.url;
    report = await runConformance({ start: START });
  });
  afterAll(async () => {
    delete process.env["KIT_DATABASE"];
    await database.drop();
  });

  it("fails nothing but what is about the bytes of the ledger's file", () => {
    const failed = report.requirements
      .filter(({ outcome }) => outcome !== "passed")
      .map(({ id }) => id);
    expect(failed.toSorted()).toEqual(Object.keys(DIFFERENCES).toSorted());
  });

  it("was asked by every scenario, and none of them broke off", () => {
    expect(report.scenarios.map(({ id }) => id)).toEqual(SCENARIOS.map(({ id }) => id));
    expect(report.scenarios.filter(({ outcome }) => outcome === "error")).toEqual([]);
  });
});
