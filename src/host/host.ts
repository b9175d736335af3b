/**
 * The composition root: the only place that names concrete adapters. Order of starting: bind
 * address, lock, token, configuration, ledger, engine, workers, listening, activation file; each
 * step can fail with a `Fault` that says what to do, and leaves nothing behind.
 */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import type { FastifyInstance } from "fastify";
import { createJobEngine, type JobEngine } from "../engine/job-engine.ts";
import { Fault, messageOf } from "../errors/fault.ts";
import { BrokenInvariant } from "../errors/invariant.ts";
import { OpenStreams } from "../http/event-stream.ts";
import {
  alsoReachedAt,
  type Exposure,
  isLocalOnly,
  isWildcard,
  parseExposure,
} from "../http/exposure.ts";
import { type BindAddress, parseBindAddress } from "../http/loopback.ts";
import { observeRequests } from "../http/observer.ts";
import { createPrincipals, type Principals } from "../identity/principals.ts";
import { ensureTokenFile, loadTokenFile } from "../identity/token-file.ts";
import { createJobSpecApp } from "../jobspec/app.ts";
import { systemClock } from "../lib/clock.ts";
import { isNoSpace } from "../lib/disk.ts";
import { systemRandom } from "../lib/system-random.ts";
import { type MetricSources, Metrics } from "../metrics/metrics.ts";
import { type Layout, layoutOf } from "../storage/embedded/layout.ts";
import { lockRoot, type RootLock } from "../storage/embedded/lock.ts";
import { systemDisk } from "../storage/embedded/system-disk.ts";
import type { Opening } from "../storage/maintenance.ts";
import { removeActivation, writeActivation } from "./activation.ts";
import { ADDRESS_DEFAULT } from "./defaults.ts";
import { operateOn } from "./operate.ts";
import { type HostSettings, readSettings } from "./settings.ts";
import { openStorage, type Storage } from "./storage.ts";
import { VERSION } from "./version.ts";
import { startWorkers, type Workers } from "./workers.ts";

export interface HostOptions {
  /** Folder whose `.agents/daemon` holds everything; made when missing. */
  readonly root: string;
  /** `host:port`, on loopback unless exposed; port 0 takes a free one. */
  readonly address?: string;
  /** URL of a database for the ledger, shared by all daemons that name it. */
  readonly store?: string | undefined;
  /** Names under which other machines reach it, separated by commas; reads need a token then. */
  readonly expose?: string | undefined;
  /** Token file; made with one random token when it is the default one and missing. */
  readonly tokenFile?: string;
  /** Called when the disk refused a sync or an invariant broke. Must end the process. */
  readonly onFatal?: (fault: Fault) => void;
  /** Bytes of the ledger folded so far, and in all, while opening. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** One line of what happens, for the log. Never holds a secret. */
  readonly log?: (line: string) => void;
}

/** A running daemon. */
export interface Host {
  readonly url: string;
  readonly root: string;
  /** File of the ledger, or the database's address without its password. */
  readonly ledgerPath: string;
  /** True when other daemons may use the same ledger. */
  readonly isShared: boolean;
  readonly tokenFile: string;
  readonly engine: JobEngine;
  readonly version: string;
  /** What opening the ledger had to mend. */
  readonly opening: Opening;
  /** Set when other machines may use it. */
  readonly exposed: HostExposure | undefined;
  /** Job types that this daemon runs by itself. */
  readonly types: readonly string[];
  /** Hands running jobs back, finishes what is under way, stops. Safe to call twice. */
  drain(): Promise<void>;
  /** Resolves when the daemon has stopped. */
  readonly closed: Promise<void>;
}

/** How others reach a daemon, and what its operator should know about it. */
export interface HostExposure {
  readonly names: readonly string[];
  readonly warnings: readonly string[];
}

/** Exit code of a daemon that could not make an append durable. */
const EXIT_FATAL = 70;

/** Time that running jobs get to stop when the daemon drains. */
const DRAIN_GRACE_MS = 10_000;

/** Starts a daemon. Throws a `Fault` and leaves nothing running when any step fails. */
export async function startHost(options: HostOptions): Promise<Host> {
  const asked = options.expose === undefined ? undefined : parseExposure(options.expose);
  const address = parseBindAddress(options.address ?? ADDRESS_DEFAULT, 8765, asked !== undefined);
  const exposure = asked === undefined ? undefined : alsoReachedAt(asked, address.host);
  const root = resolve(options.root);
  mkdirSync(root, { recursive: true });
  const layout = layoutOf(root);
  const lock = lockRoot(systemDisk, layout);
  try {
    return await startLocked(options, { root, layout, lock, address, exposure });
  } catch (error) {
    lock.release();
    throw error;
  }
}

interface Locked {
  readonly root: string;
  readonly layout: Layout;
  readonly lock: RootLock;
  readonly address: BindAddress;
  readonly exposure: Exposure | undefined;
}

async function startLocked(options: HostOptions, locked: Locked): Promise<Host> {
  const { root, layout } = locked;
  const tokenFile = resolve(options.tokenFile ?? layout.token);
  const tokens =
    options.tokenFile === undefined
      ? await ensureTokenFile(tokenFile)
      : await loadTokenFile(tokenFile);
  const principals = createPrincipals(tokens);
  const settings = readSettings(root);
  const metrics = new Metrics({ version: VERSION });
  const storage = await openStorage({
    layout,
    onSync: (ms) => metrics.synced(ms),
    url: options.store,
    rotateBytes: settings.rotateBytes,
    onProgress: options.onProgress,
  });
  try {
    const engine = await startEngine(options, { storage, settings, principals, metrics });
    const parts = { ...locked, tokenFile, principals, settings, storage, engine, metrics };
    return await listen(options, parts);
  } catch (error) {
    await storage.close();
    throw error;
  }
}

async function startEngine(
  options: HostOptions,
  parts: {
    readonly storage: Storage;
    readonly settings: HostSettings;
    readonly principals: Principals;
    readonly metrics: Metrics;
  },
): Promise<JobEngine> {
  const engine = createJobEngine({
    store: parts.storage.store,
    blobs: parts.storage.blobs,
    clock: parts.storage.clock,
    random: systemRandom,
    limits: parts.settings.limits,
    secrets: secretsOf(parts),
    observer: parts.metrics.observer({
      savingIsSync: parts.storage.store.shared,
      now: () => parts.storage.clock.now(),
    }),
    onFatal: options.onFatal ?? stopProcess,
  });
  const { rebuilt } = parts.storage.store.opening;
  if (rebuilt === "unusable") {
    // The read models of an earlier start had to be thrown away; the ledger says what happened.
    const reason = "the projections database was damaged or of another version";
    await engine.note("projection.marked_stale", { reason });
    await engine.note("projection.rebuilt", { reason });
  }
  return engine;
}

/** What may not get into the ledger or into the hands of a child. */
function secretsOf(parts: {
  readonly principals: Principals;
  readonly storage: Storage;
}): readonly string[] {
  return [...parts.principals.secrets, ...parts.storage.secrets];
}

interface Composed extends Locked {
  readonly tokenFile: string;
  readonly principals: Principals;
  readonly settings: HostSettings;
  readonly storage: Storage;
  readonly engine: JobEngine;
  readonly metrics: Metrics;
}

async function listen(options: HostOptions, parts: Composed): Promise<Host> {
  const { storage, engine, settings, principals, metrics } = parts;
  const streams = new OpenStreams();
  const app = createJobSpecApp({
    engine,
    principals,
    limits: settings.limits,
    version: VERSION,
    now: () => storage.clock.now(),
    exposure: parts.exposure,
    operate: operateOn(storage.store, engine),
    metrics: { text: () => metrics.page(sourcesOf(engine, streams)) },
    streams,
    onUnexpected: (thrown) => unexpected(options, thrown),
  });
  observeRequests(app, (request) => metrics.answered(request));
  const url = await listenOn(app, parts.address);
  let workers: Workers | undefined;
  try {
    workers = await startWorkers({
      engine,
      root: parts.root,
      settings,
      secrets: secretsOf(parts),
      clock: storage.clock,
      log: options.log ?? (() => undefined),
    });
    await engine.start();
    announce(parts, url);
    return runningHost({ ...parts, app, url, workers });
  } catch (error) {
    // Whoever reached the daemon meanwhile must not be left talking to one without a ledger.
    engine.drain();
    await workers?.drain(DRAIN_GRACE_MS);
    await app.close();
    await engine.stop();
    throw error;
  }
}

function announce({ layout, root, tokenFile }: Composed, url: string): void {
  try {
    writeActivation(systemDisk, layout.activation, {
      url,
      address: url.slice("http://".length),
      pid: process.pid,
      ready: true,
      started_at: new Date(systemClock.now()).toISOString(),
      token_file: tokenFile,
      root,
      version: VERSION,
    });
  } catch (cause) {
    const code = isNoSpace(cause) ? "no_space" : "ledger_unavailable";
    throw new Fault(code, `cannot write ${layout.activation}: ${messageOf(cause)}`, { cause });
  }
}

/** What a scrape asks of a running daemon. */
function sourcesOf(engine: JobEngine, streams: OpenStreams): MetricSources {
  return {
    refresh: () => engine.refresh(),
    counts: () => engine.counts(),
    health: () => engine.health(),
    isDraining: () => engine.isDraining(),
    headPosition: () => engine.headPosition(),
    toldPosition: () => engine.toldPosition(),
    subscribers: () => streams.count("events"),
    waitingClaims: () => streams.count("claim"),
  };
}

async function listenOn(app: FastifyInstance, address: BindAddress): Promise<string> {
  try {
    await app.listen({ host: address.host, port: address.port });
  } catch (error) {
    const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    if (!isTaken) throw error;
    throw new Fault(
      "address_in_use",
      `another process listens on ${address.host}:${address.port}; choose another port with --addr`,
      { cause: error },
    );
  }
  const bound = app.server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : address.port;
  return `http://${nearestHost(address.host)}:${port}`;
}

/** What this machine calls the address in a URL: of all interfaces, the nearest. */
function nearestHost(host: string): string {
  if (isWildcard(host)) return host.includes(":") ? "[::1]" : "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

function runningHost(
  parts: Composed & {
    readonly app: FastifyInstance;
    readonly url: string;
    readonly workers: Workers;
  },
): Host {
  const { promise: closed, resolve: setClosed } = Promise.withResolvers<void>();
  let draining: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    parts.engine.drain();
    await parts.workers.drain(DRAIN_GRACE_MS);
    await parts.app.close();
    await parts.engine.stop();
    await parts.storage.close();
    removeActivation(parts.layout.activation);
    parts.lock.release();
    setClosed();
  };
  return {
    url: parts.url,
    root: parts.root,
    ledgerPath: parts.storage.ledger,
    isShared: parts.storage.store.shared,
    tokenFile: parts.tokenFile,
    engine: parts.engine,
    version: VERSION,
    opening: parts.storage.store.opening,
    exposed: exposedAs(parts),
    types: parts.workers.types,
    closed,
    drain: () => (draining ??= stop()),
  };
}

function exposedAs({ exposure, address, principals }: Composed): HostExposure | undefined {
  if (exposure === undefined) return undefined;
  const warnings = isLocalOnly(address.host)
    ? []
    : [
        "tokens and answers cross the network in the clear: let only a proxy with TLS reach this port",
        ...(principals.servesRemote
          ? []
          : [
              "no token of the file counts for peers elsewhere: list tokens without local_only " +
                '({"tokens":[{"name":"…","token":"…","capabilities":["…"]}]})',
            ]),
      ];
  return { names: [...exposure.names], warnings };
}

/** A bug of ours in a request: told in the log; one that may have broken the state ends the daemon. */
function unexpected(options: HostOptions, thrown: unknown): void {
  const message = `unexpected error in a request: ${messageOf(thrown)}`;
  if (thrown instanceof BrokenInvariant) {
    (options.onFatal ?? stopProcess)(new Fault("ledger_unavailable", message, { cause: thrown }));
  } else {
    options.log?.(message);
  }
}

/** The last line of a daemon that must not go on. */
function stopProcess(fault: Fault): void {
  process.stderr.write(
    `keelson stopped: ${fault.message}; nothing after the last acknowledged append is promised. ` +
      `Check the disk, then start again.\n`,
  );
  process.exit(EXIT_FATAL);
}
