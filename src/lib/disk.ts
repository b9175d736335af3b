/**
 * The file operations the embedded store stands on, as an interface, so that the simulation can put
 * a disk below it that tears, fills up, loses unsynced bytes and refuses to sync.
 *
 * Every operation is synchronous but the sync of data, which the disk may move off the event loop:
 * what a slow disk does in milliseconds must not stop the process from collecting the next batch.
 */
export interface Disk {
  /** Creates a directory and its parents (mode 0700) where missing. */
  ensureDir(path: string): void;
  /** Opens for reading and writing; creates an empty file (mode 0600) where missing. */
  open(path: string): DiskFile;
  /** Bytes in the file, or undefined where there is none. */
  size(path: string): number | undefined;
  /** File names in a directory, sorted; empty where there is none. */
  names(dir: string): readonly string[];
  /** Up to `length` bytes from `offset`; fewer only at the end of the file. */
  read(path: string, offset: number, length: number): Uint8Array;
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** Makes creations, renames and removals in a directory durable. */
  syncDir(dir: string): void;
  /** Writes a whole file (mode 0600) durably: temporary name, sync, rename, directory sync. */
  replace(path: string, bytes: Uint8Array): void;
}

export interface DiskFile {
  /** Writes all bytes at an offset or throws; after a throw any part of them may be there. */
  write(bytes: Uint8Array, offset: number): void;
  truncate(size: number): void;
  /** Resolves when every byte written so far would survive a power cut. */
  datasync(): void | Promise<void>;
  close(): void;
}

/** The error codes with which a disk says that it is full. */
export function isNoSpace(thrown: unknown): boolean {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  return code === "ENOSPC" || code === "EDQUOT";
}
