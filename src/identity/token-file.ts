/**
 * The token file (digest §7.4). Two forms: plain text is one token that may do everything; JSON
 * lists tokens with names and capabilities. Every way it can be unusable is a start error that names
 * the file and what to do, because a daemon that starts and then denies everything helps nobody.
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Fault, messageOf } from "../errors/fault.ts";
import { isJsonObject, type JsonObject } from "../lib/json.ts";
import { ensurePrivateFile, openMode } from "../lib/private-file.ts";
import { CAPABILITIES, type Capability, isCapability } from "./capability.ts";
import { legacyToken, type Token } from "./principals.ts";

const SECRET_BYTES = 32;

/** Reads the tokens of a file, or throws `token_file_invalid`. */
export async function loadTokenFile(path: string): Promise<readonly Token[]> {
  let content: string;
  try {
    await checkMode(path);
    content = await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw invalid(path, `cannot be read: ${messageOf(cause)}`, "Check the path and its owner.");
  }
  return parseTokenFile(content, path);
}

/** Like `loadTokenFile`, but makes a file with one random token when there is none yet. */
export async function ensureTokenFile(path: string): Promise<readonly Token[]> {
  await ensurePrivateFile(path, () => `${randomBytes(SECRET_BYTES).toString("base64url")}\n`);
  return loadTokenFile(path);
}

async function checkMode(path: string): Promise<void> {
  const octal = await openMode(path);
  if (octal === undefined) return;
  throw new Fault(
    "token_file_invalid",
    `daemon mutation token file mode is too permissive: ${path} has mode ${octal}. ` +
      `Run: chmod 600 ${path}`,
    { details: { path, mode: octal } },
  );
}

/** The tokens of a file's content. `path` is only for the messages. */
export function parseTokenFile(content: string, path: string): readonly Token[] {
  const text = content.trim();
  if (text === "") {
    throw new Fault(
      "token_file_invalid",
      `daemon mutation token is missing: ${path} is empty. ` +
        "Write a token into it, or remove it so that one is made.",
      { details: { path } },
    );
  }
  if (!text.startsWith("{")) return [legacyToken(usable(text, path, "the token"))];
  return parseJsonForm(text, path);
}

function parseJsonForm(text: string, path: string): readonly Token[] {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (cause) {
    // The parser's own message may quote a secret, so it is not passed on.
    throw invalid(path, "is not valid JSON", "It starts with {, so it must be JSON.", cause);
  }
  const list = isJsonObject(root) ? root["tokens"] : undefined;
  if (!Array.isArray(list) || list.length === 0) {
    throw invalid(path, "has no tokens", 'Give it {"tokens":[{"token":"…","capabilities":[…]}]}.');
  }
  return list.map((entry: unknown, index) => parseEntry(entry, index, path));
}

function parseEntry(entry: unknown, index: number, path: string): Token {
  const label = `tokens[${index}]`;
  if (!isJsonObject(entry)) throw invalid(path, `${label} is not an object`, SHAPE);
  const localOnly = entry["local_only"] ?? false;
  if (typeof localOnly !== "boolean") {
    throw invalid(path, `${label}.local_only is not true or false`, SHAPE);
  }
  return {
    name: nameOf(entry, index, path),
    secret: secretOf(entry, label, path),
    capabilities: capabilitiesOf(entry, label, path),
    localOnly,
  };
}

const SHAPE = 'Each entry is {"name"?, "token", "capabilities": […], "local_only"?}.';

function nameOf(entry: JsonObject, index: number, path: string): string {
  const name = entry["name"] ?? "";
  if (typeof name !== "string") throw invalid(path, `tokens[${index}].name is not text`, SHAPE);
  return name.trim() === "" ? `token-${index + 1}` : name.trim();
}

function secretOf(entry: JsonObject, label: string, path: string): string {
  const token = entry["token"];
  if (typeof token !== "string" || token.trim() === "") {
    throw invalid(path, `${label}.token is blank`, "Give each entry a token of its own.");
  }
  return usable(token.trim(), path, `${label}.token`);
}

function capabilitiesOf(entry: JsonObject, label: string, path: string): readonly Capability[] {
  const listed = entry["capabilities"];
  const known = `Known capabilities: ${CAPABILITIES.join(", ")}.`;
  if (!Array.isArray(listed) || listed.length === 0) {
    throw invalid(path, `${label}.capabilities is empty`, known);
  }
  return listed.map((capability: unknown) => {
    if (isCapability(capability)) return capability;
    throw invalid(path, `${label} has an unknown capability ${JSON.stringify(capability)}`, known);
  });
}

/** A secret that a header can carry; any other could never be presented. */
function usable(secret: string, path: string, label: string): string {
  if (/^[\x20-\x7e]+$/.test(secret)) return secret;
  throw invalid(path, `${label} has characters that a header cannot carry`, "Use printable ASCII.");
}

function invalid(path: string, what: string, fix: string, cause?: unknown): Fault {
  return new Fault("token_file_invalid", `daemon mutation token file ${path}: ${what}. ${fix}`, {
    cause,
    details: { path },
  });
}
