/**
 * A daemon for the conformance kit, which names a root, a port and a token file: its ledger is in the
 * database of `KIT_DATABASE`, in a schema of the root's own.
 */
import { createHash } from "node:crypto";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startHost } from "../../src/host/host.ts";
import { moveToDatabase } from "../../src/host/migrate/to-database.ts";
import { repairRoot } from "../../src/host/offline.ts";
import { layoutOf } from "../../src/storage/embedded/layout.ts";

const [root = "", port = "", tokenFile = ""] = process.argv.slice(2);
const schema = `kit_${createHash("sha256").update(root).digest("hex").slice(0, 16)}`;
const store = `${process.env["KIT_DATABASE"]}?schema=${schema}`;

// The kit prepares a root with a ledger: that ledger moves first, without the lines that are none.
const { ledger, dir } = layoutOf(root);
if (existsSync(ledger) && statSync(ledger).size > 0 && !existsSync(join(dir, "moved"))) {
  await repairRoot({ root });
  await moveToDatabase(root, store, () => undefined);
  writeFileSync(join(dir, "moved"), "");
}
const host = await startHost({
  root,
  address: `127.0.0.1:${port}`,
  store,
  tokenFile,
  log: () => undefined,
});
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => void host.drain().then(() => process.exit(0)));
}
