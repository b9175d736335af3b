import type { Command } from "commander";
import type { ExitCode } from "./exit.ts";
import type { Terminal } from "./terminal.ts";

/** Options that every verb takes. */
export interface GlobalOptions {
  readonly json: boolean;
  /** Absolute. */
  readonly root: string;
  /** True when the root was named: then no daemon of another root will do. */
  readonly rootGiven: boolean;
  /** `host:port`, as typed; absent when it was left at its default. */
  readonly addr?: string | undefined;
  readonly url?: string | undefined;
  readonly tokenFile?: string | undefined;
  /** URL of the database that holds the ledger; may hold a password. */
  readonly store?: string | undefined;
}

/** What a verb gets beside its own arguments. */
export interface CliContext {
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** How the user calls this program, for lines they can copy. */
  readonly self: string;
  /** Standard input as text. */
  readonly readInput: () => Promise<string>;
  /**
   * From the first call on, Ctrl-C and SIGTERM abort this signal instead of ending the process; a
   * second one ends it hard. Verbs that need no orderly end do not call it.
   */
  readonly interrupted: () => AbortSignal;
}

/** A verb's work: what it answers is the exit code. */
export type VerbRun<A extends readonly unknown[]> = (
  globals: GlobalOptions,
  ...args: A
) => Promise<ExitCode>;

/** Hangs verbs into the program; one per file in `verbs/`. */
export interface VerbHost {
  readonly context: CliContext;
  /** Adds a verb: its usage, what it does, and command lines to copy with their meaning. */
  verb(usage: string, summary: string, examples: readonly Example[]): Command;
  /** Wraps a verb's work into a commander action. */
  run<A extends readonly unknown[]>(work: VerbRun<A>): (...given: [...A, Command]) => Promise<void>;
}

export type Example = readonly [command: string, meaning: string];
