/**
 * Server-sent events with back-pressure. One page of events is pulled, written, and drained before
 * the next is pulled, so a slow reader costs one page of memory, however far it falls behind.
 */
import type { ServerResponse } from "node:http";
import { drained } from "./reply.ts";

export interface Frame {
  /** Resume point. Left out of the frame when it holds a character that the format cannot carry. */
  readonly id: string;
  readonly event: string;
  /** JSON text. */
  readonly data: string;
}

/** One page of frames; waits until there are some, and gives none once `signal` has aborted. */
export type PullFrames = (signal: AbortSignal) => Promise<readonly Frame[]>;

/** The text of one frame. */
function frameText(frame: Frame): string {
  const id = /[\r\n\0]/.test(frame.id) ? "" : `id: ${frame.id}\n`;
  return `${id}event: ${oneLine(frame.event)}\ndata: ${oneLine(frame.data)}\n\n`;
}

/** JSON text holds a line break only between its tokens, where a space means the same. */
function oneLine(text: string): string {
  return /[\r\n]/.test(text) ? text.replaceAll(/[\r\n]/g, " ") : text;
}

/** What keeps an answer open. */
type StreamKind = "events" | "claim";

/** Open long-lived answers (streams, waiting claims), so that a shutdown can end them. */
export class OpenStreams {
  readonly #controllers = new Map<AbortController, StreamKind>();
  #closed = false;

  /** A signal that aborts when the response's connection closes or the server shuts down. */
  open(
    response: ServerResponse,
    kind: StreamKind,
  ): { readonly signal: AbortSignal; readonly done: () => void } {
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    if (this.#closed || response.destroyed) abort();
    this.#controllers.set(controller, kind);
    response.once("close", abort);
    const done = (): void => {
      this.#controllers.delete(controller);
      response.off("close", abort);
    };
    return { signal: controller.signal, done };
  }

  count(kind: StreamKind): number {
    return [...this.#controllers.values()].filter((each) => each === kind).length;
  }

  closeAll(): void {
    this.#closed = true;
    for (const controller of this.#controllers.keys()) controller.abort();
  }
}

/** Answers with an event stream until the peer leaves or the server shuts down. */
export async function sendEvents(
  response: ServerResponse,
  streams: OpenStreams,
  options: { readonly pull: PullFrames; readonly commentMs: number },
): Promise<void> {
  const { signal, done } = streams.open(response, "events");
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  // A first comment, so that the headers leave now and a proxy or client sees the stream is open.
  response.write(": open\n\n");
  const beat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(": keep-alive\n\n");
  }, options.commentMs);
  beat.unref();
  try {
    while (!signal.aborted) {
      const frames = await options.pull(signal);
      if (frames.length === 0) continue;
      if (!response.write(frames.map(frameText).join(""))) await drained(response);
    }
  } catch (thrown) {
    // The reader must see a broken stream, and come back with its Last-Event-ID.
    response.destroy();
    throw thrown;
  } finally {
    clearInterval(beat);
    done();
  }
  response.end();
}
