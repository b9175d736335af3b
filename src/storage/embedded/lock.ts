/**
 * One process owns one root. The lock is SQLite's own file lock on an empty database named `lock`:
 * the operating system drops it when the process dies, however it dies, so there is no stale lock
 * to judge and no process id to compare. (A file of our own with a process id was the road not
 * taken: ids are reused, and `kill -9` leaves the file behind.)
 *
 * Nothing else may open the file while the lock is held: closing any other handle on it would drop
 * a POSIX lock. Who owns the root is therefore told by `activation.json`.
 */
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { Fault, messageOf } from "../../errors/fault.ts";
import type { Disk } from "../../lib/disk.ts";
import { isJsonObject } from "../../lib/json.ts";
import type { Layout } from "./layout.ts";

export interface RootLock {
  release(): void;
}

/** Takes the root or throws a `Fault` (`root_locked`) that names the owner. */
export function lockRoot(disk: Disk, layout: Layout): RootLock {
  disk.ensureDir(layout.dir);
  disk.open(layout.lock).close();
  const database = new DatabaseSync(layout.lock, { timeout: 0 });
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    throw isHeld(error)
      ? new Fault("root_locked", `${layout.root} is in use by ${ownerOf(layout)}`, {
          cause: error,
          details: { root: layout.root },
        })
      : new Fault(
          "ledger_unavailable",
          `cannot lock ${layout.root}: ${messageOf(error)}; ` +
            `it holds nothing, so ${layout.lock} may be removed when no daemon runs`,
          { cause: error },
        );
  }
  return { release: () => database.close() };
}

/** SQLITE_BUSY: somebody has it. Anything else says that the file is no lock. */
function isHeld(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === 5;
}

function ownerOf(layout: Layout): string {
  try {
    const activation: unknown = JSON.parse(readFileSync(layout.activation, "utf8"));
    if (isJsonObject(activation)) {
      return `the daemon with process id ${String(activation["pid"])} at ${String(activation["url"])}`;
    }
  } catch {
    // The owner is still starting, or its activation file is not readable to us.
  }
  return "another daemon that has not said its name yet";
}
