import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** Where a verb writes. Tests hand in one that remembers. */
export interface Terminal {
  /** One line of the answer, to standard output. */
  line(text?: string): void;
  /** One line beside the answer (progress, hints, errors), to standard error. */
  note(text: string): void;
  /** Text as it is, to standard output. */
  raw(text: string | Uint8Array): void;
  /** Rewrites the last line of standard error; does nothing when that is not a terminal. */
  status(text: string): void;
  /** Colours a text of the answer, when standard output is a terminal that wants colour. */
  paint(style: Style, text: string): string;
  /** True when standard error is a terminal: progress makes sense there. */
  readonly live: boolean;
  /** Columns of standard output; 100 when it is not a terminal. */
  readonly columns: number;
}

type Env = Readonly<Record<string, string | undefined>>;

const COLUMNS_DEFAULT = 100;

export function processTerminal(env: Env): Terminal {
  const { stdout, stderr } = process;
  const colour = stdout.isTTY === true && wantsColour(env);
  const live = stderr.isTTY === true;
  let shown = false;
  const clear = (): void => {
    if (shown) stderr.write("\r\u001b[2K");
    shown = false;
  };
  return {
    line: (text = "") => {
      clear();
      stdout.write(`${text}\n`);
    },
    note: (text) => {
      clear();
      stderr.write(`${text}\n`);
    },
    raw: (text) => {
      clear();
      stdout.write(text);
    },
    status: (text) => {
      if (!live) return;
      clear();
      stderr.write(text);
      shown = text !== "";
    },
    paint: (style, text) => (colour ? styleText(style, text, { validateStream: false }) : text),
    live,
    columns: stdout.columns ?? COLUMNS_DEFAULT,
  };
}

function wantsColour(env: Env): boolean {
  return (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}

/** A reader that goes away early, such as `head`, ends the program quietly. */
export function quietOnClosedPipe(stream: NodeJS.WriteStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
}
