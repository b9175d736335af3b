/**
 * GET /v1/status: the queue and every projection of one instant. The contract repeats each job
 * several times, so the answer is written in pages from one snapshot and never held as a whole.
 */
import type { Health } from "../engine/engine.ts";
import type { JobState } from "../kernel/job/state.ts";
import { type EpochMs, toIso } from "../lib/time.ts";
import type { Answer, Call } from "./call.ts";
import { arrayItems, BUCKET_TYPES, type JobPages, onlyPage, pagesOf } from "./job-pages.ts";
import { manifests } from "./manifests.ts";
import { snapshotHead } from "./openclaw-views.ts";
import { readCursor, readPageSize } from "./paging.ts";
import { sendSnapshot } from "./snapshot.ts";
import {
  degradedReasons,
  isForeignJob,
  jobProjection,
  lagView,
  queueJob,
  SOURCE_LEDGER,
} from "./views.ts";

export async function getStatus(call: Call): Promise<Answer> {
  const afterSeq = readCursor(call.query);
  const limit = readPageSize(call.query);
  return sendSnapshot(call, async function* status(snapshot) {
    const { health, at } = snapshot;
    const view = { health, withoutWorker: await snapshot.withoutWorker(), at };
    if (limit === undefined) {
      yield* statusText({ ...view, pages: pagesOf(snapshot, afterSeq), nextCursor: undefined });
      return;
    }
    const from = afterSeq === undefined ? {} : { afterSeq };
    const found = await snapshot.jobs({ ...from, limit: limit + 1 });
    const page = found.slice(0, limit);
    const nextCursor = found.length > page.length ? page.at(-1)?.seq : undefined;
    yield* statusText({ ...view, pages: onlyPage(page), nextCursor });
  });
}

interface StatusView {
  readonly health: Health;
  readonly withoutWorker: Readonly<Record<string, number>>;
  readonly at: EpochMs;
  readonly pages: JobPages;
  readonly nextCursor: number | undefined;
}

/** The document in the contract's field order. */
async function* statusText(view: StatusView): AsyncGenerator<string, void> {
  const { health, nextCursor } = view;
  yield `{"ready":${!health.lag.degraded},"projection_lag":${JSON.stringify(lagView(health.lag))},`;
  yield '"queue":';
  yield* queueText(view);
  yield ',"projections":';
  yield* projectionsText(view);
  yield `,"queued_without_worker":${JSON.stringify(view.withoutWorker)}`;
  yield nextCursor === undefined ? "}" : `,"next_cursor":"${nextCursor}"}`;
}

async function* queueText({ health, pages }: StatusView): AsyncGenerator<string, void> {
  let foreign = false;
  const known = (job: JobState): object | undefined => {
    if (!isForeignJob(job)) return queueJob(job);
    foreign = true;
    return undefined;
  };
  yield '{"jobs":[';
  yield* arrayItems(pages(), known);
  yield "]";
  // A second walk, only for ledgers that somebody else has written to.
  if (foreign) {
    yield ',"foreign_jobs":[';
    yield* arrayItems(pages(), (job) => (isForeignJob(job) ? queueJob(job) : undefined));
    yield "]";
  }
  yield `${lastEventId(health)}}`;
}

async function* projectionsText({ health, at, pages }: StatusView): AsyncGenerator<string, void> {
  const rebuiltAt = toIso(at);
  const list = (types?: readonly string[]): AsyncGenerator<string> =>
    arrayItems(pages(types), jobProjection);
  yield `{"schema_version":1,"rebuilt_at":"${rebuiltAt}","source_ledger":"${SOURCE_LEDGER}"`;
  yield `${lastEventId(health)},"manifests":${JSON.stringify(manifests(health, rebuiltAt))}`;
  yield ',"jobs":[';
  yield* list();
  yield '],"rpi":{"runs":[';
  yield* list(BUCKET_TYPES.rpi);
  yield ']},"dream":{"runs":[';
  yield* list(BUCKET_TYPES.dream);
  yield ']},"wiki":{"jobs":[';
  yield* list(BUCKET_TYPES.wiki);
  yield `]},"openclaw":${openObject(snapshotHead(health, rebuiltAt))},"resources":{"runs":[`;
  yield* list(BUCKET_TYPES.runs);
  yield '],"jobs":[';
  yield* list();
  yield '],"wiki":[';
  yield* list(BUCKET_TYPES.wiki);
  yield "]}}";
  const reasons = openObject(degradedReasons(health.reasons)).slice(1);
  yield reasons === "" ? "}" : `,${reasons}}`;
}

function lastEventId({ lag }: Health): string {
  return lag.last_event_id === undefined
    ? ""
    : `,"last_event_id":${JSON.stringify(lag.last_event_id)}`;
}

/** JSON text of an object without its closing brace, so that more fields can follow. */
export function openObject(value: object): string {
  return JSON.stringify(value).slice(0, -1);
}
