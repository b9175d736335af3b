import { writeFileSync } from "node:fs";
import type { ConformanceOptions, Level } from "@keelson/conformance";
import { messageOf } from "../../errors/fault.ts";
import { findToken } from "../connection.ts";
import type { GlobalOptions, VerbHost } from "../context.ts";
import { CliFailure, EXIT } from "../exit.ts";
import { progressBar } from "../progress.ts";

interface ConformOptions {
  readonly level?: string;
  readonly only?: string;
  readonly start?: string;
  readonly junit?: string;
  readonly html?: string;
}

export function addConform(host: VerbHost): void {
  const { context } = host;
  const start = "keelson up --root {root} --addr 127.0.0.1:{port} --token-file {token_file}";
  host
    .verb(
      "conform [url]",
      "Judge any JobSpec v0 daemon from outside, level by level. It submits, claims and cancels " +
        "real jobs: point it at a daemon nobody works with.",
      [
        ["conform http://127.0.0.1:8765", "exit code 1 when an attempted level is not conformant"],
        [
          "conform http://127.0.0.1:9000 --level 1 --html report.html",
          "what anybody may read, and a page to keep",
        ],
        [`conform --start '${start}'`, "also what only a restart can show"],
      ],
    )
    .option(
      "--level <list>",
      "levels to judge, with commas: 1 Observe, 2 Enqueue, 3 Execute, 4 Project",
    )
    .option(
      "--only <list>",
      "scenarios to run, by id or group, such as durable,lapses/reclaim; the rest is not attempted",
    )
    .option("--start <command>", "starts a daemon; {root}, {port} and {token_file} are filled in")
    .option("--junit <file>", "write the report as JUnit XML")
    .option("--html <file>", "write the report as one HTML page")
    .action(
      host.run(async (globals: GlobalOptions, url: string | undefined, options: ConformOptions) => {
        const plan = planOf(url, options);
        const token = findToken(globals, context.env, url ?? "");
        const kit = await import("@keelson/conformance");
        const bar = progressBar(context.terminal, "conform");
        // Exiting takes the daemons and folders along that the kit has made by then.
        const interrupt = (): never => process.exit(EXIT.interrupted);
        context.interrupted().addEventListener("abort", interrupt, { once: true });
        const report = await kit
          .runConformance({
            ...plan,
            ...(token === undefined ? {} : { token }),
            onProgress: ({ done, total }) => bar.show(done, total),
          })
          .catch((error: unknown) => {
            if (!(error instanceof kit.Unreachable)) throw error;
            throw new CliFailure(EXIT.unreachable, messageOf(error), { code: "unreachable" });
          })
          .finally(() => bar.end());
        if (options.junit !== undefined) writeFileSync(options.junit, kit.junitReport(report));
        if (options.html !== undefined) writeFileSync(options.html, kit.htmlReport(report));
        const colour = context.terminal.paint("red", "") !== "";
        const text = globals.json ? kit.jsonReport(report) : kit.terminalReport(report, { colour });
        context.terminal.raw(text.endsWith("\n") ? text : `${text}\n`);
        return kit.isConformant(report) ? EXIT.ok : EXIT.negative;
      }),
    );
}

function planOf(
  url: string | undefined,
  options: ConformOptions,
): Pick<ConformanceOptions, "url" | "start" | "levels" | "only"> {
  const { start, level, only } = options;
  if (url === undefined && start === undefined) {
    throw new CliFailure(EXIT.usage, "give the daemon's URL, or a command with --start");
  }
  if (url !== undefined && !/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    throw new CliFailure(EXIT.usage, `not an http URL: ${url}`);
  }
  return {
    ...(url === undefined ? {} : { url }),
    ...(start === undefined ? {} : { start }),
    ...(level === undefined ? {} : { levels: level.split(",").map(levelOf) }),
    ...(only === undefined ? {} : { only: only.split(",") }),
  };
}

function levelOf(text: string): Level {
  const level = Number(text);
  if (level === 1 || level === 2 || level === 3 || level === 4) return level;
  throw new CliFailure(EXIT.usage, `no such level: ${text}; there are 1, 2, 3 and 4`);
}
