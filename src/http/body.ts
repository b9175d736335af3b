import type { IncomingMessage } from "node:http";
import { Fault } from "../errors/fault.ts";
import { exceedsDepth, holdsInfinity, isJsonObject, type JsonObject } from "../lib/json.ts";

/** Thrown when the peer goes away in the middle of its body: there is nobody left to answer. */
export class PeerGone extends Error {
  override readonly name = "PeerGone";
}

/**
 * The whole body of a request, at most `bytesMax`. A longer one is a `body_too_large` fault as soon
 * as that is known; what is still on its way is read and dropped, so that the answer gets through.
 */
export function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const announced = Number(request.headers["content-length"]);
  if (announced > bytesMax) {
    request.resume();
    return Promise.reject(tooLarge(bytesMax, announced));
  }
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    let more: Buffer[] | undefined;
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) {
        first = undefined;
        more = undefined;
        reject(tooLarge(bytesMax));
        return;
      }
      if (first === undefined) first = chunk;
      else (more ??= [first]).push(chunk);
    });
    request.on("end", () => resolve(more === undefined ? (first ?? EMPTY) : Buffer.concat(more)));
    request.on("error", () => reject(new PeerGone("the peer closed before its body was complete")));
  });
}

/** The body in pieces as they arrive. Throws `PeerGone` when the peer closes before its end. */
export async function* bodyPieces(request: IncomingMessage): AsyncGenerator<Buffer, void> {
  const pieces = request[Symbol.asyncIterator]() as AsyncIterator<Buffer, void>;
  for (;;) {
    const piece = await pieces.next().catch(() => {
      throw new PeerGone("the peer closed before its body was complete");
    });
    if (piece.done === true) return;
    yield piece.value;
  }
}

const EMPTY = Buffer.alloc(0);

function tooLarge(bytesMax: number, got?: number): Fault {
  const details = { max_bytes: bytesMax, ...(got === undefined ? {} : { got_bytes: got }) };
  return new Fault("body_too_large", "request body exceeds MaxJobSubmissionBytes", { details });
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Whatever is beyond a double has this many digits or such an exponent. */
const HUGE_NUMBER = /\d[eE]\+?\d{3}|\d{300}/;

/** One JSON object from a body; anything else is an `invalid_json` fault whose `detail` says why. */
export function parseJsonObject(body: Uint8Array, nestingMax: number): JsonObject {
  if (body.length === 0) throw invalidJson("the body is empty");
  let text: string;
  try {
    text = utf8.decode(body);
  } catch (cause) {
    throw invalidJson("the body is not UTF-8", cause);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalidJson(parseDetail(cause), cause);
  }
  if (!isJsonObject(value)) throw invalidJson("the body is not a JSON object");
  if (exceedsDepth(value, nestingMax)) {
    throw invalidJson(`the body is nested deeper than ${nestingMax} levels`);
  }
  if (HUGE_NUMBER.test(text) && holdsInfinity(value)) {
    throw invalidJson("a number is too large to be kept");
  }
  return value;
}

/** The engine's message without its excerpt of the body, which may hold what should not be echoed. */
function parseDetail(cause: unknown): string {
  const position =
    cause instanceof Error ? /at position (\d+)/.exec(cause.message)?.[1] : undefined;
  return position === undefined
    ? "the body is not JSON"
    : `the body is not JSON: unexpected text at character ${position}`;
}

/** The contract's answer to a body that cannot be read; `detail` names the place. */
function invalidJson(detail: string, cause?: unknown): Fault {
  return new Fault("invalid_json", "invalid json", { cause, details: { detail } });
}
