/** All jobs of one snapshot, in pages, so that no answer holds more than a page of them. */
import type { JobSnapshot } from "../engine/engine.ts";
import type { JobState } from "../kernel/job/state.ts";

const PAGE_JOBS = 200;

/** Pages of jobs in queue order; only of `types` when given. May be walked several times. */
export type JobPages = (types?: readonly string[]) => AsyncIterable<readonly JobState[]>;

export function pagesOf(snapshot: JobSnapshot, fromSeq?: number): JobPages {
  return async function* pages(types) {
    let afterSeq = fromSeq;
    for (;;) {
      const page = await snapshot.jobs({
        ...(types === undefined ? {} : { types }),
        ...(afterSeq === undefined ? {} : { afterSeq }),
        limit: PAGE_JOBS,
      });
      if (page.length > 0) yield page;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_JOBS) return;
      afterSeq = last.seq;
    }
  };
}

/** One page that has been read already, seen as the whole. */
export function onlyPage(page: readonly JobState[]): JobPages {
  return async function* pages(types) {
    yield types === undefined ? page : page.filter((job) => types.includes(job.job_type));
  };
}

/** The items of a JSON array, a page at a time, without its brackets. */
export async function* arrayItems(
  pages: AsyncIterable<readonly JobState[]>,
  view: (job: JobState) => object | undefined,
): AsyncGenerator<string> {
  let separator = "";
  for await (const page of pages) {
    let text = "";
    for (const job of page) {
      const item = view(job);
      if (item === undefined) continue;
      text += separator + JSON.stringify(item);
      separator = ",";
    }
    if (text !== "") yield text;
  }
}

/** Job types behind each bucket of the projections (digest §14.1). */
export const BUCKET_TYPES = {
  rpi: ["rpi.run", "rpi.phase"],
  dream: ["dream.run", "dream.stage"],
  wiki: ["wiki.build", "wiki.forge"],
  runs: ["rpi.run", "rpi.phase", "dream.run", "dream.stage"],
} as const;
