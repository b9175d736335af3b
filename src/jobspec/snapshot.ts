/** Answers made from one consistent view of all jobs. */
import type { JobSnapshot } from "../engine/engine.ts";
import { Fault } from "../errors/fault.ts";
import { sendChunks } from "../http/reply.ts";
import type { Answer, Call } from "./call.ts";

/** Counts the views that are open: each pins the store's past for as long as its reader takes. */
export class OpenSnapshots {
  readonly #max: number;
  #open = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Throws `overloaded` when too many are open. */
  enter(): void {
    if (this.#open >= this.#max) {
      throw new Fault("overloaded", "too many whole-queue reads at once");
    }
    this.#open += 1;
  }

  leave(): void {
    this.#open -= 1;
  }
}

/** Sends the text that `write` makes from a snapshot, and closes the snapshot whatever happens. */
export async function sendSnapshot(
  call: Call,
  write: (snapshot: JobSnapshot) => AsyncGenerator<string, void>,
): Promise<Answer> {
  const { engine, snapshots, http } = call.surface;
  snapshots.enter();
  try {
    const snapshot = await engine.snapshot();
    try {
      await sendChunks(call.response, write(snapshot), http.stallMsMax);
    } finally {
      await snapshot.close();
    }
  } finally {
    snapshots.leave();
  }
  return undefined;
}
