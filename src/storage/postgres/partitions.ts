/**
 * Partitions of the ledger by position. A batch that would run out of room makes the next partition
 * in its own transaction; as it has the turn, nobody else does the same.
 */
import type { Statement } from "./connection.ts";
import type { Head } from "./head.ts";

/** Positions of one partition. */
export const PARTITION_EVENTS = 1_000_000;
const NAME_DIGITS = 15;

export interface Room {
  readonly statements: readonly Statement[];
  /** Last position that a partition exists for afterwards. */
  readonly room: number;
}

/** What a batch that ends at `position` must do first. */
export function roomFor(head: Head, position: number, partitionEvents: number): Room {
  const statements: Statement[] = [];
  let { room } = head;
  while (room < position) {
    statements.push(makePartition(room + 1, room + partitionEvents));
    room += partitionEvents;
  }
  return { statements, room };
}

/** Made apart and then attached, because making it in place would wait for every reader. */
function makePartition(first: number, last: number): Statement {
  const name = `ledger_${String(first).padStart(NAME_DIGITS, "0")}`;
  return {
    text: `CREATE TABLE ${name} (LIKE ledger INCLUDING ALL);
      ALTER TABLE ledger ATTACH PARTITION ${name} FOR VALUES FROM (${first}) TO (${last + 1})`,
    once: true,
  };
}
