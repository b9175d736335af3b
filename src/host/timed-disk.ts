import type { Clock } from "../lib/clock.ts";
import type { Disk, DiskFile } from "../lib/disk.ts";

/** A disk that tells how long each sync of data took, once it was done. */
export function timedDisk(disk: Disk, clock: Clock, onSync: (ms: number) => void): Disk {
  return { ...disk, open: (path) => timedFile(disk.open(path), clock, onSync) };
}

function timedFile(file: DiskFile, clock: Clock, onSync: (ms: number) => void): DiskFile {
  return {
    write: (bytes, offset) => file.write(bytes, offset),
    truncate: (size) => file.truncate(size),
    close: () => file.close(),
    datasync() {
      const started = clock.monotonic();
      const told = (): void => onSync(clock.monotonic() - started);
      const synced = file.datasync();
      // What was done on the spot stays so: a promise would cost a turn of the event loop.
      if (synced === undefined) return told();
      return synced.then(told);
    },
  };
}
