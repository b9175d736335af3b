import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { messageOf } from "../../errors/fault.ts";
import { secretIn, tokenPathOf } from "../connection.ts";
import type { CliContext, GlobalOptions, VerbHost } from "../context.ts";
import { CliFailure, EXIT } from "../exit.ts";

export function addToken(host: VerbHost): void {
  const { context } = host;
  host
    .verb("token", "Say where the token is; show it or replace it only when asked.", [
      ["token", "prints the path of the token file"],
      ["token --show", "prints the secret itself"],
      ["token --rotate", "writes a new one; restart the daemon to use it"],
    ])
    .option("--show", "print the secret")
    .option("--rotate", "replace the token by a new random one")
    .action(
      host.run(async (globals: GlobalOptions, options: { show?: boolean; rotate?: boolean }) => {
        const path = tokenPathOf(globals);
        const content = read(path, context);
        if (options.rotate === true) rotate(path, content);
        const token = options.show === true ? secretIn(read(path, context)) : undefined;
        if (globals.json) {
          const { rotate: rotated = false } = options;
          context.terminal.line(JSON.stringify({ path, rotated, token }));
          return EXIT.ok;
        }
        context.terminal.line(token ?? path);
        if (options.rotate === true) {
          context.terminal.note("a new token is in place; restart the daemon to use it");
        }
        return EXIT.ok;
      }),
    );
}

function read(path: string, context: CliContext): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new CliFailure(EXIT.negative, `no readable token at ${path}: ${messageOf(cause)}`, {
      cause,
      hints: [`The daemon makes one when it starts: ${context.self} up`],
    });
  }
}

function rotate(path: string, content: string): void {
  if (content.trim().startsWith("{")) {
    throw new CliFailure(EXIT.usage, `${path} lists several tokens; edit it by hand`);
  }
  // Whole under another name first: a crash must not leave the daemon without a token.
  const draft = `${path}.${process.pid}.tmp`;
  const file = openSync(draft, "wx", 0o600);
  try {
    writeSync(file, `${randomBytes(32).toString("base64url")}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
}
