import { join } from "node:path";

/** Where everything of one daemon lies, below its root. */
export interface Layout {
  readonly root: string;
  readonly dir: string;
  readonly ledger: string;
  readonly journal: string;
  readonly database: string;
  readonly blobs: string;
  readonly quarantine: string;
  readonly lock: string;
  readonly activation: string;
  readonly token: string;
  readonly openclaw: string;
}

export function layoutOf(root: string): Layout {
  const dir = join(root, ".agents", "daemon");
  return {
    root,
    dir,
    ledger: join(dir, "ledger.jsonl"),
    journal: join(dir, "journal.jsonl"),
    database: join(dir, "projections.db"),
    blobs: join(dir, "blobs", "sha256"),
    quarantine: join(dir, "quarantine"),
    lock: join(dir, "lock"),
    activation: join(dir, "activation.json"),
    token: join(dir, "token"),
    openclaw: join(dir, "projections", "openclaw"),
  };
}
