/** Moves a database's ledger and bodies into a root. The database is only read. */
import { createReadStream, existsSync, readdirSync } from "node:fs";
import { open } from "node:fs/promises";
import { Fault } from "../../errors/fault.ts";
import { systemClock } from "../../lib/clock.ts";
import { EmbeddedBlobs } from "../../storage/embedded/blobs.ts";
import { type Layout, layoutOf } from "../../storage/embedded/layout.ts";
import { lockRoot } from "../../storage/embedded/lock.ts";
import { systemDisk } from "../../storage/embedded/system-disk.ts";
import { openPostgresStore, type PostgresStore } from "../../storage/postgres/store.ts";
import { ROTATE_BYTES_DEFAULT } from "../defaults.ts";
import { openStorage } from "../storage.ts";
import { compared, type MoveReport, type OnMove } from "./report.ts";

const LINES_AT_ONCE = 1_000;
const BODIES_AT_ONCE = 100;
const NEWLINE = 0x0a;
const FILE_MODE = 0o600;

/** Throws a `Fault`: `root_locked` while a daemon runs on the root. May be called again. */
export async function moveToRoot(url: string, root: string, onMove: OnMove): Promise<MoveReport> {
  const layout = layoutOf(root);
  const lock = lockRoot(systemDisk, layout);
  try {
    const source = await openPostgresStore({ url, clock: systemClock });
    try {
      const already = await moveLines(source, layout, onMove);
      const bodies = await moveBodies(source, layout, onMove);
      const storage = await openStorage({ layout, rotateBytes: ROTATE_BYTES_DEFAULT });
      try {
        const same = await compared(source, storage.store, onMove);
        return { to: layout.ledger, ...same, ...bodies, already };
      } finally {
        await storage.close();
      }
    } finally {
      await source.close();
    }
  } finally {
    lock.release();
  }
}

/** Appends to the ledger's file what it lacks, and syncs it. Gives the lines that were there. */
async function moveLines(source: PostgresStore, layout: Layout, onMove: OnMove): Promise<number> {
  const start = await sameStart(source, layout);
  await source.refresh();
  const file = await open(layout.ledger, existsSync(layout.ledger) ? "r+" : "w", FILE_MODE);
  try {
    // The last line of a move that was broken off may be a piece of one.
    await file.truncate(start.bytes);
    let { bytes } = start;
    for (let position = start.lines; ; ) {
      const lines = await source.lines(position, LINES_AT_ONCE);
      const last = lines.at(-1);
      if (last === undefined) break;
      const text = Buffer.from(lines.map(({ json }) => `${json}\n`).join(""));
      await file.write(text, 0, text.length, bytes);
      bytes += text.length;
      position = last.position;
      onMove("events", position, Math.max(position, source.counts().head));
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return start.lines;
}

/** How many whole lines of the source the file begins with. Throws when it is another ledger. */
async function sameStart(
  source: PostgresStore,
  layout: Layout,
): Promise<{ readonly lines: number; readonly bytes: number }> {
  const another = new Fault("config_invalid", `${layout.dir} holds another ledger already`);
  if (readdirSync(layout.dir).some((name) => /^ledger\..+\.jsonl(?:\.gz)?$/.test(name))) {
    throw another;
  }
  if (!existsSync(layout.ledger)) return { lines: 0, bytes: 0 };
  let same = 0;
  let bytes = 0;
  let expected: readonly { readonly json: string }[] = [];
  let next = 0;
  for await (const line of wholeLines(layout.ledger)) {
    if (next === expected.length) {
      expected = await source.lines(same, LINES_AT_ONCE);
      next = 0;
    }
    if (expected[next]?.json !== line.toString("utf8")) throw another;
    next += 1;
    same += 1;
    bytes += line.length + 1;
  }
  return { lines: same, bytes };
}

/** The lines of a file, without what comes after the last newline. */
async function* wholeLines(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of createReadStream(path)) {
    const bytes = Buffer.concat([rest, piece as Buffer]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      yield bytes.subarray(start, end);
      start = end + 1;
    }
    rest = bytes.subarray(start);
  }
}

async function moveBodies(
  source: PostgresStore,
  layout: Layout,
  onMove: OnMove,
): Promise<Pick<MoveReport, "bodies" | "damaged">> {
  const blobs = new EmbeddedBlobs(layout, () => systemClock.now());
  const damaged: string[] = [];
  let bodies = 0;
  for (let after = ""; ; ) {
    const digests = await source.blobs.digestsAfter(after, BODIES_AT_ONCE);
    for (const sha256 of digests) {
      const ref = { path: "", sha256, size: 0, written_at: "" };
      const body = await source.blobs.get(ref);
      if (body === undefined) continue;
      const put = await blobs.put(body, Number.POSITIVE_INFINITY);
      if (put.sha256 === sha256) bodies += 1;
      else damaged.push(sha256);
      onMove("bodies", bodies, bodies + damaged.length);
    }
    if (digests.length < BODIES_AT_ONCE) return { bodies, damaged };
    after = digests.at(-1) ?? after;
  }
}
