/** The OpenClaw routes (digest §15): consumer reads, and the trigger behind the readiness gate. */
import type { Engine, Health, JobCounts } from "../engine/engine.ts";
import { Fault } from "../errors/fault.ts";
import { toIso } from "../lib/time.ts";
import { type Answer, type Call, json, refuse, type Surface } from "./call.ts";
import { ENVELOPES, problemBody, problemOf } from "./errors.ts";
import { arrayItems, BUCKET_TYPES, type JobPages, pagesOf } from "./job-pages.ts";
import {
  type ResourceKind,
  resource,
  snapshotHead,
  snapshotId,
  snapshotSource,
  snapshotStatus,
} from "./openclaw-views.ts";
import { TRIGGER_JOB_TYPES } from "./schemas.ts";
import { sendSnapshot } from "./snapshot.ts";
import { openObject } from "./status.ts";
import { mismatchHeaders, readSubmit } from "./submit.ts";
import { degradedReasons, lagView } from "./views.ts";

type ListName = "runs" | "jobs" | "wiki";

const LISTS: Readonly<
  Record<ListName, { readonly kind: ResourceKind; readonly types?: readonly string[] }>
> = {
  runs: { kind: "run", types: BUCKET_TYPES.runs },
  jobs: { kind: "job" },
  wiki: { kind: "wiki", types: BUCKET_TYPES.wiki },
};

export async function getOpenClawHealth(call: Call): Promise<Answer> {
  const { engine, now } = call.surface;
  const health = engine.health();
  const counts = await engine.counts();
  return json(200, {
    status: "ok",
    ready: !health.lag.degraded,
    snapshot_id: snapshotId(health),
    generated_at: toIso(now()),
    source: snapshotSource(health),
    snapshot_status: snapshotStatus(health),
    resource_counts: {
      runs: countOf(counts, BUCKET_TYPES.runs),
      jobs: countOf(counts, undefined),
      wiki: countOf(counts, BUCKET_TYPES.wiki),
    },
    ...degradedReasons(health.reasons),
  });
}

function countOf(counts: JobCounts, types: readonly string[] | undefined): number {
  let total = 0;
  for (const [type, byStatus] of Object.entries(counts)) {
    if (types !== undefined && !types.includes(type)) continue;
    for (const count of Object.values(byStatus)) total += count ?? 0;
  }
  return total;
}

export function getOpenClawSnapshot(call: Call): Promise<Answer> {
  return answerFrom(call, wholeSnapshot);
}

async function* wholeSnapshot(
  health: Health,
  at: string,
  pages: JobPages,
): AsyncGenerator<string, void> {
  yield `${openObject(snapshotHead(health, at))},"resources":{"runs":[`;
  yield* listText("runs", pages);
  yield '],"jobs":[';
  yield* listText("jobs", pages);
  yield '],"wiki":[';
  yield* listText("wiki", pages);
  yield "]}}";
}

/**
 * The consumer snapshot as GET /openclaw/v1/snapshot/latest would answer it now, for whoever keeps
 * it in a file. Walk the text to its end or return it, so that the snapshot below is closed.
 */
export async function consumerSnapshot(engine: Engine): Promise<{
  readonly snapshot_id: string;
  readonly json: AsyncGenerator<string, void>;
}> {
  const snapshot = await engine.snapshot();
  const { health } = snapshot;
  const text = async function* (): AsyncGenerator<string, void> {
    try {
      yield* wholeSnapshot(health, toIso(snapshot.at), pagesOf(snapshot));
    } finally {
      await snapshot.close();
    }
  };
  return { snapshot_id: snapshotId(health), json: text() };
}

/** GET of one of the three lists. */
export function getOpenClawList(name: ListName): (call: Call) => Promise<Answer> {
  return (call) =>
    answerFrom(call, async function* list(_health, _at, pages) {
      yield `{"${name}":[`;
      yield* listText(name, pages);
      yield "]}";
    });
}

function listText(name: ListName, pages: JobPages): AsyncGenerator<string> {
  const { kind, types } = LISTS[name];
  return arrayItems(pages(types), (job) => resource(kind, job));
}

type SnapshotText = (health: Health, at: string, pages: JobPages) => AsyncGenerator<string, void>;

function answerFrom(call: Call, text: SnapshotText): Promise<Answer> {
  return sendSnapshot(call, (snapshot) =>
    text(snapshot.health, toIso(snapshot.at), pagesOf(snapshot)),
  );
}

/** The readiness gate, judged before the body is read: an answer when the daemon is not ready. */
export function notReady({ engine }: Surface): Answer {
  const health = engine.health();
  if (!health.lag.degraded) return undefined;
  return json(ENVELOPES.not_ready.status, {
    ...problemBody({ code: "not_ready", message: "daemon is not ready" }),
    projection_lag: lagView(health.lag),
    degraded_reasons: health.reasons,
  });
}

export async function triggerJob(call: Call): Promise<Answer> {
  const { engine } = call.surface;
  const input = readSubmit(call.body, call.principal?.triggerActor ?? "openclaw-trigger:anonymous");
  if (!TRIGGER_JOB_TYPES.some((type) => type === input.job_type)) {
    throw new Fault("type_not_allowlisted", "job_type is not allowlisted for OpenClaw trigger", {
      details: { field: "job_type", detail: `one of ${TRIGGER_JOB_TYPES.join(", ")}` },
    });
  }
  const result = await engine.submit(input);
  if (!result.ok) return refuse(problemOf(result.error));
  const { job } = result.value;
  const body = {
    accepted: true,
    request_id: job.request_id,
    job_id: job.job_id,
    job_type: job.job_type,
    status: job.status,
    last_event_id: job.last_event_id,
    snapshot_status: snapshotStatus(engine.health()),
    ...(job.idempotency_key === undefined ? {} : { idempotency_key: job.idempotency_key }),
  };
  return json(202, body, mismatchHeaders([result.value]));
}
