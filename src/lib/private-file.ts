/** Files with secrets in them: nobody but their owner reads them, and none is ever half there. */
import { randomBytes } from "node:crypto";
import { link, mkdir, open, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";

const FILE_MODE = 0o600;
const GROUP_AND_OTHERS = 0o077;

/**
 * Makes a file (mode 0600) with its folder (0700) unless it is there already. It is written whole
 * under another name and linked into place: a crash never leaves an empty one, and of two processes
 * that start at once the second finds the first one's file.
 */
export async function ensurePrivateFile(path: string, makeText: () => string): Promise<void> {
  if (await exists(path)) return;
  const draft = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(draft, "wx", FILE_MODE);
  try {
    await file.chmod(FILE_MODE);
    await file.writeFile(makeText());
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(draft, path);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  } finally {
    await unlink(draft);
  }
  await syncDirectory(dirname(path));
}

/** The mode of a file that others than its owner may use, such as `0644`; undefined when none may. */
export async function openMode(path: string): Promise<string | undefined> {
  if (process.platform === "win32") return undefined;
  const mode = (await stat(path)).mode & 0o777;
  return (mode & GROUP_AND_OTHERS) === 0 ? undefined : mode.toString(8).padStart(4, "0");
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === code;
}
