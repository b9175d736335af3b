/** GET /v1/health and /v1/ready: cheap whatever the size of the ledger. */
import type { Engine } from "../engine/engine.ts";
import { isFault } from "../errors/fault.ts";
import type { TextAnswer } from "../http/reply.ts";
import { toIso } from "../lib/time.ts";
import { type Answer, type Call, json, type Surface } from "./call.ts";
import { lagView, projectionState } from "./views.ts";

/** Says that the process answers. Asks nothing of the engine, so it answers in any state. */
export function getHealth(call: Call): Answer {
  return json(200, {
    status: "ok",
    daemon: "agentopsd",
    read_only: true,
    now: toIso(call.surface.now()),
  });
}

/** The same for whoever shows no token on an exposed daemon. */
export function probeHealth(): TextAnswer {
  return json(200, { status: "ok" });
}

/**
 * For load balancers, which look at the status alone: 503 while this node should get no requests,
 * because it is about to stop, its ledger is degraded, or its database cannot be asked.
 */
export async function probeReady({ engine }: Surface): Promise<TextAnswer> {
  const ready = await isReady(engine);
  return json(ready ? 200 : 503, { ready });
}

async function isReady(engine: Engine): Promise<boolean> {
  if (engine.isDraining()) return false;
  try {
    await engine.refresh();
  } catch (thrown) {
    if (isFault(thrown)) return false;
    throw thrown;
  }
  return !engine.health().lag.degraded;
}

export async function getReady(call: Call): Promise<Answer> {
  const { engine } = call.surface;
  const { lag, ...health } = engine.health();
  const replay = { ledger_replay_status: lag.corrupt_record_count > 0 ? "corrupt" : "complete" };
  try {
    const numbers = {
      queued_without_worker: await engine.withoutWorker(),
      job_counts: await engine.counts(),
    };
    const state = projectionState({ ...health, lag });
    return json(200, { ready: !lag.degraded, ...replay, ...state, ...numbers });
  } catch (thrown) {
    if (!isFault(thrown) || thrown.code !== "projection_unavailable") throw thrown;
    // The contract's answer about a daemon that is not ready is a 200 that says so.
    return json(200, {
      ready: false,
      ...replay,
      projection_status: "degraded",
      projection_lag: lagView({ ...lag, degraded: true }),
      degraded_reasons: [thrown.message, ...health.reasons],
    });
  }
}
