/** The reference daemon's decisions: small, in memory, and right unless told to be flawed. */
import { randomBytes } from "node:crypto";
import { isObject, type Json, text } from "../../src/json.ts";
import type { Flaw, Flaws } from "./flaws.ts";
import { isOver, type JobRow, Jobs } from "./jobs.ts";
import { Ledger, type LedgerEvent } from "./ledger.ts";
import { Refusal } from "./refusal.ts";

const LEASE_MS = 60_000;
const MAX_ATTEMPTS = 3;
const SWEEP_MS = 20;
/** The kit's load has sixteen submitters, its crowds have fifty and more. */
const CROWDS = { dropping: 8, sharing: 20 } as const;
export const JOB_TYPES: ReadonlySet<string> = new Set([
  "rpi.run",
  "rpi.phase",
  "dream.run",
  "dream.stage",
  "wiki.build",
  "wiki.forge",
  "openclaw.snapshot",
]);
const FAMILY_TARGETS: Readonly<Record<string, string>> = {
  rpi: "rpi-registry",
  dream: "dream-runs",
  wiki: "wiki-jobs",
};

export interface DaemonOptions {
  readonly root: string;
  readonly flaws: Flaws;
  readonly fileBytesMax?: number | undefined;
}

export class ReferenceDaemon {
  readonly ledger: Ledger;
  readonly jobs: Jobs;
  readonly flaws: Flaws;
  /** Requests that have begun and are not answered yet. */
  inFlight = 0;
  readonly #sweeping: NodeJS.Timeout;
  #made = 0;

  constructor({ root, flaws, fileBytesMax = Number.POSITIVE_INFINITY }: DaemonOptions) {
    this.flaws = flaws;
    this.ledger = new Ledger(root, flaws, fileBytesMax);
    this.jobs = new Jobs(flaws);
    for (const event of this.ledger.events) this.jobs.fold(event, true);
    this.sweep();
    this.#sweeping = setInterval(() => this.sweep(), SWEEP_MS);
  }

  get isDegraded(): boolean {
    return this.ledger.corrupt.length > 0 && !this.flaws.has("hides-broken-lines");
  }

  close(orderly: boolean): void {
    clearInterval(this.#sweeping);
    this.ledger.close(orderly);
  }

  submit(body: Json): JobRow {
    const asked = checkedSubmit(body, this.flaws);
    const found = this.#found(asked);
    if (found !== undefined) {
      if (this.flaws.has("accepts-twice")) this.#accept(found.job_id, asked);
      return found;
    }
    const jobId = asked.job_id ?? this.#madeId(asked.job_type);
    const taken = this.jobs.rows.get(jobId);
    if (taken !== undefined) return taken;
    if (this.flaws.has("drops-jobs-in-a-crowd") && this.inFlight > CROWDS.dropping) {
      return { ...blank(jobId, asked), last_event_id: "evt_job_accepted_never" };
    }
    this.#accept(jobId, asked);
    return this.#row(jobId);
  }

  cancel(jobId: string, requestId: string | undefined): { row: JobRow; outcome: string } {
    this.sweep();
    const row = this.jobs.rows.get(jobId);
    if (row === undefined) throw new Refusal(404, "daemon queue: job not found");
    if (isOver(row) && !this.flaws.has("cancels-what-is-over")) {
      return { row, outcome: `already_terminal_${row.status}` };
    }
    const { request_id } = row;
    const payload = { reason: "cancelled", result_status: "cancelled" };
    if (this.flaws.has("forgets-cancels")) row.status = "cancelled";
    else this.#append("job.cancelled", jobId, requestId ?? request_id, payload);
    return { row, outcome: "cancelled" };
  }

  claim(types: readonly string[], max: number, leaseMs = LEASE_MS): JobRow[] {
    this.sweep();
    const claimable = [...this.jobs.rows.values()].filter(
      (row) => types.includes(row.job_type) && this.#isClaimable(row),
    );
    return claimable.slice(0, max).map((row) => this.#claimed(row, leaseMs));
  }

  /** A holder's call: heartbeat, complete, fail or release. */
  hold(verb: string, jobId: string, body: Json): JobRow {
    this.sweep();
    const row = this.jobs.rows.get(jobId);
    if (row === undefined) throw new Refusal(404, "no such job");
    this.#checkHolder(row, body);
    const fence = { claim_token: body["claim_token"], lease_epoch: body["lease_epoch"] };
    const payload = { ...fence, ...this.#outcome(verb, body) };
    const type = HOLDER_EVENTS[verb] ?? "job.heartbeat";
    if (this.flaws.has(UNWRITTEN[verb] ?? "renews-nothing")) return row;
    this.#append(type, jobId, row.request_id, payload);
    return row;
  }

  /** Writes down every lease that is over. */
  sweep(): void {
    for (const row of this.jobs.rows.values()) {
      const end = Date.parse(row.lease_expires_at ?? "");
      if (row.status !== "running" || !(end <= Date.now())) continue;
      this.#lapsed(row);
    }
  }

  #lapsed(row: JobRow): void {
    const { job_id, request_id, claim_token, lease_epoch } = row;
    if (this.flaws.has("never-writes-lapses")) {
      row.status = "retry_waiting";
      row.claim_token = undefined;
    } else {
      this.#append("job.lease_expired", job_id, request_id, { claim_token, lease_epoch });
    }
    if (row.attempt < row.max_attempts || this.flaws.has("retries-for-ever")) return;
    const failure = { code: "retry_exhausted", message: "no attempt is left", retryable: false };
    this.#append("job.failed", job_id, request_id, { failure });
  }

  #isClaimable(row: JobRow): boolean {
    if (row.status === "running") return this.flaws.has("gives-held-jobs-away");
    return row.status === "queued" || row.status === "retry_waiting";
  }

  #claimed(row: JobRow, leaseMs: number): JobRow {
    const token = randomBytes(12).toString("hex");
    const again = this.flaws.has("claims-again-under-one-token") && (row.lease_epoch ?? 0) > 0;
    this.#append("job.claimed", row.job_id, row.request_id, {
      claim_token: again ? `again-${row.job_id}` : token,
      lease_epoch: again ? row.lease_epoch : (row.lease_epoch ?? 0) + 1,
      lease_expires_at: new Date(Date.now() + leaseMs).toISOString(),
      attempt: row.attempt + 1,
    });
    if (this.flaws.has("rewrites-history-on-reclaim") && row.attempt > 1) this.#forget(row);
    return { ...row };
  }

  /** Keeps of a job that was claimed again only its last lines. */
  #forget(row: JobRow): void {
    const { events } = this.ledger;
    const first = events.findIndex(
      ({ job_id, event_type }) => job_id === row.job_id && event_type === "job.claimed",
    );
    events.splice(first, 1);
  }

  #checkHolder(row: JobRow, body: Json): void {
    if (isOver(row) && this.flaws.has("lets-cancelled-jobs-complete")) return;
    if (isOver(row)) throw new Refusal(409, "the job has ended");
    const isTheirs =
      row.claim_token === body["claim_token"] && row.lease_epoch === body["lease_epoch"];
    if (!isTheirs && !this.flaws.has("takes-stale-holders")) {
      if (this.flaws.has("writes-before-refusing")) {
        this.#append("job.heartbeat", row.job_id, row.request_id, {
          lease_expires_at: row.lease_expires_at,
        });
      }
      throw new Refusal(409, "claim token or lease epoch mismatch");
    }
  }

  #outcome(verb: string, body: Json): Json {
    const artifacts = isObject(body["artifacts"]) ? body["artifacts"] : {};
    if (verb === "fail") return { failure: body["failure"] ?? { code: "request_rejected" } };
    if (verb === "complete") return { artifacts, result_status: "succeeded" };
    if (verb === "release") return { refund: true };
    const lease_expires_at = new Date(Date.now() + LEASE_MS).toISOString();
    return { lease_expires_at };
  }

  #found(asked: Asked): JobRow | undefined {
    const { job_id, idempotency_key, request_id } = asked;
    if (this.flaws.has("ignores-keys")) return this.jobs.rows.get(job_id ?? "");
    if (this.flaws.has("request-ids-are-keys") && request_id !== undefined) {
      const same = [...this.jobs.rows.values()].find((row) => row.request_id === request_id);
      if (same !== undefined) return same;
    }
    return this.jobs.keys.get(idempotency_key ?? "") ?? this.jobs.rows.get(job_id ?? "");
  }

  #madeId(type: string): string {
    // Ids out of a count that is read before anybody writes: a crowd gets one id for all.
    if (this.flaws.has("shares-ids-in-a-crowd") && this.inFlight > CROWDS.sharing)
      return "job_shared";
    this.#made += 1;
    return `job_${type.replace(".", "_")}_${this.ledger.events.length}_${this.#made}`;
  }

  #accept(jobId: string, asked: Asked): void {
    const { job_type, idempotency_key, payload } = asked;
    const family = FAMILY_TARGETS[job_type.split(".")[0] ?? ""];
    this.#append("job.accepted", jobId, asked.request_id ?? `req_${jobId}`, {
      ...(idempotency_key === undefined ? {} : { idempotency_key }),
      job_payload: this.flaws.has("mangles-payloads") ? { mangled: true } : payload,
      job_type,
      max_attempts: MAX_ATTEMPTS,
      projection_targets: [
        ...(family === undefined ? [] : [family]),
        "openclaw-snapshot",
        "daemon-status",
        "daemon-job-status",
      ],
    });
  }

  #row(jobId: string): JobRow {
    const row = this.jobs.rows.get(jobId);
    if (row === undefined) throw new Error(`no row of ${jobId}`);
    return row;
  }

  #append(event_type: string, job_id: string, request_id: string, payload: Json): void {
    const position = String(this.ledger.events.length + 1).padStart(6, "0");
    const event: LedgerEvent = {
      schema_version: 1,
      event_id: `evt_${event_type.replace(".", "_")}_${job_id}_${position}`,
      request_id,
      job_id,
      event_type,
      occurred_at: new Date().toISOString(),
      actor: "reference",
      payload,
    };
    const isBare = event_type === "job.claimed" && this.flaws.has("writes-claims-without-leases");
    this.ledger.append(isBare ? { ...event, payload: { attempt: payload["attempt"] } } : event);
    this.jobs.fold(event, false);
  }
}

/** What a daemon may say yes to without writing it. */
const UNWRITTEN: Readonly<Record<string, Flaw>> = {
  heartbeat: "renews-nothing",
  complete: "completes-nothing",
  fail: "fails-nothing",
  release: "releases-nothing",
};

const HOLDER_EVENTS: Readonly<Record<string, string>> = {
  complete: "job.completed",
  fail: "job.failed",
  release: "job.lease_expired",
};

interface Asked {
  readonly job_type: string;
  readonly job_id?: string | undefined;
  readonly request_id?: string | undefined;
  readonly idempotency_key?: string | undefined;
  readonly payload: Json;
}

function checkedSubmit(body: Json, flaws: Flaws): Asked {
  const { job_type, job_id, request_id, idempotency_key, payload = {} } = body;
  for (const field of [job_type, job_id, request_id, idempotency_key]) {
    if (field !== undefined && typeof field !== "string") throw new Refusal(400, "invalid json");
  }
  if (!isObject(payload)) throw new Refusal(400, "invalid json");
  const type = text(body, "job_type");
  if (!JOB_TYPES.has(type) && !flaws.has("takes-unknown-types")) {
    throw new Refusal(400, `invalid job type "${type}"`);
  }
  if (/\s/.test(text(body, "request_id")) && !flaws.has("takes-blanks-in-request-ids")) {
    throw new Refusal(400, "request_id must not contain whitespace");
  }
  return {
    job_type: type,
    job_id: text(body, "job_id") || undefined,
    request_id: text(body, "request_id") || undefined,
    idempotency_key: text(body, "idempotency_key") || undefined,
    payload,
  };
}

/** The answer of a daemon that says yes and writes nothing. */
function blank(job_id: string, { job_type, request_id }: Asked): JobRow {
  const now = new Date().toISOString();
  return {
    job_id,
    job_type,
    request_id: request_id ?? `req_${job_id}`,
    request_ids: [],
    status: "queued",
    attempt: 0,
    max_attempts: MAX_ATTEMPTS,
    projection_targets: [],
    last_event_id: "",
    created_at: now,
    updated_at: now,
  };
}
