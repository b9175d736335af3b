import { systemClock } from "../lib/clock.ts";
import { type Probe, probe } from "../storage/postgres/probe.ts";

/** Looks at the database that a ledger is or would be kept in. Throws a `Fault`. */
export function probeDatabase(url: string): Promise<Probe> {
  return probe(url, systemClock);
}
