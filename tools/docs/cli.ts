import type { Command } from "commander";
import type { CliContext } from "../../src/cli/context.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { generated } from "./markdown.ts";

const COLUMNS = 96;

/** `docs/reference/cli.md`: what `--help` says, for the program and for every verb. */
export function cliPage(): string {
  let written = "";
  const program = buildProgram(
    contextThat((text) => {
      written += text;
    }),
    () => {},
  );
  const helpOf = (command: Command): readonly string[] => {
    written = "";
    // The width of whichever terminal makes this page must not show in it.
    command.configureHelp({ helpWidth: COLUMNS }).outputHelp();
    return ["```text", ...written.trimEnd().split("\n"), "```", ""];
  };
  const verbs = program.commands.flatMap((verb) => [`## ${verb.name()}`, "", ...helpOf(verb)]);
  return generated("src/cli/program.ts", [
    "# Command line",
    "",
    "In a checkout write `npm run -s keelson --` where this page says `keelson`.",
    "",
    ...helpOf(program),
    ...verbs,
  ]);
}

/** A context for reading help texts only: nothing in it touches the machine. */
function contextThat(write: (text: string) => void): CliContext {
  return {
    terminal: {
      line: (text = "") => write(`${text}\n`),
      note: () => {},
      raw: (text) => write(String(text)),
      status: () => {},
      paint: (_style, text) => text,
      live: false,
      columns: COLUMNS,
    },
    env: {},
    cwd: "/",
    self: "keelson",
    readInput: () => Promise.resolve(""),
    interrupted: () => new AbortController().signal,
  };
}
