/** Reads `keelson.json`. Every complaint says where, which field, and what would be right. */
import { readFileSync } from "node:fs";
import { basename, isAbsolute, normalize } from "node:path";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import {
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { Fault, messageOf } from "../errors/fault.ts";
import { isJsonObject, type JsonObject } from "../lib/json.ts";
import { CONFIG_SCHEMA, type NotifyState, type RetryCause } from "./config-schema.ts";
import { isForbiddenName } from "./environment.ts";
import { offsetOf, type Path, pathText, placeOf, repeatedKeys } from "./json-place.ts";
import { nearestName } from "./nearest-name.ts";
import { unknownPlaceholders } from "./prompt.ts";

export interface EnvConfig {
  readonly pass: readonly string[];
  readonly set: Readonly<Record<string, string>>;
}

/** One entry of `jobs`, defaults filled in. Field names are the file's. */
export interface JobConfig {
  readonly command: readonly string[];
  readonly resume_command?: readonly string[];
  readonly prompt?: string;
  readonly concurrency: number;
  readonly timeout_s?: number;
  readonly grace_s: number;
  readonly env: EnvConfig;
  readonly cwd: string;
  readonly worktree: boolean;
  readonly transcript_max_bytes: number;
  readonly require_output: boolean;
  readonly retry_on: readonly RetryCause[];
}

export interface NotifyConfig {
  readonly command: readonly string[];
  readonly on: readonly NotifyState[];
  readonly timeout_s: number;
  readonly env: EnvConfig;
}

/** The whole of `keelson.json`, defaults filled in. */
export interface Config {
  readonly jobs: Readonly<Record<string, JobConfig>>;
  readonly notify?: NotifyConfig;
  readonly lease_s: number;
  readonly heartbeat_s: number;
  readonly max_attempts: number;
  /** Absent: the daemon's own default. */
  readonly rotate_bytes?: number;
}

interface Complaint {
  readonly offset: number;
  readonly path: Path;
  readonly message: string;
}

/** More would hide the first ones. */
const COMPLAINTS_MAX = 20;

const ajv = new Ajv2020({ allErrors: true, verbose: true, useDefaults: true });
ajv.addKeyword({ keyword: "x-must", schemaType: "string" });
const validate = ajv.compile<Config>(CONFIG_SCHEMA);

/**
 * The configuration in `path`, or the defaults when there is no such file. Throws a `Fault`
 * (`config_invalid`) with one line per problem.
 */
export function loadConfig(path: string): Config {
  const text = readText(path);
  return parseConfig(text ?? "{}", basename(path));
}

/** The same for a text already read; `name` is what complaints call it. */
export function parseConfig(text: string, name: string): Config {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  if (errors.length > 0 || root === undefined) {
    const found = errors.map(syntaxComplaint);
    throw invalid(name, text, found.length > 0 ? found : [{ ...START, message: "is empty" }]);
  }
  const value: unknown = getNodeValue(root);
  const complaints: Complaint[] = repeatedKeys(root).map((repeated) => ({
    ...repeated,
    message: "is written twice; keep one of them",
  }));
  if (!validate(value)) {
    for (const error of validate.errors ?? []) complaints.push(schemaComplaint(root, error));
  }
  if (complaints.length === 0) complaints.push(...crossChecks(root, value as Config));
  if (complaints.length > 0) throw invalid(name, text, complaints);
  return value as Config;
}

const START = { offset: 0, path: [] } as const;

function readText(path: string): string | undefined {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    const message = `${path} cannot be read: ${messageOf(error)}`;
    throw new Fault("config_invalid", message, { cause: error });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Fault("config_invalid", `${path} is not UTF-8 text`, { cause: error });
  }
}

function syntaxComplaint(error: ParseError): Complaint {
  const words = printParseErrorCode(error.error).replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ");
  return { offset: error.offset, path: [], message: `is not JSON here: ${words.toLowerCase()}` };
}

function schemaComplaint(root: Node, error: ErrorObject): Complaint {
  const path = pathOfPointer(root, error.instancePath);
  const parent: unknown = error.parentSchema;
  const schema = isJsonObject(parent) ? parent : {};
  if (error.keyword === "additionalProperties") {
    return unknownKey(root, path, { key: String(error.params["additionalProperty"]), schema });
  }
  if (error.keyword === "required") {
    const key = String(error.params["missingProperty"]);
    return { offset: offsetOf(root, path), path: [...path, key], message: "is missing" };
  }
  const named = error.propertyName === undefined ? path : [...path, error.propertyName];
  const must = schema["x-must"];
  const message = typeof must === "string" ? must : (error.message ?? "is not allowed");
  return { offset: offsetOf(root, named), path: named, message };
}

function unknownKey(
  root: Node,
  path: Path,
  unknown: { readonly key: string; readonly schema: JsonObject },
): Complaint {
  const full = [...path, unknown.key];
  const known = isJsonObject(unknown.schema["properties"])
    ? Object.keys(unknown.schema["properties"])
    : [];
  const near = nearestName(unknown.key, known);
  const isJobType = path.length === 1 && path[0] === "jobs";
  const what =
    isJobType && unknown.key === "openclaw.snapshot"
      ? "runs inside the daemon; remove it"
      : isJobType
        ? "is not a job type"
        : "is not a known key";
  const help =
    near === undefined
      ? `; known are ${known.join(", ")}`
      : `; did you mean ${JSON.stringify(near)}?`;
  const message = what.endsWith("remove it") ? what : what + help;
  return { offset: offsetOf(root, full), path: full, message };
}

/** JSON pointer to path; an index is a number only where the document has an array. */
function pathOfPointer(root: Node, pointer: string): Path {
  const path: (string | number)[] = [];
  let value: unknown = getNodeValue(root);
  for (const raw of pointer.split("/").slice(1)) {
    const step = raw.replaceAll("~1", "/").replaceAll("~0", "~");
    path.push(Array.isArray(value) ? Number(step) : step);
    value = Array.isArray(value)
      ? value[Number(step)]
      : isJsonObject(value)
        ? value[step]
        : undefined;
  }
  return path;
}

/** What a schema cannot say. */
function crossChecks(root: Node, config: Config): readonly Complaint[] {
  const complaints: Complaint[] = [];
  const complain = (path: Path, message: string): void => {
    complaints.push({ offset: offsetOf(root, path), path, message });
  };
  if (config.heartbeat_s > config.lease_s / 2) {
    complain(["heartbeat_s"], `must be at most half of lease_s (${config.lease_s})`);
  }
  for (const [type, job] of Object.entries(config.jobs)) {
    checkCwd(job.cwd, (message) => complain(["jobs", type, "cwd"], message));
    checkEnv(job.env, (at, message) => complain(["jobs", type, "env", ...at], message));
    for (const unknown of unknownPlaceholders(job.prompt ?? "")) {
      const message = `names the placeholder {${unknown.name}}, which does not exist${unknown.help}`;
      complain(["jobs", type, "prompt"], message);
    }
  }
  if (config.notify !== undefined) {
    checkEnv(config.notify.env, (at, message) => complain(["notify", "env", ...at], message));
  }
  return complaints;
}

function checkCwd(cwd: string, complain: (message: string) => void): void {
  const inside = !isAbsolute(cwd) && normalize(cwd).split("/")[0] !== "..";
  if (!inside || cwd.includes("\0")) complain("must be a relative directory inside the root");
}

function checkEnv(env: EnvConfig, complain: (at: Path, message: string) => void): void {
  const never = "is a name of the daemon's own; it is never handed to a child";
  for (const [index, name] of env.pass.entries()) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*\*?$/.test(name)) {
      complain(["pass", index], "must be a variable name, or the beginning of one and `*`");
    } else if (isForbiddenName(name)) complain(["pass", index], never);
  }
  for (const [name, value] of Object.entries(env.set)) {
    if (isForbiddenName(name)) complain(["set", name], never);
    if (value.includes("\0")) complain(["set", name], "must not hold a NUL character");
  }
}

function invalid(name: string, text: string, complaints: readonly Complaint[]): Fault {
  const lines = complaints
    .toSorted((left, right) => left.offset - right.offset)
    .map(({ offset, path, message }) => {
      const { line, column } = placeOf(text, offset);
      const field = path.length === 0 ? "the file" : pathText(path);
      return `${name}:${line}:${column} ${field}: ${message}`;
    });
  const unique = [...new Set(lines)];
  const shown = unique.slice(0, COMPLAINTS_MAX);
  const more = unique.length - shown.length;
  const rest = more > 0 ? [`… and ${more} more`] : [];
  return new Fault("config_invalid", [...shown, ...rest].join("\n"), {
    details: { problems: shown },
  });
}
