/**
 * A whole daemon as a process to be killed. Loads everything, says `loaded`, starts when a line
 * arrives, then says where it listens. With `FAULTS_DIR` set, its disk fails while a file of that
 * folder says so: `full` (writes: ENOSPC), `sync-fails` (syncs: EIO); and its wall clock goes wrong
 * by as many milliseconds as the file `clock` says. `KEELSON_STORE` is the URL of its database.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { messageOf } from "../../src/errors/fault.ts";
import { startHost } from "../../src/host/host.ts";
import type { Disk, DiskFile } from "../../src/lib/disk.ts";
import { systemDisk } from "../../src/storage/embedded/system-disk.ts";

const root = process.argv[2] ?? "";
const faults = process.env["FAULTS_DIR"];
if (faults !== undefined) {
  breakDisk(systemDisk, faults);
  breakClock(join(faults, "clock"));
}

const input = createInterface({ input: process.stdin });
input.once("line", () => {
  void start();
});
// A parent that is gone needs no daemon.
input.once("close", () => process.kill(process.pid, "SIGKILL"));
say({ loaded: true });

async function start(): Promise<void> {
  try {
    const host = await startHost({
      root,
      address: "127.0.0.1:0",
      store: process.env["KEELSON_STORE"],
      log: () => undefined,
    });
    process.once("SIGTERM", () => {
      void host.drain().then(() => process.exit(0));
    });
    say({ url: host.url, opening: host.opening });
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(1);
  }
}

function say(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

/** Makes the machine's disk fail on request, below everything that uses it. */
function breakDisk(disk: Disk, dir: string): void {
  const open = disk.open;
  const isOn = (name: string): boolean => existsSync(join(dir, name));
  const broken = (path: string): DiskFile => {
    const file = open(path);
    return {
      write(bytes, offset) {
        if (!isOn("full")) return file.write(bytes, offset);
        // A full disk takes what still fits before it refuses the rest.
        file.write(bytes.subarray(0, Math.floor(bytes.length / 2)), offset);
        throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
      },
      datasync() {
        if (!isOn("sync-fails")) return file.datasync();
        throw Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" });
      },
      truncate: (size) => file.truncate(size),
      close: () => file.close(),
    };
  };
  Object.assign(disk, { open: broken });
}

function breakClock(path: string): void {
  const now = Date.now;
  Date.now = () => now() + (existsSync(path) ? Number(readFileSync(path, "utf8")) : 0);
}
