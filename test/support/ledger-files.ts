/** A root's ledger as files: archives, packed or not yet, and the active file. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const ARCHIVE = /^ledger\..*Z\.jsonl(\.gz)?$/;
const TRIES = 100;

/** Every whole line of the ledger, archives first. The daemon may run, and rotate, meanwhile. */
export function wholeLedger(root: string): Buffer {
  const dir = join(root, ".agents/daemon");
  for (let attempt = 1; ; attempt += 1) {
    const before = segmentsOf(dir);
    try {
      const parts = before.map((name) => segmentText(dir, name));
      parts.push(readFileSync(join(dir, "ledger.jsonl")));
      const all = Buffer.concat(parts);
      const isStill = segmentsOf(dir).join() === before.join();
      if (isStill) return all.subarray(0, all.lastIndexOf("\n") + 1);
    } catch (error) {
      // A file was packed between two looks.
      if (attempt === TRIES) throw error;
    }
    if (attempt === TRIES) throw new Error(`the ledger of ${root} does not hold still`);
  }
}

/** Names of files that a rotation has not finished with: plain archives and half-made ones. */
export function unfinishedArchives(root: string): readonly string[] {
  return readdirSync(join(root, ".agents/daemon")).filter((name) =>
    /^ledger\..*Z\.jsonl(\.gz\.tmp)?$/.test(name),
  );
}

/** Rotated segments by their plain names, oldest first. */
function segmentsOf(dir: string): readonly string[] {
  const names = readdirSync(dir).filter((name) => ARCHIVE.test(name));
  return [...new Set(names.map((name) => name.replace(/\.gz$/, "")))].sort();
}

function segmentText(dir: string, name: string): Buffer {
  try {
    return readFileSync(join(dir, name));
  } catch {
    return gunzipSync(readFileSync(join(dir, `${name}.gz`)));
  }
}
