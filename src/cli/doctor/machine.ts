/** Checks of the machine and of the root's folder; none needs a daemon. */
import { accessSync, constants, existsSync, readdirSync, statfsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { messageOf } from "../../errors/fault.ts";
import { daemonDir, secretIn } from "../connection.ts";
import { bytes, plural } from "../format.ts";
import { NODE_MAJOR_MIN } from "../node-version.ts";
import { bad, type Finding, fine, warning } from "./finding.ts";

const FREE_BYTES_BAD = 100 * 1024 * 1024;
const FREE_BYTES_WARN = 1024 * 1024 * 1024;
const ARCHIVES_WARN = 20;
const GROUP_AND_OTHERS = 0o077;

export function checkNode(version: string): Finding {
  const major = Number(version.replace(/^v/, "").split(".")[0]);
  if (major >= NODE_MAJOR_MIN) return fine("node", version);
  return bad("node", `${version} is too old`, `Install Node ${NODE_MAJOR_MIN} or later.`);
}

export function checkRoot(root: string): Finding {
  const dir = nearestExisting(daemonDir(root));
  try {
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
    return fine("root", `${root} can be written`);
  } catch (error) {
    return bad("root", `${dir} cannot be written: ${messageOf(error)}`, "Choose another --root.");
  }
}

export function checkSpace(root: string): Finding {
  const disk = statfsSync(nearestExisting(root), { bigint: true });
  const free = Number(disk.bavail * disk.bsize);
  if (free < FREE_BYTES_BAD) {
    return bad("disk", `${bytes(free)} free`, "Free space: the daemon answers 503 on a full disk.");
  }
  if (free < FREE_BYTES_WARN)
    return warning("disk", `${bytes(free)} free`, "Free some space soon.");
  return fine("disk", `${bytes(free)} free`);
}

export function checkToken(path: string, read: (path: string) => string): Finding {
  if (!existsSync(path)) return warning("token", `no token at ${path}`, "`keelson up` makes one.");
  const mode = statSync(path).mode & 0o777;
  if (process.platform !== "win32" && (mode & GROUP_AND_OTHERS) !== 0) {
    const octal = mode.toString(8).padStart(4, "0");
    return bad("token", `${path} has mode ${octal}; others may read it`, `chmod 600 ${path}`);
  }
  try {
    if (secretIn(read(path)) !== undefined) return fine("token", `${path}, readable by you alone`);
    return bad("token", `${path} holds no token`, "Remove it; `keelson up` makes a new one.");
  } catch (error) {
    return bad("token", `cannot read ${path}: ${messageOf(error)}`, "Run as the daemon's user.");
  }
}

export function checkLedger(root: string): Finding {
  const dir = daemonDir(root);
  const ledger = join(dir, "ledger.jsonl");
  if (!existsSync(ledger)) return fine("ledger", "none yet");
  const archives = readdirSync(dir).filter((name) => /^ledger\..+\.jsonl(\.gz)?$/.test(name));
  const archived = archives.reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
  const size = bytes(statSync(ledger).size);
  const text =
    archives.length === 0
      ? `${size}, never rotated`
      : `${size}, and ${plural(archives.length, "archive")} of ${bytes(archived)}`;
  if (archives.length < ARCHIVES_WARN) return fine("ledger", text);
  return warning("ledger", text, "A long history: back it up, and think of starting a new root.");
}

export function checkQuarantine(root: string): Finding {
  const dir = join(daemonDir(root), "quarantine");
  const names = existsSync(dir) ? readdirSync(dir) : [];
  if (names.length === 0) return fine("quarantine", "empty");
  return warning(
    "quarantine",
    `${plural(names.length, "fragment")} of broken lines, newest ${basename(names.toSorted().at(-1) ?? "")}`,
    `Look at them in ${dir}; nothing in a torn tail was ever acknowledged.`,
  );
}

/** The folder itself, or the closest one above it that is there. */
function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}
