/** Checks of the database that holds the ledger. */
import { messageOf } from "../../errors/fault.ts";
import { count, plural } from "../format.ts";
import { bad, type Finding, fine, warning } from "./finding.ts";

/** What one daemon may open at the most: docs/how-to/run-a-cluster.md. */
const CONNECTIONS_OF_A_NODE = 9;
const ROUND_TRIP_MS_WARN = 20;
const CLOCK_MS_WARN = 10_000;

export async function checkDatabase(url: string): Promise<readonly Finding[]> {
  // Loaded here: no other check needs the driver.
  const { probeDatabase } = await import("../../host/database.ts");
  let found: Awaited<ReturnType<typeof probeDatabase>>;
  try {
    found = await probeDatabase(url);
  } catch (error) {
    return [bad("database", messageOf(error), "Correct --store or KEELSON_STORE, or the server.")];
  }
  const { place, server, ledger, roundTripMs, connections, clockAheadMs } = found;
  const holds =
    ledger === undefined
      ? "no ledger yet"
      : `${plural(ledger.events, "event")}, schema ${ledger.schemaVersion}`;
  return [
    fine("database", `${place} (PostgreSQL ${server}), ${holds}`),
    roundTripMs > ROUND_TRIP_MS_WARN
      ? warning(
          "round trip",
          `${roundTripMs.toFixed(1)} ms; a commit takes two`,
          "Run the daemon closer to the database.",
        )
      : fine("round trip", `${roundTripMs.toFixed(1)} ms`),
    checkConnections(connections),
    Math.abs(clockAheadMs) > CLOCK_MS_WARN
      ? warning(
          "clock",
          `this machine is ${count(Math.round(clockAheadMs))} ms ahead of the database`,
          "Leases go by the database's clock, so nothing breaks; set this one for your logs' sake.",
        )
      : fine("clock", "within seconds of the database's"),
  ];
}

function checkConnections({ max, used }: { readonly max: number; readonly used: number }): Finding {
  const text = `${count(used)} of ${count(max)} in use; a daemon takes up to ${CONNECTIONS_OF_A_NODE}`;
  if (max - used >= CONNECTIONS_OF_A_NODE) return fine("connections", text);
  return warning("connections", text, "Raise max_connections, or run fewer clients.");
}
