/** What the scenarios of one run share: the daemon at the URL, and the daemons of their own. */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Daemon } from "./target/daemon.ts";
import { type Connections, type Endpoint, exchange } from "./target/http.ts";
import type { Launcher } from "./target/launcher.ts";

/** Starts a daemon over a prepared ledger, below a root that nobody else uses. */
export type Launch = (ledger: string | Uint8Array) => Promise<Daemon>;

export interface Workshop {
  readonly endpoint: Endpoint;
  /** An id that neither this run nor another has used, with this name in it. */
  readonly fresh: (name: string) => string;
  /** Whether the daemon lets workers in over HTTP. */
  readonly workerRoutes: () => Promise<boolean>;
  /** Absent when the kit cannot start daemons. */
  readonly launch?: Launch;
}

export function workshop(endpoint: Endpoint, launch: Launch | undefined): Workshop {
  let routes: Promise<boolean> | undefined;
  return {
    endpoint,
    fresh: freshIds(),
    workerRoutes: () => (routes ??= hasWorkerRoutes(endpoint)),
    ...(launch === undefined ? {} : { launch }),
  };
}

/** One count for the whole run: two scenarios with one id would be handed each other's job. */
function freshIds(): (name: string) => string {
  const nonce = randomBytes(4).toString("hex");
  let count = 0;
  return (name) => {
    count += 1;
    return `conform-${nonce}-${name}-${count}`;
  };
}

/** An empty claim takes no job; a daemon without the route says 404 or 405 to it. */
async function hasWorkerRoutes(endpoint: Endpoint): Promise<boolean> {
  const probe = await exchange(endpoint, "POST", "/v1/jobs/claim", { body: { types: [] } });
  return ![0, 404, 405, 501].includes(probe.status);
}

/** Directories for the daemons of one run. */
export interface Roots {
  next(): Promise<string>;
  remove(): Promise<void>;
}

export async function rootsIn(given: string | undefined): Promise<Roots> {
  if (given !== undefined) await mkdir(given, { recursive: true });
  const parent = await mkdtemp(join(given ?? tmpdir(), "conform-"));
  const removeNow = (): void => rmSync(parent, { recursive: true, force: true });
  process.once("exit", removeNow);
  let count = 0;
  return {
    next: async () => {
      count += 1;
      const root = join(parent, String(count), "root");
      await mkdir(root, { recursive: true, mode: 0o700 });
      return root;
    },
    remove: async () => {
      process.removeListener("exit", removeNow);
      await rm(parent, { recursive: true, force: true });
    },
  };
}

interface LaunchSite {
  readonly launcher: Launcher;
  readonly roots: Roots;
  readonly connections: Connections;
  /** Hears of every token, so that none gets into the report. */
  readonly onToken: (token: string) => void;
}

export function launchAt({ launcher, roots, connections, onToken }: LaunchSite): Launch {
  return async (ledger) => {
    const daemon = new Daemon({ launcher, root: await roots.next(), connections });
    await daemon.prepare(ledger);
    await daemon.start();
    onToken(daemon.endpoint.token);
    return daemon;
  };
}
