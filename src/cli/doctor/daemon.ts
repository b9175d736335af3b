/** Checks of the daemon that should run here, and of the commands it is told to run. */
import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import { createClient, type ReadyResponse } from "@keelson/client";
import { messageOf } from "../../errors/fault.ts";
import { activationOf, findDaemon } from "../connection.ts";
import type { CliContext, GlobalOptions } from "../context.ts";
import { plural } from "../format.ts";
import { bad, type Finding, fine, warning } from "./finding.ts";

/** Who owns the root, as far as that can be told without touching the lock. */
export function checkOwner(globals: GlobalOptions): Finding {
  const activation = activationOf(globals.root);
  if (activation === undefined) return fine("owner", "no daemon says it runs here");
  const pid = Number(activation["pid"]);
  const who = `process ${pid}, started ${String(activation["started_at"])}`;
  if (isAlive(pid)) return fine("owner", who);
  return warning(
    "owner",
    `${who}, has gone without tidying up`,
    "Start the daemon again; it continues from the ledger.",
  );
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is alive too.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

export async function checkDaemon(
  globals: GlobalOptions,
  context: CliContext,
): Promise<readonly Finding[]> {
  let url = "";
  let ready: ReadyResponse;
  try {
    url = findDaemon({ ...globals, rootGiven: true }, context.self).url;
    ready = await createClient({ url, retries: 0 }).ready();
  } catch (error) {
    return [warning("daemon", messageOf(error), `Start it: ${context.self} up`)];
  }
  const reasons = (ready.degraded_reasons ?? []).join("; ");
  const state = ready.ready
    ? fine("daemon", `ready at ${url}`)
    : bad("daemon", `at ${url}, not ready: ${reasons}`, `Mend it: ${context.self} repair`);
  const waiting = Object.entries(ready.queued_without_worker ?? {}).map(([type, queued]) =>
    warning(
      "worker",
      `${plural(queued, "job")} of type ${type} queued, and nothing runs that type`,
      `Map ${type} to a command in keelson.json, or: ${context.self} worker --type ${type} -- COMMAND`,
    ),
  );
  return [state, ...waiting];
}

/** Every command that keelson.json names, looked for where the daemon would look. */
export async function checkCommands(
  root: string,
  env: CliContext["env"],
): Promise<readonly Finding[]> {
  // Loaded here: no other verb needs the configuration's schema.
  const { configuredCommands } = await import("../../host/commands.ts");
  let configured: ReturnType<typeof configuredCommands>;
  try {
    configured = configuredCommands(root);
  } catch (error) {
    return [bad("config", messageOf(error), `Correct keelson.json in ${root}.`)];
  }
  if (configured === undefined) {
    return [fine("config", "no keelson.json; only openclaw.snapshot runs by itself")];
  }
  const { path, commands } = configured;
  return [
    fine("config", `${path} names ${plural(commands.length, "command")}`),
    ...commands.map(([type, command]) => checkCommand(type, command[0] ?? "", { root, env })),
  ];
}

function checkCommand(
  type: string,
  program: string,
  where: { readonly root: string; readonly env: CliContext["env"] },
): Finding {
  const found = findProgram(program, where.root, where.env["PATH"] ?? "");
  if (found !== undefined) return fine("command", `${type}: ${found}`);
  return bad(
    "command",
    `${type}: ${program} is not on PATH`,
    `Install ${program}, or name its path.`,
  );
}

/** Where a program lies, the way a shell finds it; undefined when it cannot be run. */
function findProgram(program: string, root: string, path: string): string | undefined {
  const candidates =
    isAbsolute(program) || program.includes("/")
      ? [resolve(root, program)]
      : path.split(delimiter).map((dir) => join(dir, program));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
