/** Files that an agent left in its artifacts directory become artifacts of the job. */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Engine } from "../engine/engine.ts";
import { messageOf } from "../errors/fault.ts";
import type { ArtifactRef } from "../kernel/job/state.ts";
import { fileBody } from "./file-body.ts";
import { SESSION_FILE } from "./previous.ts";
import { StreamRedactor } from "./redaction.ts";

/** What one attempt may leave; the rest is named in `artifacts_skipped`. */
const ARTIFACT_FILES_MAX = 64;
const ARTIFACT_BYTES_MAX: number = 32 * 1024 * 1024;
const ARTIFACT_BYTES_TOTAL_MAX: number = 128 * 1024 * 1024;
/** Directory entries looked at, whatever they are. */
const ENTRIES_MAX = 10_000;
const SKIPS_NAMED_MAX = 20;
const NAME_CHARS_MAX = 200;

/** Artifacts of the worker's own. A file of such a name gets `file_` before it. */
const RESERVED = /^(?:transcript|worktree|branch|session_id|artifacts_skipped|attempt_\d+_.*)$/;

export interface CollectedFiles {
  readonly refs: Readonly<Record<string, ArtifactRef>>;
  /** One sentence per file that was left out. */
  readonly skipped: readonly string[];
}

interface Candidate {
  /** Relative, with forward slashes. */
  readonly name: string;
  readonly path: string;
  readonly size: number;
}

/** Stores what is there. Never throws: a file that cannot be stored is named among the skipped. */
export async function collectFiles(
  engine: Pick<Engine, "putBlob">,
  dir: string,
  secrets: readonly string[],
): Promise<CollectedFiles> {
  const refs: Record<string, ArtifactRef> = {};
  const skipped: string[] = [];
  const skip = (name: string, why: string): void => void skipped.push(`${name}: ${why}`);
  let total = 0;
  for (const file of await candidates(dir, skip)) {
    if (Object.keys(refs).length >= ARTIFACT_FILES_MAX) {
      skip(file.name, `over ${ARTIFACT_FILES_MAX} files`);
    } else if (file.size > ARTIFACT_BYTES_MAX) {
      skip(file.name, `${file.size} bytes, over ${ARTIFACT_BYTES_MAX}`);
    } else if (total + file.size > ARTIFACT_BYTES_TOTAL_MAX) {
      skip(file.name, `over ${ARTIFACT_BYTES_TOTAL_MAX} bytes in all`);
    } else {
      try {
        const ref = await engine.putBlob(contents(file.path, secrets), ARTIFACT_BYTES_MAX);
        refs[artifactName(file.name, refs)] = ref;
        total += ref.size;
      } catch (error) {
        skip(file.name, messageOf(error));
      }
    }
  }
  const more = skipped.length - SKIPS_NAMED_MAX;
  return {
    refs,
    skipped: more > 0 ? [...skipped.slice(0, SKIPS_NAMED_MAX), `and ${more} more`] : skipped,
  };
}

async function candidates(
  dir: string,
  skip: (name: string, why: string) => void,
): Promise<readonly Candidate[]> {
  const files: Candidate[] = [];
  const folders = [""];
  let seen = 0;
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    const entries = await readdir(join(dir, folder)).catch(() => []);
    for (const entry of entries.sort((left, right) => (left < right ? -1 : 1))) {
      const name = folder === "" ? entry : `${folder}/${entry}`;
      if (name === SESSION_FILE) continue;
      seen += 1;
      if (seen > ENTRIES_MAX) {
        skip(name, `and whatever follows: over ${ENTRIES_MAX} entries`);
        return files;
      }
      const path = join(dir, name);
      const stats = await lstat(path).catch(() => undefined);
      if (stats?.isDirectory() === true) folders.push(name);
      // A link may lead anywhere, to the daemon's token for one.
      else if (stats?.isFile() !== true) skip(name, "not a regular file");
      else files.push({ name, path, size: stats.size });
    }
  }
  return files;
}

async function* contents(path: string, secrets: readonly string[]): AsyncIterable<Uint8Array> {
  const redactor = new StreamRedactor(secrets);
  for await (const piece of fileBody(path)) yield redactor.push(piece);
  yield redactor.end();
}

/** A name that fits into one part of a URL and is not taken. */
function artifactName(name: string, taken: Readonly<Record<string, unknown>>): string {
  const flat = name.replaceAll(/[^\w.-]+/g, "_").slice(0, NAME_CHARS_MAX);
  const own = RESERVED.test(flat) || flat.startsWith("__") ? `file_${flat}` : flat;
  for (let count = 1; ; count += 1) {
    const unique = count === 1 ? own : `${own}_${count}`;
    if (!Object.hasOwn(taken, unique)) return unique;
  }
}
