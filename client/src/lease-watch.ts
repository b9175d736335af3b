import type { Client } from "./client.ts";
import { KeelsonError } from "./error.ts";
import type { HeldJob } from "./held-job.ts";
import type { JobEvent } from "./types.ts";

const TAKEN_AWAY = ["job.cancelled", "job.lease_expired"];

/**
 * Tells held jobs of a cancel or a lost lease as the daemon records it, instead of at their next
 * heartbeat. Runs until `signal` aborts. Without it a worker is slower to notice, never wrong:
 * the daemon refuses a stale holder's writes anyway.
 */
export async function watchLeases(
  client: Client,
  held: ReadonlySet<HeldJob>,
  options: { readonly signal: AbortSignal; readonly onError: (error: unknown) => void },
): Promise<void> {
  const { signal, onError } = options;
  try {
    const events = client.tail({ after: "latest", types: TAKEN_AWAY, signal, onBreak: onError });
    for await (const event of events) {
      for (const each of held) {
        if (concerns(event, each)) each.lose(lossOf(event));
      }
    }
  } catch (error) {
    if (!signal.aborted) onError(error);
  }
}

function concerns(event: JobEvent, held: HeldJob): boolean {
  if (event.job_id !== held.job.job_id) return false;
  if (event.event_type === "job.cancelled") return true;
  // An expiry that names another epoch is about an earlier holder, perhaps ourselves.
  const epoch = event.payload?.["lease_epoch"];
  return epoch === undefined || epoch === held.epoch;
}

function lossOf(event: JobEvent): KeelsonError {
  if (event.event_type === "job.lease_expired") {
    return new KeelsonError("the lease lapsed", { status: 0, code: "lease_expired" });
  }
  const reason = event.payload?.["reason"];
  const why = typeof reason === "string" ? `: ${reason}` : "";
  return new KeelsonError(`the job was cancelled${why}`, { status: 0, code: "job_terminal" });
}
