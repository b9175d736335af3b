import type { JobListResponse } from "./generated/types.ts";
import type { EventsPage, EventsQuery, Job, JobEvent, JobsQuery } from "./types.ts";

const EVENTS_PER_PAGE = 1_000;

/** Every job of a query, those of foreign types at the end of their page: page by page, each page asked for when the one before is used up. */
export async function* eachJob(
  list: (query: JobsQuery) => Promise<JobListResponse>,
  query: JobsQuery,
): AsyncGenerator<Job, void, undefined> {
  let cursor = query.cursor;
  do {
    const page = await list({ ...query, cursor });
    yield* page.jobs;
    yield* page.foreign_jobs ?? [];
    cursor = page.next_cursor;
  } while (cursor !== undefined);
}

/** Every event that is in the ledger now, foreign ones at the end of their page: page by page. */
export async function* eachEvent(
  list: (query: EventsQuery) => Promise<EventsPage>,
  query: EventsQuery,
): AsyncGenerator<JobEvent, void, undefined> {
  let { since, last: newest } = query;
  for (;;) {
    const { job, limit = EVENTS_PER_PAGE } = query;
    const page = await list({ since, limit, job, last: newest });
    newest = undefined;
    yield* page.events;
    yield* page.foreign_events ?? [];
    // The page ends with its last known event; only a page without any ends with a foreign one.
    const last = page.events.at(-1) ?? page.foreign_events?.at(-1);
    // A host that ignores the cursor would answer the same page for ever.
    if (last === undefined || last.event_id === since) return;
    if (last.event_id === page.last_event_id) return;
    since = last.event_id;
  }
}
