import { backoffMs, sleep } from "./backoff.ts";
import { deadline } from "./deadline.ts";
import { KeelsonError } from "./error.ts";
import { readFrames } from "./frames.ts";
import type { Transport } from "./transport.ts";
import type { EventsPage, JobEvent } from "./types.ts";

export interface TailOptions {
  /** Start after this event id; `latest` starts at the ledger's end; absent: from its beginning. */
  readonly after?: string | undefined;
  /** Only these event types. */
  readonly types?: readonly string[] | undefined;
  /** Ends the iteration quietly. */
  readonly signal?: AbortSignal | undefined;
  /** Told of every break before the tail connects again. */
  readonly onBreak?: ((error: unknown) => void) | undefined;
  /** A connection silent for this long is taken for dead; 45 s (three missed comments). */
  readonly silenceMs?: number | undefined;
}

const SILENCE_MS_DEFAULT = 45_000;

/**
 * Live events, for ever, over as many connections as it takes. Each new connection names the last
 * event that was handed out, so nothing is missed and nothing comes twice. Ends when `signal`
 * aborts or the caller stops iterating; throws when the daemon refuses (an unknown `after`, say).
 */
export async function* tailEvents(
  transport: Transport,
  options: TailOptions,
): AsyncGenerator<JobEvent, void, undefined> {
  let breaks = 0;
  let cursor: string | undefined;
  let started = false;
  const ended = (): boolean => options.signal?.aborted ?? false;
  while (!ended()) {
    try {
      if (!started) cursor = await startOf(transport, options);
      started = true;
      for await (const event of oneConnection(transport, options, cursor)) {
        breaks = 0;
        // A host that repeats the event it was asked to start after must not make us repeat it.
        if (event.event_id === cursor) continue;
        cursor = event.event_id;
        yield event;
      }
    } catch (error) {
      if (ended()) return;
      if (!isPassing(error)) throw error;
      options.onBreak?.(error);
    }
    await sleep(backoffMs(breaks), options.signal).catch(() => undefined);
    breaks += 1;
  }
}

/**
 * `latest` is turned into an event id here and not by the daemon: a connection that broke before
 * its first event could otherwise not say where to go on, and what happened in between would be lost.
 */
async function startOf(transport: Transport, options: TailOptions): Promise<string | undefined> {
  if (options.after !== "latest") return options.after;
  const page = await transport.json<EventsPage>({
    method: "GET",
    path: "/v1/events",
    query: { limit: 0 },
    repeat: "always",
    signal: options.signal,
  });
  return page.last_event_id;
}

async function* oneConnection(
  transport: Transport,
  options: TailOptions,
  cursor: string | undefined,
): AsyncGenerator<JobEvent, void, undefined> {
  const silence = deadline(options.silenceMs ?? SILENCE_MS_DEFAULT, options.signal);
  try {
    const response = await transport.open({
      method: "GET",
      path: "/v1/events",
      query: { since: cursor, types: options.types },
      headers: {
        accept: "text/event-stream",
        ...(cursor === undefined ? {} : { "last-event-id": cursor }),
      },
      repeat: "never",
      signal: silence.signal,
    });
    for await (const frame of readFrames(streamOf(response), silence.restart)) {
      const event: JobEvent = JSON.parse(frame.data);
      yield event;
      // The caller may take its time; that is not the daemon's silence.
      silence.restart();
    }
  } finally {
    silence.clear();
  }
}

function streamOf(response: Response): ReadableStream<Uint8Array> {
  const type = response.headers.get("content-type") ?? "";
  if (response.body !== null && type.startsWith("text/event-stream")) return response.body;
  throw new KeelsonError("this daemon has no live event stream", {
    status: response.status,
    code: "unexpected_answer",
  });
}

/** True for what a later connection may cure; a refusal is not. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof KeelsonError)) return true;
  return error.status === 0 || error.status >= 500;
}
