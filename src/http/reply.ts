import type { ServerResponse } from "node:http";

/** A finished answer: JSON text without its closing newline. */
export interface TextAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The code of the problem that the text describes; for whoever counts problems. */
  readonly problem?: string;
}

const PROBLEMS = new WeakMap<ServerResponse, string>();

/** The problem that was sent as the answer, if it was one. */
export function problemSentTo(response: ServerResponse): string | undefined {
  return PROBLEMS.get(response);
}

/** Sends one JSON text, closed by a newline. Does nothing when the peer has gone. */
export function sendText(response: ServerResponse, answer: TextAnswer): void {
  if (response.headersSent || response.destroyed) return;
  if (answer.problem !== undefined) PROBLEMS.set(response, answer.problem);
  const body = `${answer.text}\n`;
  response.writeHead(answer.status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    ...answer.headers,
  });
  response.end(body);
}

/** Sends bytes as they are. */
export function sendBytes(
  response: ServerResponse,
  body: Uint8Array,
  headers: Readonly<Record<string, string>>,
): void {
  response.writeHead(200, { ...headers, "content-length": body.length });
  response.end(body);
}

/**
 * Resolves when the response takes more, or when its connection has closed. Closes it itself when
 * that takes longer than `stallMsMax`; without one it waits for ever.
 */
export function drained(response: ServerResponse, stallMsMax?: number): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed || response.closed || !response.writableNeedDrain) {
      resolve();
      return;
    }
    const stalled =
      stallMsMax === undefined ? undefined : setTimeout(() => response.destroy(), stallMsMax);
    const settle = (): void => {
      clearTimeout(stalled);
      response.off("drain", settle);
      response.off("close", settle);
      resolve();
    };
    response.on("drain", settle);
    response.on("close", settle);
  });
}

/** Text is handed to the connection in pieces of at least this many characters. */
const CHUNK_CHARS_MIN = 65_536;

/**
 * Sends JSON text that may be too long to be held at once, to a reader that takes it. A short one goes out whole; a long one in
 * chunks with back-pressure, yielding to other requests in between. A fault before the first chunk
 * has left still gets an error answer; a later one breaks the connection off, which is the only
 * honest end of a half-sent document.
 */
export async function sendChunks(
  response: ServerResponse,
  pieces: Iterator<string, void> | AsyncIterator<string, void>,
  stallMsMax: number,
): Promise<void> {
  let text = "";
  try {
    if (response.req.method === "HEAD") {
      response.writeHead(200, { "content-type": "application/json" }).end();
      return;
    }
    for (let piece = await pieces.next(); piece.done !== true; piece = await pieces.next()) {
      text += piece.value;
      if (text.length < CHUNK_CHARS_MIN) continue;
      if (response.destroyed) return;
      if (!response.headersSent) response.writeHead(200, { "content-type": "application/json" });
      if (!response.write(text)) await drained(response, stallMsMax);
      text = "";
      await nextTurn();
    }
  } catch (thrown) {
    if (response.headersSent) response.destroy();
    throw thrown;
  } finally {
    await pieces.return?.();
  }
  if (response.headersSent) response.end(`${text}\n`);
  else sendText(response, { status: 200, text });
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
