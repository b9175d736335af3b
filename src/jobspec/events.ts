/** GET /v1/events: the ledger as JSON in pages, or as a live stream (digest §16, extensions.md). */
import type { Engine, StoredEvent } from "../engine/engine.ts";
import { Fault } from "../errors/fault.ts";
import { type Frame, sendEvents } from "../http/event-stream.ts";
import { sendChunks } from "../http/reply.ts";
import type { Answer, Call } from "./call.ts";
import { invalidField, quote } from "./fields.ts";
import { PAGE_MAX, readList } from "./paging.ts";
import { corruptView } from "./views.ts";

const PAGE_EVENTS_MAX = 256;
/** A page aims at this much text, so that big payloads make for short pages. */
const PAGE_CHARS = 262_144;
/** `since=latest` starts a stream at the head instead of after an event. */
const LATEST = "latest";

export function getEvents(call: Call): Promise<Answer> {
  const wantsStream = (call.request.headers.accept ?? "").includes("text/event-stream");
  return wantsStream ? streamEvents(call) : listEvents(call);
}

async function listEvents(call: Call): Promise<Answer> {
  const { engine, http } = call.surface;
  const stretch = await stretchOf(call);
  const limit = readLimit(call.query);
  await sendChunks(call.response, eventsText(engine, stretch, limit), http.stallMsMax);
  return undefined;
}

/** Which part of the ledger is asked for. */
interface Stretch {
  readonly after: number;
  /** The last position; the head as it is now when absent. */
  readonly until?: number;
  /** Only events of this job. */
  readonly job?: string;
}

/** A job's events lie between its acceptance and its last change. */
async function stretchOf({ surface, query }: Call): Promise<Stretch> {
  const { engine } = surface;
  const after = await startOf(engine, query);
  const job = query.get("job") ?? "";
  if (job === "") return { after };
  const state = await engine.job(job);
  const until = await engine.positionOf(state?.last_event_id ?? "");
  if (state === undefined || until === undefined) return { after, until: after, job };
  return { after: Math.max(after, state.seq - 1), until, job };
}

/** After the cursor, or the newest events when `last` says how many. */
async function startOf(engine: Engine, query: URLSearchParams): Promise<number> {
  const last = readCount(query, "last");
  if (last === undefined) return positionAfter(engine, cursorOf(query));
  if (cursorOf(query) !== "") throw invalidField("last", "last and a cursor exclude each other");
  return Math.max(0, engine.headPosition() - Math.min(last, PAGE_MAX));
}

/**
 * The document in the contract's field order, up to the head as it is now. Foreign events between
 * the first and the last event shown come in a list of their own and do not count as shown.
 */
async function* eventsText(
  engine: Engine,
  stretch: Stretch,
  limit: number,
): AsyncGenerator<string, void> {
  const { after, job } = stretch;
  let until = stretch.until ?? engine.headPosition();
  const { last_event_id: lastEventId } = engine.lag();
  const corrupt = engine.corrupt().map(corruptView);
  let foreign = false;
  let shown = 0;
  let separator = "";
  yield '{"events":[';
  for await (const stored of limit > 0 ? walk(engine, after, until) : []) {
    if (job !== undefined && stored.event.job_id !== job) continue;
    if (stored.foreign) {
      foreign = true;
      continue;
    }
    yield separator + stored.json;
    separator = ",";
    shown += 1;
    if (shown < limit) continue;
    until = stored.position;
    break;
  }
  yield "]";
  if (corrupt.length > 0) yield `,"corrupt":${JSON.stringify(corrupt)}`;
  if (lastEventId !== undefined) yield `,"last_event_id":${JSON.stringify(lastEventId)}`;
  if (foreign) yield* foreignText(engine, { ...stretch, until });
  yield "}";
}

async function* foreignText(
  engine: Engine,
  { after, until, job }: Stretch & { readonly until: number },
): AsyncGenerator<string, void> {
  let separator = "";
  yield ',"foreign_events":[';
  for await (const stored of walk(engine, after, until)) {
    if (!stored.foreign || (job !== undefined && stored.event.job_id !== job)) continue;
    yield separator + stored.json;
    separator = ",";
  }
  yield "]";
}

/** Events after one position up to another, read in pages. */
async function* walk(
  engine: Engine,
  after: number,
  until: number,
): AsyncGenerator<StoredEvent, void> {
  const pages = new PageSize();
  let afterPosition = after;
  while (afterPosition < until) {
    const page = await engine.events({ afterPosition, limit: pages.limit });
    for (const stored of page) {
      if (stored.position > until) return;
      yield stored;
      afterPosition = stored.position;
    }
    if (page.length === 0) return;
    pages.saw(page);
  }
}

async function streamEvents(call: Call): Promise<Answer> {
  const { engine, streams, http } = call.surface;
  const wanted = wantedEvents(call.query);
  const position = await streamStart(call);
  if (call.request.method === "HEAD") {
    call.response.writeHead(200, { "content-type": "text/event-stream" }).end();
    return undefined;
  }
  const tail = engine.tail(position);
  const pages = new PageSize();
  await sendEvents(call.response, streams, {
    commentMs: http.streamCommentMs,
    async pull(signal) {
      const page = await tail.next(pages.limit, signal);
      pages.saw(page);
      return (wanted === undefined ? page : page.filter(wanted)).map(frameOf);
    },
  });
  return undefined;
}

function frameOf({ event, foreign, json }: StoredEvent): Frame {
  return { id: event.event_id, event: foreign ? "foreign" : event.event_type, data: json };
}

async function streamStart(call: Call): Promise<number> {
  const { engine } = call.surface;
  const header = call.request.headers["last-event-id"];
  const resume = Array.isArray(header) ? header[0] : header;
  if (resume !== undefined && resume !== "") return positionAfter(engine, headerText(resume));
  const { query } = call;
  return cursorOf(query) === LATEST ? engine.headPosition() : startOf(engine, query);
}

/** Header bytes arrive as Latin-1; ids are UTF-8. */
function headerText(header: string): string {
  return Buffer.from(header, "latin1").toString("utf8");
}

function wantedEvents(query: URLSearchParams): ((stored: StoredEvent) => boolean) | undefined {
  const job = query.get("job") ?? "";
  if (!query.has("types") && job === "") return undefined;
  const types = new Set(query.has("types") ? readList(query, "types") : []);
  if (query.has("types") && types.size === 0) {
    throw invalidField("types", "types names no event type");
  }
  return ({ event, foreign }) =>
    (job === "" || event.job_id === job) &&
    (types.size === 0 || types.has(event.event_type) || (foreign && types.has("foreign")));
}

/** `since` wins over `after_id`; blank counts as absent. */
function cursorOf(query: URLSearchParams): string {
  const since = query.get("since")?.trim() ?? "";
  return since === "" ? (query.get("after_id")?.trim() ?? "") : since;
}

async function positionAfter(engine: Engine, eventId: string): Promise<number> {
  if (eventId === "") return 0;
  const position = await engine.positionOf(eventId);
  if (position !== undefined) return position;
  throw new Fault("invalid_cursor", "event cursor not found", {
    details: { detail: `the ledger holds no event ${quote(eventId)}` },
  });
}

/** Absent means all; anything above the cap counts as the cap. */
function readLimit(query: URLSearchParams): number {
  const given = readCount(query, "limit");
  return given === undefined ? Number.POSITIVE_INFINITY : Math.min(given, PAGE_MAX);
}

function readCount(query: URLSearchParams, name: "limit" | "last"): number | undefined {
  const given = query.get(name);
  if (given === null || given === "") return undefined;
  if (!/^\+?\d+$/.test(given)) throw invalidField(name, `${name} must be a non-negative integer`);
  return Number(given);
}

/** How many events to ask for next, from the size of those seen last. */
class PageSize {
  limit = PAGE_EVENTS_MAX;

  saw(page: readonly StoredEvent[]): void {
    if (page.length === 0) return;
    let chars = 0;
    for (const { json } of page) chars += json.length;
    const perEvent = Math.max(1, chars / page.length);
    this.limit = Math.max(1, Math.min(PAGE_EVENTS_MAX, Math.floor(PAGE_CHARS / perEvent)));
  }
}
