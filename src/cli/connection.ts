/** How the CLI finds the daemon and its token. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Client, createClient } from "@keelson/client";
import { isJsonObject, type JsonObject } from "../lib/json.ts";
import type { CliContext, GlobalOptions } from "./context.ts";
import { CliFailure, EXIT } from "./exit.ts";

export const ADDR_DEFAULT = "127.0.0.1:8765";

/** Environment variables that may hold the token, first match wins. */
export const TOKEN_VARIABLES = [
  "KEELSON_TOKEN",
  "AGENTOPSD_TOKEN",
  "AGENTOPS_DAEMON_TOKEN",
] as const;

export interface Found {
  readonly url: string;
  /** Where the address came from, for messages. */
  readonly from: "--url" | "--addr" | "activation" | "default";
}

export function daemonDir(root: string): string {
  return join(root, ".agents", "daemon");
}

/**
 * `--url`, `--addr`, the root's activation file, then the default address; but not that when a root
 * was named, because the daemon there would be another root's.
 */
export function findDaemon(globals: GlobalOptions, self: string): Found {
  if (globals.url !== undefined) return { url: checkedUrl(globals.url), from: "--url" };
  if (globals.addr !== undefined) {
    return { url: checkedUrl(`http://${globals.addr}`), from: "--addr" };
  }
  const activated = activationOf(globals.root)?.["url"];
  if (typeof activated === "string") return { url: activated, from: "activation" };
  if (!globals.rootGiven) return { url: `http://${ADDR_DEFAULT}`, from: "default" };
  throw new CliFailure(EXIT.unreachable, `no daemon runs in ${globals.root}`, {
    code: "unreachable",
    hints: [`Start one:  ${self} up --root ${globals.root}`],
  });
}

function checkedUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") return text;
  throw new CliFailure(EXIT.usage, `not a daemon address: ${text}`, {
    hints: ["For example --url http://127.0.0.1:8765 or --addr 127.0.0.1:8765."],
  });
}

/** What the root's daemon wrote about itself, if it runs or died without a word. */
export function activationOf(root: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(
      readFileSync(join(daemonDir(root), "activation.json"), "utf8"),
    );
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The path of the root's token file: as told, as the daemon says, or where it usually is. */
export function tokenPathOf(globals: GlobalOptions): string {
  const activated = activationOf(globals.root)?.["token_file"];
  if (globals.tokenFile !== undefined) return globals.tokenFile;
  return typeof activated === "string" ? activated : join(daemonDir(globals.root), "token");
}

/**
 * `--token-file`, the environment, then the root's own file. The last is sent to loopback addresses
 * and to where the root's own daemon listens: it was never meant for a host that `--url` names.
 */
export function findToken(
  globals: GlobalOptions,
  env: CliContext["env"],
  url: string,
): string | undefined {
  if (globals.tokenFile !== undefined) return secretIn(readTokenFile(globals.tokenFile));
  for (const name of TOKEN_VARIABLES) {
    const value = env[name]?.trim();
    if (value !== undefined && value !== "") return value;
  }
  if (!isLoopback(url) && url !== activationOf(globals.root)?.["url"]) return undefined;
  try {
    return secretIn(readFileSync(tokenPathOf(globals), "utf8"));
  } catch {
    return undefined;
  }
}

function readTokenFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new CliFailure(EXIT.usage, `cannot read the token file ${path}`, {
      cause,
      hints: ["Check the path and that it is yours to read."],
    });
  }
}

/** A plain token, or of a list the one that may do most. */
export function secretIn(content: string): string | undefined {
  const text = content.trim();
  if (text === "") return undefined;
  if (!text.startsWith("{")) return text;
  try {
    const value: unknown = JSON.parse(text);
    const listed = isJsonObject(value) ? value["tokens"] : undefined;
    const entries = Array.isArray(listed) ? listed.filter(isJsonObject) : [];
    const best = entries.toSorted((first, second) => reach(second) - reach(first))[0];
    return typeof best?.["token"] === "string" ? best["token"].trim() : undefined;
  } catch {
    return undefined;
  }
}

function reach(entry: JsonObject): number {
  const capabilities = Array.isArray(entry["capabilities"]) ? entry["capabilities"] : [];
  return capabilities.includes("admin") ? Number.POSITIVE_INFINITY : capabilities.length;
}

function isLoopback(url: string): boolean {
  const name = URL.parse(url)?.hostname ?? "";
  return name === "localhost" || name === "[::1]" || /^127(\.\d+){3}$/.test(name);
}

/** A client for the daemon; says at once, and helpfully, when nobody is there. */
export async function connect(globals: GlobalOptions, context: CliContext): Promise<Client> {
  const found = findDaemon(globals, context.self);
  try {
    await createClient({ url: found.url, retries: 0 }).health();
  } catch (error) {
    throw failureToReach(error, found, globals, context);
  }
  return createClient({ url: found.url, token: findToken(globals, context.env, found.url) });
}

/** The client of this root's daemon, or of the one that was named; undefined when none answers. */
export async function connectIfRunning(
  globals: GlobalOptions,
  context: CliContext,
): Promise<Client | undefined> {
  try {
    return await connect({ ...globals, rootGiven: true }, context);
  } catch (error) {
    if (error instanceof CliFailure && error.exit === EXIT.unreachable) return undefined;
    throw error;
  }
}

function failureToReach(
  error: unknown,
  found: Found,
  globals: GlobalOptions,
  context: CliContext,
): unknown {
  const isSilent = error instanceof Error && "status" in error && error.status === 0;
  if (!isSilent) return error;
  const inRoot = globals.root === context.cwd ? "" : ` --root ${globals.root}`;
  const died =
    found.from === "activation" ? ` (the address in ${globals.root}; that daemon has gone)` : "";
  return new CliFailure(EXIT.unreachable, `no daemon answers at ${found.url}${died}`, {
    code: "unreachable",
    cause: error,
    hints: [
      `Start one:           ${context.self} up${inRoot}`,
      `Or name another one: --root DIR, --addr HOST:PORT or --url URL`,
    ],
  });
}
