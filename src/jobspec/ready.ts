/** GET /v1/health and /v1/ready: cheap whatever the size of the ledger. */
import { toIso } from "../lib/time.ts";
import { type Answer, type Call, json } from "./call.ts";
import { projectionState } from "./views.ts";

/** Says that the process answers. Asks nothing of the engine, so it answers in any state. */
export function getHealth(call: Call): Answer {
  return json(200, {
    status: "ok",
    daemon: "agentopsd",
    read_only: true,
    now: toIso(call.surface.now()),
  });
}

export async function getReady(call: Call): Promise<Answer> {
  const { engine } = call.surface;
  const health = engine.health();
  return json(200, {
    ready: !health.lag.degraded,
    ledger_replay_status: health.lag.corrupt_record_count > 0 ? "corrupt" : "complete",
    ...projectionState(health),
    queued_without_worker: await engine.withoutWorker(),
    job_counts: await engine.counts(),
  });
}
