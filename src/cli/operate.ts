import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@keelson/client";
import { connectIfRunning, daemonDir } from "./connection.ts";
import type { CliContext, GlobalOptions } from "./context.ts";
import { CliFailure, EXIT } from "./exit.ts";
import { progressBar } from "./progress.ts";

type OnProgress = (done: number, total: number) => void;

interface Operation<T> {
  readonly label: string;
  readonly remote: (client: Client, call: { readonly onProgress: OnProgress }) => Promise<T>;
  readonly offline: (target: GlobalOptions, onProgress: OnProgress) => Promise<T>;
}

/** Asks the running daemon; where none runs, does the work on the root or the database itself. */
export async function operate<T>(
  globals: GlobalOptions,
  context: CliContext,
  operation: Operation<T>,
): Promise<T> {
  const client = await connectIfRunning(globals, context);
  if (client !== undefined) {
    const bar = progressBar(context.terminal, `${operation.label} at ${client.url}`);
    return operation.remote(client, { onProgress: bar.show }).finally(bar.end);
  }
  if (globals.url !== undefined || globals.addr !== undefined) {
    throw new CliFailure(EXIT.unreachable, "no daemon answers at the address you gave", {
      hints: ["Leave --url and --addr away to work on the root itself."],
    });
  }
  if (globals.store === undefined && !existsSync(join(daemonDir(globals.root), "ledger.jsonl"))) {
    throw new CliFailure(EXIT.negative, `there is no ledger in ${daemonDir(globals.root)}`, {
      hints: ["Name the daemon's root with --root DIR."],
    });
  }
  const bar = progressBar(context.terminal, operation.label);
  return operation.offline(globals, bar.show).finally(bar.end);
}
