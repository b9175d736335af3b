/**
 * Records a history: `node test/histories/record.ts NAME`. Lets a real daemon live through the story
 * of that name and keeps its ledger, with what was read of it, beside this file. A history that
 * exists is never recorded anew: what was shipped once stays readable.
 */
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DaemonProcess, ledgerOf, removeRoot, temporaryRoot } from "../support/daemon-process.ts";
import { EXPECTED, HISTORIES, ledgerFilesIn, readBy, withHistory } from "./reading.ts";
import { STORIES, type Story } from "./stories.ts";

async function record(name: string, story: Story): Promise<void> {
  const dir = join(HISTORIES, name);
  if (existsSync(dir)) throw new Error(`${dir} is pinned; give the new history a name of its own`);
  const root = temporaryRoot();
  try {
    await live(root, story);
    mkdirSync(dir);
    const source = dirname(ledgerOf(root));
    for (const file of ledgerFilesIn(source)) cpSync(join(source, file), join(dir, file));
    // The shortest lease the daemon grants: what is held in the ledger must have lapsed.
    await sleep(1000);
    const reading = await withHistory(dir, readBy);
    writeFileSync(join(dir, EXPECTED), `${JSON.stringify(reading, undefined, 2)}\n`);
    process.stdout.write(`${dir}: ${reading.events.length} events, ${reading.jobs.length} jobs\n`);
  } finally {
    removeRoot(root);
  }
}

async function live(root: string, { settings, before, tell, after }: Story): Promise<void> {
  if (settings !== undefined) writeFileSync(join(root, "keelson.json"), JSON.stringify(settings));
  if (before !== undefined) {
    mkdirSync(dirname(ledgerOf(root)), { recursive: true, mode: 0o700 });
    writeFileSync(ledgerOf(root), `${before.join("\n")}\n`, { mode: 0o600 });
  }
  const daemon = new DaemonProcess(root);
  try {
    await daemon.start();
    await tell(daemon);
    daemon.signal("SIGTERM");
    await daemon.ended;
  } finally {
    await daemon.kill();
  }
  after?.(root);
}

const name = process.argv[2] ?? "";
const story = STORIES[name];
if (story === undefined) throw new Error(`name one of: ${Object.keys(STORIES).join(", ")}`);
await record(name, story);
