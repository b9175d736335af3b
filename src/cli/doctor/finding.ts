/** One thing that was looked at. `bad` means that something will not work; `warn`, that it may not. */
export interface Finding {
  readonly check: string;
  readonly state: "ok" | "warn" | "bad";
  readonly text: string;
  /** What to do about it. */
  readonly fix?: string;
}

export function fine(check: string, text: string): Finding {
  return { check, state: "ok", text };
}

export function warning(check: string, text: string, fix: string): Finding {
  return { check, state: "warn", text, fix };
}

export function bad(check: string, text: string, fix: string): Finding {
  return { check, state: "bad", text, fix };
}
