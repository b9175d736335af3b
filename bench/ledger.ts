/** Writes long ledgers fast: real decisions of the kernel, in the form the daemon itself leaves. */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { ROTATE_BYTES_DEFAULT } from "../src/host/defaults.ts";
import { decide, type JobCommand } from "../src/kernel/job/decide.ts";
import { numberEvent } from "../src/kernel/job/events.ts";
import { fold, type JobState } from "../src/kernel/job/state.ts";
import { compressSegment } from "../src/storage/embedded/archive.ts";
import { layoutOf } from "../src/storage/embedded/layout.ts";
import { systemDisk } from "../src/storage/embedded/system-disk.ts";

export interface LedgerShape {
  readonly lines: number;
  /** `mixed`: jobs are accepted, claimed and completed; `accepted`: all of them wait. */
  readonly mix: "mixed" | "accepted";
  /** `rotated`: compressed segments as the daemon makes them; `plain`: one file. */
  readonly form: "rotated" | "plain";
}

const FLUSH_CHARS = 4 * 1024 * 1024;
/** Jobs between acceptance and claim in a mixed ledger. */
const QUEUE_JOBS = 50;
const STARTED_AT = Date.UTC(2026, 0, 1);
const LEASE_MS = 60_000;

/** Writes a ledger below `<root>/.agents/daemon`. */
export async function writeLedger(root: string, shape: LedgerShape): Promise<void> {
  const { dir } = layoutOf(root);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const segments = new Segments(dir, shape.form === "rotated" ? ROTATE_BYTES_DEFAULT : 0);
  let position = 0;
  for (const line of shape.mix === "mixed" ? mixedLines() : acceptedLines()) {
    if (position === shape.lines) break;
    position += 1;
    segments.add(line);
  }
  await segments.close();
}

function* acceptedLines(): Generator<string> {
  for (let position = 1; ; position += 1) yield event(undefined, submit(position), position).line;
}

/** Each job waits behind a few others, then is claimed and completed. */
function* mixedLines(): Generator<string> {
  const queue: JobState[] = [];
  for (let position = 1; ; ) {
    const accepted = event(undefined, submit(position), position++);
    queue.push(accepted.job);
    yield accepted.line;
    const oldest = queue.length > QUEUE_JOBS ? queue.shift() : undefined;
    if (oldest === undefined) continue;
    const { job_id } = oldest;
    const claim_token = position.toString(16).padStart(32, "0");
    const common = { job_id, actor: "ao-http:legacy", now: STARTED_AT + position, claim_token };
    const claim = { kind: "claim", ...common, lease_ms: LEASE_MS } as const;
    const claimed = event(oldest, claim, position++);
    yield claimed.line;
    const { lease_epoch } = claimed.job;
    yield event(claimed.job, { kind: "complete", ...common, lease_epoch }, position++).line;
  }
}

function submit(position: number): JobCommand {
  const suffix = `0bench${String(position).padStart(11, "0")}`;
  return {
    kind: "submit",
    job_type: "wiki.forge",
    job_id: `job_wiki_forge_${suffix}`,
    request_id: `req_${suffix}`,
    payload: { prompt: "summarise the notes of last week" },
    max_attempts: 3,
    actor: "ao-http:legacy",
    now: STARTED_AT + position,
  };
}

function event(
  before: JobState | undefined,
  command: JobCommand,
  position: number,
): { readonly line: string; readonly job: JobState } {
  const decision = decide(before, command);
  const draft = decision.ok ? decision.value[0] : undefined;
  if (draft === undefined) throw new Error(`the kernel refuses to ${command.kind} in a benchmark`);
  const numbered = numberEvent(draft, position);
  const job = fold(before, numbered);
  if (job === undefined) throw new Error("an event of a job gives a job");
  return { line: `${JSON.stringify(numbered.event)}\n`, job };
}

/** The files of a ledger, oldest first. Lines are ASCII, so characters are bytes. */
class Segments {
  readonly #dir: string;
  readonly #rotateBytes: number;
  readonly #rotated: string[] = [];
  #text = "";
  #written = 0;
  #fd: number;

  constructor(dir: string, rotateBytes: number) {
    this.#dir = dir;
    this.#rotateBytes = rotateBytes;
    this.#fd = this.#open();
  }

  add(line: string): void {
    this.#text += line;
    if (this.#text.length < FLUSH_CHARS) return;
    this.#flush();
    if (this.#rotateBytes > 0 && this.#written + FLUSH_CHARS > this.#rotateBytes) this.#rotate();
  }

  async close(): Promise<void> {
    this.#flush();
    closeSync(this.#fd);
    for (const path of this.#rotated) await compressSegment(systemDisk, path, this.#dir);
  }

  #open(): number {
    this.#written = 0;
    return openSync(join(this.#dir, "ledger.jsonl"), "w", 0o600);
  }

  #flush(): void {
    this.#written += writeSync(this.#fd, this.#text);
    this.#text = "";
  }

  #rotate(): void {
    closeSync(this.#fd);
    const number = String(this.#rotated.length).padStart(3, "0");
    const path = join(this.#dir, `ledger.20260101T000000.${number}000000Z.jsonl`);
    systemDisk.rename(join(this.#dir, "ledger.jsonl"), path);
    this.#rotated.push(path);
    this.#fd = this.#open();
  }
}
