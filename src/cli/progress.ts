import { duration } from "./format.ts";
import type { Terminal } from "./terminal.ts";

export interface Progress {
  /** How much is done, and of how much. */
  show(done: number, total: number): void;
  /** Takes the line away. */
  end(): void;
}

const WIDTH = 28;
const REDRAW_MS = 80;

/** A bar on one line of standard error; nothing at all when that is not a terminal. */
export function progressBar(terminal: Terminal, label: string): Progress {
  const started = performance.now();
  let drawn = Number.NEGATIVE_INFINITY;
  return {
    show: (done, total) => {
      const now = performance.now();
      if (!terminal.live || (now - drawn < REDRAW_MS && done < total)) return;
      drawn = now;
      terminal.status(barLine({ label, done, total, elapsedMs: now - started }));
    },
    end: () => terminal.status(""),
  };
}

/** For work whose length nobody knows: the seconds go by until `end`. */
export function waiting(terminal: Terminal, label: string): { end(): void } {
  if (!terminal.live) return { end: () => undefined };
  const started = performance.now();
  const tick = (): void => terminal.status(`${label} … ${duration(performance.now() - started)}`);
  tick();
  const timer = setInterval(tick, 250);
  return {
    end: () => {
      clearInterval(timer);
      terminal.status("");
    },
  };
}

export function barLine(at: {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  readonly elapsedMs: number;
}): string {
  const share = at.total <= 0 ? 1 : Math.min(1, at.done / at.total);
  const full = Math.round(share * WIDTH);
  const bar = "█".repeat(full) + "░".repeat(WIDTH - full);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  return `${at.label} ${bar} ${percent}  ${duration(at.elapsedMs)}`;
}
