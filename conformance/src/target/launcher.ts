/** What the kit needs of whoever can start a daemon for it. */

export interface LaunchPlan {
  /** A directory of this daemon's own; the ledger goes to `.agents/daemon/` below it. */
  readonly root: string;
  /** Holds a token made by the kit, mode 0600. A launcher may ignore it and answer another token. */
  readonly tokenFile: string;
  /** Where given, no file of the daemon may grow beyond it, as on a disk that is full. */
  readonly fileBytesMax?: number;
}

/** One daemon that runs, or is about to: the kit waits for its health itself. */
export interface Running {
  readonly url: string;
  /** Asked for once health answers. */
  token(): Promise<string> | string;
  /** Why it is not running any more, if it ended by itself. */
  ended(): string | undefined;
  /** In good order, and by force when that does not end it. */
  stop(): Promise<void>;
  /** At once, as SIGKILL does: the daemon gets no chance to write anything more. */
  kill(): Promise<void>;
}

/** Starts a daemon over a root; called again over the same root after each stop and kill. */
export type Launcher = (plan: LaunchPlan) => Promise<Running>;
