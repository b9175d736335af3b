/**
 * One batch of commands in memory: what was loaded, plus what the commands decided so far have
 * changed. A later command sees an earlier one's events; nothing here touches a disk.
 */
import type { Rejection } from "../errors/rejection.ts";
import type { JobCommand } from "../kernel/job/decide.ts";
import { jobDecider } from "../kernel/job/decider.ts";
import { type EventDraft, type NumberedEvent, numberEvent } from "../kernel/job/events.ts";
import type { JobState } from "../kernel/job/state.ts";
import { ok, type Result } from "../lib/result.ts";
import type { JobChange, Loaded, SaveBatch } from "../storage/store.ts";
import type { Redactor } from "./redactor.ts";

export class Workspace {
  readonly #loaded: Loaded;
  readonly #redactor: Redactor;
  readonly #changed: Map<string, JobChange> = new Map();
  readonly #keys: Map<string, string> = new Map();
  readonly #events: NumberedEvent[] = [];
  #bytes = 0;

  constructor(loaded: Loaded, redactor: Redactor) {
    this.#loaded = loaded;
    this.#redactor = redactor;
  }

  /** Size of the lines decided so far, about. */
  get bytes(): number {
    return this.#bytes;
  }

  get lapsed(): readonly JobState[] {
    return this.#loaded.lapsed;
  }

  claimable(request: number): readonly JobState[] {
    return this.#loaded.claimable[request] ?? [];
  }

  job(jobId: string): JobState | undefined {
    return this.#changed.get(jobId)?.after ?? this.#loaded.jobs.get(jobId);
  }

  jobWithKey(key: string): JobState | undefined {
    const jobId = this.#loaded.keys.get(key) ?? this.#keys.get(key);
    return jobId === undefined ? undefined : this.job(jobId);
  }

  /** Decides a command and takes its events in. Gives the job as it is afterwards. */
  run(
    command: JobCommand,
    known?: JobState,
  ): Result<{ readonly job: JobState | undefined; readonly changed: boolean }, Rejection> {
    const before = this.job(command.job_id) ?? known;
    const decision = jobDecider.decide(before, command);
    if (!decision.ok) return decision;
    let job = before;
    for (const draft of decision.value) {
      const numbered = this.append(draft);
      const after = jobDecider.fold(job, numbered);
      if (after === undefined) continue;
      this.#change(before, after);
      job = after;
    }
    return ok({ job, changed: decision.value.length > 0 });
  }

  /** Gives a draft its place in the ledger, secrets removed. */
  append(draft: EventDraft): NumberedEvent {
    const { head, lastNumber } = this.#loaded;
    const nth = this.#events.length + 1;
    const numbered = numberEvent(draft, head + nth, lastNumber + nth);
    const text = JSON.stringify(numbered.event);
    const json = this.#redactor.redact(text);
    const event = json === text ? numbered.event : (JSON.parse(json) as NumberedEvent["event"]);
    const written = { position: numbered.position, event, json };
    this.#events.push(written);
    this.#bytes += json.length;
    return written;
  }

  batch(): SaveBatch {
    return { events: this.#events, changes: [...this.#changed.values()] };
  }

  #change(before: JobState | undefined, after: JobState): void {
    const first = this.#changed.get(after.job_id);
    const origin = first === undefined ? before : first.before;
    this.#changed.set(after.job_id, origin === undefined ? { after } : { before: origin, after });
    const key = after.idempotency_key;
    if (before === undefined && key !== undefined && this.jobWithKey(key) === undefined) {
      this.#keys.set(key, after.job_id);
    }
  }
}
