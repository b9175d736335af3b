/**
 * A whole daemon without a process: the surface on an engine on an embedded store in a temporary
 * folder. Answers are taken by injection, and each is held against the OpenAPI document; `listen`
 * opens a real port where a test needs a socket.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import type { Engine } from "../../src/engine/engine.ts";
import { createJobEngine, type JobEngine } from "../../src/engine/job-engine.ts";
import type { Fault } from "../../src/errors/fault.ts";
import { createPrincipals, legacyToken, type Token } from "../../src/identity/principals.ts";
import { createJobSpecApp, type JobSpecAppOptions } from "../../src/jobspec/app.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { systemRandom } from "../../src/lib/system-random.ts";
import { EmbeddedBlobs } from "../../src/storage/embedded/blobs.ts";
import { layoutOf } from "../../src/storage/embedded/layout.ts";
import { openEmbeddedStore } from "../../src/storage/embedded/store.ts";
import { systemDisk } from "../../src/storage/embedded/system-disk.ts";
import { checkAnswer } from "./response-schema.ts";

export const SECRET = "wire-test-token";
export const AUTH = { "x-agentops-daemon-token": SECRET } as const;
export const LIMITS = { leaseMs: 60_000, heartbeatMs: 15_000, maxAttempts: 3 } as const;

export interface WireOptions extends Partial<Omit<JobSpecAppOptions, "engine" | "principals">> {
  /** Whole lines that are in the ledger before the daemon opens it. */
  readonly ledger?: readonly string[];
  /** Files that are beside the ledger before the daemon opens it, by name. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /** Replaces the one legacy token. */
  readonly tokens?: readonly Token[];
  /** Stands between the app and the engine, to make it fail. */
  readonly wrap?: (engine: JobEngine) => Engine;
}

export interface Asked {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answered {
  readonly status: number;
  readonly headers: LightMyRequestResponse["headers"];
  readonly text: string;
  /** Whatever the text says; its shape is checked against the OpenAPI document. */
  readonly body: ReturnType<typeof JSON.parse>;
}

export interface WireDaemon {
  readonly app: FastifyInstance;
  readonly engine: JobEngine;
  readonly root: string;
  /** Faults that would have stopped the process. */
  readonly fatal: readonly Fault[];
  /** Asks without credentials. */
  ask(path: string, asked?: Asked): Promise<Answered>;
  /** POSTs JSON with the test's token. */
  post(path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answered>;
  /** The ledger's lines as they are on disk now. */
  ledger(): readonly string[];
  /** Opens a free port and gives its base URL. */
  listen(): Promise<string>;
  close(): Promise<void>;
}

export async function wireDaemon(options: WireOptions = {}): Promise<WireDaemon> {
  const { ledger = [], files = {}, tokens = [legacyToken(SECRET)], wrap, ...rest } = options;
  const root = mkdtempSync(join(tmpdir(), "keelson-wire-"));
  const layout = layoutOf(root);
  mkdirSync(layout.dir, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(layout.dir, name), bytes);
  if (ledger.length > 0) writeFileSync(layout.ledger, `${ledger.join("\n")}\n`);
  const now = (): number => systemClock.now();
  const store = await openEmbeddedStore({
    disk: systemDisk,
    dir: layout.dir,
    database: ":memory:",
    rotateBytes: 0,
    now,
  });
  const fatal: Fault[] = [];
  const engine = createJobEngine({
    store,
    blobs: new EmbeddedBlobs(layout, now),
    clock: systemClock,
    random: systemRandom,
    limits: LIMITS,
    secrets: tokens.map((token) => token.secret),
    onFatal: (fault) => void fatal.push(fault),
  });
  const app = createJobSpecApp({
    limits: LIMITS,
    version: "0.0.0-test",
    operate: NO_OPERATIONS,
    metrics: { text: async () => "" },
    ...rest,
    engine: wrap === undefined ? engine : wrap(engine),
    principals: createPrincipals(tokens),
  });
  const ask = askerOf(app);
  return {
    app,
    engine,
    root,
    fatal,
    ask,
    post: (path, body, headers) =>
      ask(path, { method: "POST", body, headers: { ...AUTH, ...headers } }),
    ledger: () =>
      readFileSync(layout.ledger, "utf8")
        .split("\n")
        .filter((line) => line !== ""),
    listen: () => app.listen({ host: "127.0.0.1", port: 0 }),
    async close() {
      await app.close();
      await engine.stop();
      await store.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** The engine with some of its methods replaced. */
export function overlay(engine: JobEngine, replaced: Partial<Engine>): Engine {
  return new Proxy(engine, {
    get(target, name) {
      if (Object.hasOwn(replaced, name)) return replaced[name as keyof Engine];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

/** Connections the daemon's server holds open now. */
export function openConnections(daemon: WireDaemon): number {
  const { _connections: open } = daemon.app.server as unknown as { _connections: number };
  return open;
}

/** Operations of a daemon whose ledger is empty. */
export const NO_OPERATIONS: JobSpecAppOptions["operate"] = {
  rebuild: async () => ({ events: 0, jobs: 0, ms: 0 }),
  verify: async () => ({ ok: true, events: 0, jobs: 0, differences: [], corrupt: [] }),
  repair: async () => ({ moved: [] }),
};

function askerOf(app: FastifyInstance): WireDaemon["ask"] {
  return async (path, { method = "GET", body, headers = {} } = {}) => {
    const response = await app.inject({
      method: method as "GET",
      url: path,
      headers,
      ...(body === undefined ? {} : { payload: payloadOf(body) }),
    });
    const text = response.body;
    checkAnswer({
      method,
      path,
      status: response.statusCode,
      contentType: String(response.headers["content-type"] ?? ""),
      text,
    });
    return { status: response.statusCode, headers: response.headers, text, body: parsed(text) };
  };
}

function payloadOf(body: unknown): string | Buffer {
  return typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
