/**
 * What every ledger written by this daemon obeys, checked without its own code: positions without a
 * gap, ids that say their position, one `job.accepted` per job, one holder per epoch, nothing after
 * the end of a job. Simulation and crash tests hold the bytes they find against these laws.
 */

/** What a check throws when the daemon broke a promise; anything else is a fault of the check. */
export class PromiseBroken extends Error {}

interface Line {
  readonly event_id: string;
  readonly event_type: string;
  readonly job_id: string;
  readonly payload?: Readonly<Record<string, unknown>>;
}

interface Job {
  status: "queued" | "running" | "waiting" | "ended";
  epoch: number;
  token: unknown;
  attempt: number;
  maxAttempts: number;
}

export interface LedgerFacts {
  /** Every event id, in order. */
  readonly eventIds: readonly string[];
  /** Job id to the number of its accepted events. */
  readonly accepted: ReadonlyMap<string, number>;
  /** Job id to its terminal event's id. */
  readonly ended: ReadonlyMap<string, string>;
}

/** Reads whole lines, oldest first, and throws at the first one that breaks a law. */
export function checkLedgerLaws(lines: readonly string[]): LedgerFacts {
  const laws = new Laws();
  for (const line of lines) laws.take(line);
  return laws.facts;
}

/** The same, line by line, for a ledger that grows between two looks. */
export class Laws {
  readonly #eventIds: string[] = [];
  readonly #accepted: Map<string, number> = new Map();
  readonly #ended: Map<string, string> = new Map();
  readonly #jobs: Map<string, Job> = new Map();
  readonly #keys: Map<string, string> = new Map();

  get facts(): LedgerFacts {
    return { eventIds: this.#eventIds, accepted: this.#accepted, ended: this.#ended };
  }

  take(text: string): void {
    const position = this.#eventIds.length + 1;
    const line = JSON.parse(text) as Line;
    const where = `position ${position} (${line.event_id})`;
    const clean = (part: string): string => part.replaceAll(/[./ :]/g, "_");
    const digits = String(position).padStart(6, "0");
    const expected = `evt_${clean(line.event_type)}_${clean(line.job_id)}_${digits}`;
    if (line.event_id !== expected) broken(where, `the id should be ${expected}`);
    this.#eventIds.push(line.event_id);
    if (!line.event_type.startsWith("job.")) return;
    this.#step(line, where);
  }

  #step(line: Line, where: string): void {
    const { job_id: id, event_type: type, payload = {} } = line;
    const job = this.#jobs.get(id);
    if (type === "job.accepted") {
      if (job !== undefined) broken(where, "the job was accepted twice");
      this.#accept(id, payload, where);
      return;
    }
    if (job === undefined) return broken(where, "the job was never accepted");
    if (job.status === "ended") broken(where, "the job had ended before");
    if (type === "job.claimed") claim(job, payload, where);
    else if (type === "job.cancelled") job.status = "ended";
    else if (type === "job.failed" && payload["claim_token"] === undefined) {
      if (job.attempt < job.maxAttempts) broken(where, "failed with attempts left");
      job.status = "ended";
    } else this.#held(job, line, where);
    if (job.status === "ended") this.#ended.set(id, line.event_id);
  }

  #accept(id: string, payload: Readonly<Record<string, unknown>>, where: string): void {
    this.#accepted.set(id, 1);
    const maxAttempts = Number(payload["max_attempts"]);
    this.#jobs.set(id, { status: "queued", epoch: 0, token: undefined, attempt: 0, maxAttempts });
    const key = payload["idempotency_key"];
    if (typeof key !== "string") return;
    const first = this.#keys.get(key);
    if (first !== undefined) broken(where, `key ${key} already names ${first}`);
    this.#keys.set(key, id);
  }

  /** Heartbeat, completion, failure and the end of a lease: only the holder's, only while held. */
  #held(job: Job, { event_type: type, payload = {} }: Line, where: string): void {
    if (job.status !== "running") broken(where, `${type} while nobody holds the job`);
    if (payload["lease_epoch"] !== job.epoch) broken(where, `${type} of another epoch`);
    if (payload["claim_token"] !== job.token) broken(where, `${type} of another holder`);
    if (type === "job.completed" || type === "job.failed") job.status = "ended";
    else if (type === "job.lease_expired") {
      job.status = "waiting";
      job.attempt = Number(payload["attempt"] ?? job.attempt);
    } else if (type !== "job.heartbeat") broken(where, `unknown type ${type}`);
  }
}

function claim(job: Job, payload: Readonly<Record<string, unknown>>, where: string): void {
  if (job.status === "running") broken(where, "claimed while somebody holds it");
  if (payload["lease_epoch"] !== job.epoch + 1)
    broken(where, `the epoch should be ${job.epoch + 1}`);
  if (job.attempt >= job.maxAttempts) broken(where, "claimed with no attempts left");
  job.status = "running";
  job.epoch += 1;
  job.attempt = Number(payload["attempt"]);
  job.token = payload["claim_token"];
}

function broken(where: string, what: string): never {
  throw new PromiseBroken(`ledger law broken at ${where}: ${what}`);
}
