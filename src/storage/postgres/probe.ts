/** A look at a database without changing anything in it: what an operator wants to know beforehand. */
import type { Clock } from "../../lib/clock.ts";
import { addressOf } from "./address.ts";
import type { Bounds, Connection } from "./connection.ts";
import { Dialer } from "./dialer.ts";

export interface Probe {
  /** The address without its password. */
  readonly place: string;
  /** The server's version in its own words. */
  readonly server: string;
  /** Absent when there is no ledger yet. */
  readonly ledger?: { readonly schemaVersion: number; readonly events: number };
  readonly roundTripMs: number;
  /** Connections that the server takes in all, and that are in use now. */
  readonly connections: { readonly max: number; readonly used: number };
  /** How far this machine's clock is ahead of the database's. */
  readonly clockAheadMs: number;
}

const PROBE_BOUNDS: Bounds = {
  statementMsMax: 5_000,
  lockMsMax: 1_000,
  idleInTransactionMsMax: 5_000,
};

/** Throws a `Fault`: `store_unavailable`, or `store_unusable` when trying again cannot help. */
export async function probe(url: string, clock: Clock): Promise<Probe> {
  const address = addressOf(url);
  const connection = await new Dialer(address, clock).open(PROBE_BOUNDS);
  try {
    const [about] = await connection.rows({
      text: `SELECT current_setting('server_version') AS server,
        current_setting('max_connections')::int AS max,
        (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
        to_regclass($1) IS NOT NULL AS exists`,
      values: [`${address.schema}.migrations`],
    });
    const sentAt = clock.monotonic();
    const [read] = await connection.rows({
      text: "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now",
    });
    const roundTripMs = clock.monotonic() - sentAt;
    const ledger = about?.["exists"] === true ? await ledgerAt(connection) : undefined;
    return {
      place: address.place,
      server: String(about?.["server"]),
      ...(ledger === undefined ? {} : { ledger }),
      roundTripMs,
      connections: { max: Number(about?.["max"]), used: Number(about?.["used"]) },
      clockAheadMs: clock.now() - roundTripMs / 2 - Number(read?.["now"]),
    };
  } finally {
    await connection.close();
  }
}

async function ledgerAt(connection: Connection): Promise<Probe["ledger"]> {
  const [row] = await connection.rows({
    text: "SELECT (SELECT max(version) FROM migrations) AS version, head FROM ledger_head",
  });
  return { schemaVersion: Number(row?.["version"]), events: Number(row?.["head"]) };
}
