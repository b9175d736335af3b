import type { Scenario } from "../scenario.ts";
import { CANCEL_SCENARIOS } from "./cancel.ts";
import { CROWD_SCENARIOS } from "./crowd.ts";
import { DURABLE_SCENARIOS } from "./durable.ts";
import { FULL_DISK_SCENARIOS } from "./full-disk.ts";
import { LAPSE_SCENARIOS } from "./lapses.ts";
import { LEASE_SCENARIOS } from "./leases.ts";
import { LEDGER_SCENARIOS } from "./ledgers.ts";
import { OBSERVE_SCENARIOS } from "./observe.ts";
import { OPENCLAW_SCENARIOS } from "./openclaw.ts";
import { PREPARED_LEASE_SCENARIOS } from "./prepared-leases.ts";
import { RECOVER_SCENARIOS } from "./recover.ts";
import { SUBMIT_SCENARIOS } from "./submit.ts";
import { TRIGGER_SCENARIOS } from "./trigger.ts";

/** Every scenario, in the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  ...OBSERVE_SCENARIOS,
  ...LEDGER_SCENARIOS,
  ...SUBMIT_SCENARIOS,
  ...RECOVER_SCENARIOS,
  ...DURABLE_SCENARIOS,
  ...FULL_DISK_SCENARIOS,
  ...CANCEL_SCENARIOS,
  ...LEASE_SCENARIOS,
  ...LAPSE_SCENARIOS,
  ...PREPARED_LEASE_SCENARIOS,
  ...OPENCLAW_SCENARIOS,
  ...TRIGGER_SCENARIOS,
  ...CROWD_SCENARIOS,
];
