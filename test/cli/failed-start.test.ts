/** A daemon that cannot start says why, ends, and leaves the root to whoever comes next. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { spawnCli, startDaemon, temporaryRoot } from "./daemon-process.ts";

let own: ReturnType<typeof temporaryRoot>;
beforeEach(() => {
  own = temporaryRoot();
});
afterEach(() => own.remove());

const daemonDir = (): string => join(own.root, ".agents/daemon");

/** What stands in the way, and what of the message names it. */
const obstacles: readonly (readonly [string, string, () => void, RegExp])[] = [
  [
    "its activation file cannot be written",
    "activation.json",
    inTheWay,
    /cannot write .*activation/,
  ],
  ["its lock is no lock", "lock", nonsense, /cannot lock .*lock may be removed/],
  ["its ledger is a folder", "ledger.jsonl", inTheWay, /ledger\.jsonl/],
  ["its database is a folder", "projections.db", inTheWay, /projections\.db/],
  ["its token is a folder", "token", inTheWay, /token/],
];

let name = "";
function inTheWay(): void {
  mkdirSync(join(daemonDir(), name));
}
function nonsense(): void {
  writeFileSync(join(daemonDir(), name), "not a lock ".repeat(1000), { mode: 0o600 });
}

describe("a start that fails because", () => {
  test.each(obstacles)("%s ends in words and holds nothing", async (_why, file, put, words) => {
    name = file;
    mkdirSync(daemonDir(), { recursive: true, mode: 0o700 });
    put();
    const failed = spawnCli(["up", "--json", "--root", own.root, "--addr", "127.0.0.1:0"]);
    // The process must end by itself: a socket or a worker left behind would keep it.
    expect([2, 5]).toContain(await failed.ended);
    expect(failed.err()).toMatch(words);
    expect(failed.lines).toEqual([]);
    rmSync(join(daemonDir(), file), { recursive: true, force: true });
    const next = await startDaemon(own.root);
    expect(await next.stop()).toBe(0);
  });
});
