/** Moves a root's ledger and bodies into a database. The root is only read. */
import { constants, createReadStream, existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../../errors/fault.ts";
import { systemClock } from "../../lib/clock.ts";
import { copyLedger } from "../../storage/copy.ts";
import { type Layout, layoutOf } from "../../storage/embedded/layout.ts";
import { lockRoot } from "../../storage/embedded/lock.ts";
import { systemDisk } from "../../storage/embedded/system-disk.ts";
import type { MaintainedStore } from "../../storage/maintenance.ts";
import { openPostgresStore, type PostgresStore } from "../../storage/postgres/store.ts";
import { ROTATE_BYTES_DEFAULT } from "../defaults.ts";
import { openStorage } from "../storage.ts";
import { compared, type MoveReport, type OnMove } from "./report.ts";

const LEDGER_FILE = /^ledger(?:\..+)?\.jsonl(?:\.gz)?$/;
const DIGEST = /^[0-9a-f]{64}$/;

/** Throws a `Fault`: `root_locked` while a daemon runs on the root. May be called again. */
export async function moveToDatabase(
  root: string,
  url: string,
  onMove: OnMove,
): Promise<MoveReport> {
  const layout = layoutOf(root);
  if (!existsSync(layout.dir)) {
    throw new Fault("config_invalid", `there is no ledger in ${layout.dir}`);
  }
  const lock = lockRoot(systemDisk, layout);
  try {
    await refuseJournal(layout);
    const target = await openPostgresStore({ url, clock: systemClock });
    try {
      return await withCopy(layout, (source) => move({ source, target, layout }, onMove));
    } finally {
      await target.close();
    }
  } finally {
    lock.release();
  }
}

interface Move {
  readonly source: MaintainedStore;
  readonly target: PostgresStore;
  readonly layout: Layout;
}

async function move({ source, target, layout }: Move, onMove: OnMove): Promise<MoveReport> {
  const { head, corrupt } = source.counts();
  if (corrupt > 0) {
    throw new Fault(
      "ledger_unavailable",
      `${corrupt} lines of the ledger are broken, and a database takes events only; ` +
        "`keelson repair` moves them to quarantine",
    );
  }
  await target.refresh();
  const already = target.counts().head;
  if (already > head) {
    throw new Fault("config_invalid", "the target holds more events than the source");
  }
  await copyLedger(source, target, (position) => onMove("events", position, head));
  const { bodies, damaged } = await moveBodies(layout, target, onMove);
  const same = await compared(source, target, onMove);
  return { to: target.place, ...same, bodies, already, damaged };
}

/**
 * Opening a ledger may mend it, so a copy is opened: of its files alone, in a temporary folder that
 * is gone afterwards.
 */
async function withCopy<T>(
  layout: Layout,
  work: (source: MaintainedStore) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "keelson-move-"));
  try {
    const copy = layoutOf(folder);
    await mkdir(copy.dir, { recursive: true, mode: 0o700 });
    for (const name of await readdir(layout.dir)) {
      if (!LEDGER_FILE.test(name)) continue;
      await copyFile(join(layout.dir, name), join(copy.dir, name), constants.COPYFILE_FICLONE);
    }
    const storage = await openStorage({ layout: copy, rotateBytes: ROTATE_BYTES_DEFAULT });
    try {
      return await work(storage.store);
    } finally {
      await storage.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function moveBodies(
  layout: Layout,
  target: PostgresStore,
  onMove: OnMove,
): Promise<Pick<MoveReport, "bodies" | "damaged">> {
  const paths = await bodiesOf(layout);
  const damaged: string[] = [];
  for (const [index, { sha256, path }] of paths.entries()) {
    const ref = { path, sha256, size: 0, written_at: "" };
    if (!(await target.blobs.has(ref))) {
      const put = await target.blobs.put(createReadStream(path), Number.POSITIVE_INFINITY);
      if (put.sha256 !== sha256) damaged.push(path);
    }
    onMove("bodies", index + 1, paths.length);
  }
  return { bodies: paths.length - damaged.length, damaged };
}

async function bodiesOf(
  layout: Layout,
): Promise<readonly { readonly sha256: string; readonly path: string }[]> {
  if (!existsSync(layout.blobs)) return [];
  const entries = await readdir(layout.blobs, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && DIGEST.test(entry.name))
    .map((entry) => ({ sha256: entry.name, path: join(entry.parentPath, entry.name) }));
}

async function refuseJournal({ journal }: Layout): Promise<void> {
  const size = existsSync(journal) ? (await stat(journal)).size : 0;
  if (size === 0) return;
  throw new Fault(
    "config_invalid",
    `${journal} holds streams that are not jobs, which a database does not take yet`,
  );
}
