/**
 * Frames held back for up to `bufferMs` and sent as one (openwop-core §5). What a person waits for
 * is never held back: the end of a run, and a node that asks somebody.
 */

import type { Frame } from "../../http/event-stream.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import { isTerminal } from "../events/run-event.ts";

const BUFFER_MS_MAX = 5000;

/** A `bufferMs` value; undefined when it is no whole number from 0 to 5000. */
export function parseBufferMs(text: string | undefined): number | undefined {
  if (text === undefined) return 0;
  if (!/^\d{1,4}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= BUFFER_MS_MAX ? value : undefined;
}

/** One frame that carries several; its id is the last of theirs, so that a reader resumes after it. */
function batchOf(frames: readonly Frame[]): Frame {
  return {
    id: frames.at(-1)?.id ?? "",
    event: "batch",
    data: `[${frames.map(({ data }) => data).join(",")}]`,
  };
}

export class FrameBuffer {
  readonly #clock: Clock;
  readonly #bufferMs: number;
  readonly #send: (frame: Frame) => void;
  #held: Frame[] = [];
  #timer: Timer | undefined;

  constructor(options: {
    readonly clock: Clock;
    readonly bufferMs: number;
    readonly send: (frame: Frame) => void;
  }) {
    this.#clock = options.clock;
    this.#bufferMs = options.bufferMs;
    this.#send = options.send;
  }

  add(frame: Frame): void {
    this.#held.push(frame);
    if (isTerminal(frame.event) || frame.event === "node.suspended") this.flush();
    else this.#timer ??= this.#clock.after(this.#bufferMs, () => this.flush());
  }

  /** Sends what is held, if anything. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#held.length === 0) return;
    const frames = this.#held;
    this.#held = [];
    this.#send(batchOf(frames));
  }
}
