/** Exit codes, the same for every verb (docs/reference/cli.md). Scripts may rely on them. */
export const EXIT = {
  ok: 0,
  /** It ran, and the answer is no: not ready, job failed, differences found, no such job. */
  negative: 1,
  /** The command line cannot be understood, or a file it names cannot be used. */
  usage: 2,
  /** No daemon answers. */
  unreachable: 3,
  /** The daemon refuses the token. */
  denied: 4,
  /** The daemon or its disk cannot do it now; try again later. */
  unavailable: 5,
  /** Interrupted before it was done: at once, or by a second Ctrl-C. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANINGS: readonly (readonly [ExitCode, string])[] = [
  [EXIT.ok, "done"],
  [EXIT.negative, "the answer is no: not ready, job failed, differences found, no such job"],
  [EXIT.usage, "the command line, or a file it names, cannot be used"],
  [EXIT.unreachable, "no daemon answers"],
  [EXIT.denied, "the daemon refuses the token"],
  [EXIT.unavailable, "the daemon or its disk cannot do it now; try again"],
  [EXIT.interrupted, "interrupted before it was done"],
];

/** The message of the reason with which Ctrl-C aborts. */
export const INTERRUPTED = "interrupted";

/** Ends a verb with a message for people, what to type next, and a code for scripts. */
export class CliFailure extends Error {
  override readonly name = "CliFailure";
  readonly exit: ExitCode;
  readonly code: string;
  /** Lines that help, each a whole sentence or a command. */
  readonly hints: readonly string[];

  constructor(
    exit: ExitCode,
    message: string,
    more: {
      readonly code?: string;
      readonly hints?: readonly string[];
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.exit = exit;
    this.code = more.code ?? "cli";
    this.hints = more.hints ?? [];
  }
}
