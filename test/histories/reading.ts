/** What today's code reads in the ledger files of a pinned history. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type WireDaemon, wireDaemon } from "../support/wire-daemon.ts";

export const HISTORIES: string = fileURLToPath(new URL(".", import.meta.url));
export const EXPECTED = "expected.json";
const LEDGER_FILE = /^ledger\.(?:\d.*\.)?jsonl(?:\.gz)?$/;

/** Names of the pinned histories. */
export function historyNames(): readonly string[] {
  return readdirSync(HISTORIES, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** Names of a ledger's files: archives and the active one. */
export function ledgerFilesIn(dir: string): readonly string[] {
  return readdirSync(dir).filter((name) => LEDGER_FILE.test(name));
}

export interface Reading {
  readonly jobs: readonly { readonly job_id: string; readonly idempotency_key?: string }[];
  readonly events: readonly object[];
  readonly corrupt: readonly object[];
  readonly foreign_events: readonly object[];
  readonly ready: object;
}

/**
 * The whole history as a client sees it. Nothing is written, and nothing in it depends on when it is
 * read: whatever lease a pinned ledger holds lapsed long ago.
 */
export async function readBy(daemon: WireDaemon): Promise<Reading> {
  const events = (await daemon.ask("/v1/events")).body;
  const jobs = (await daemon.ask("/v1/jobs?limit=1000")).body;
  const { ready, ledger_replay_status, projection_status, projection_lag } = (
    await daemon.ask("/v1/ready")
  ).body;
  return {
    jobs: [...jobs.jobs, ...(jobs.foreign_jobs ?? [])],
    events: events.events,
    corrupt: events.corrupt ?? [],
    foreign_events: events.foreign_events ?? [],
    ready: { ready, ledger_replay_status, projection_status, projection_lag },
  };
}

/** Gives `work` a daemon over a copy of the ledger files in `dir`, some of them changed. */
export async function withHistory<T>(
  dir: string,
  work: (daemon: WireDaemon) => Promise<T>,
  change: (bytes: Buffer, name: string) => Uint8Array = (bytes) => bytes,
): Promise<T> {
  const files = ledgerFilesIn(dir).map(
    (name) => [name, change(readFileSync(join(dir, name)), name)] as const,
  );
  const daemon = await wireDaemon({ files: Object.fromEntries(files) });
  try {
    return await work(daemon);
  } finally {
    await daemon.close();
  }
}

export function expectedOf(name: string): Reading {
  return JSON.parse(readFileSync(join(HISTORIES, name, EXPECTED), "utf8")) as Reading;
}
