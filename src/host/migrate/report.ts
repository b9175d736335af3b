/** What is common to both directions of a move. */
import { Fault } from "../../errors/fault.ts";
import { digestOf, type LineSource } from "../../storage/copy.ts";
import type { MaintainedStore, Progress } from "../../storage/maintenance.ts";

/** Told how far each part of the move is. */
export type OnMove = (part: MovePart, done: number, total: number) => void;

export type MovePart = "events" | "bodies" | "comparing";

/** What was moved, and that it was compared. */
export interface MoveReport {
  /** Where it is now; no secret. */
  readonly to: string;
  readonly events: number;
  readonly jobs: number;
  readonly bodies: number;
  /** SHA-256 of all lines, each with its newline; read from the target. */
  readonly sha256: string;
  /** Events that an earlier, broken-off move had brought over already. */
  readonly already: number;
  /** Bodies of the source that are not what their name says; they were left behind. */
  readonly damaged: readonly string[];
}

/** Reads source and target to the end and compares, the target's read models too. */
export async function compared(
  source: LineSource,
  target: MaintainedStore,
  onMove: OnMove,
): Promise<Pick<MoveReport, "events" | "jobs" | "sha256">> {
  const { head } = target.counts();
  // Stores count what they verify in units of their own, so each third goes by its share.
  const third = (number: number): Progress => {
    return (done, total) => onMove("comparing", head * (number + done / total), 3 * head);
  };
  const expected = await digestOf(source, head, third(0));
  const found = await digestOf(target, head, third(1));
  const { ok, jobs, differences } = await target.verify(third(2));
  if (expected.sha256 !== found.sha256 || expected.events !== found.events) {
    throw new Fault("ledger_unavailable", "the copied ledger is not the same as its source", {
      details: { source_sha256: expected.sha256, target_sha256: found.sha256 },
    });
  }
  if (!ok) {
    throw new Fault("projection_unavailable", `the target differs: ${differences.join("; ")}`);
  }
  return { ...found, jobs };
}
