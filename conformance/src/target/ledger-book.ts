/** Writes prepared ledgers: whole histories as lines of the contract's format. */
import type { Json } from "../json.ts";

interface Claim {
  readonly epoch: number;
  readonly attempt: number;
  readonly expiresAt: Date;
}

interface Accepted {
  readonly type: string;
  readonly maxAttempts?: number;
  readonly payload?: Json;
  readonly key?: string;
}

export interface BookEvent {
  readonly event_id: string;
  readonly job_id: string;
  readonly event_type: string;
}

const HOUR_MS = 3_600_000;
const MAX_ATTEMPTS = 3;
const COMMON_TARGETS = ["openclaw-snapshot", "daemon-status", "daemon-job-status"];
const FAMILY_TARGETS: Readonly<Record<string, readonly string[]>> = {
  rpi: ["rpi-registry"],
  dream: ["dream-runs"],
  wiki: ["wiki-jobs"],
};

export class LedgerBook {
  /** The valid events so far, in order. */
  readonly events: BookEvent[] = [];
  readonly #lines: string[] = [];
  #clock = Date.now() - HOUR_MS;

  accepted(jobId: string, { type, maxAttempts = MAX_ATTEMPTS, payload = {}, key }: Accepted): this {
    const family = FAMILY_TARGETS[type.split(".")[0] ?? ""] ?? [];
    return this.#add(jobId, "job.accepted", {
      ...(key === undefined ? {} : { idempotency_key: key }),
      job_payload: payload,
      job_type: type,
      max_attempts: maxAttempts,
      projection_targets: [...family, ...COMMON_TARGETS],
    });
  }

  claimed(jobId: string, { epoch, attempt, expiresAt }: Claim): this {
    return this.#add(jobId, "job.claimed", {
      attempt,
      claim_token: tokenOf(jobId, epoch),
      lease_epoch: epoch,
      lease_expires_at: expiresAt.toISOString(),
    });
  }

  completed(jobId: string, epoch: number, artifacts: Json = {}): this {
    return this.#add(jobId, "job.completed", {
      artifacts,
      claim_token: tokenOf(jobId, epoch),
      lease_epoch: epoch,
      result_status: "succeeded",
    });
  }

  failed(jobId: string, epoch: number, failure: Json): this {
    return this.#add(jobId, "job.failed", {
      claim_token: tokenOf(jobId, epoch),
      failure,
      lease_epoch: epoch,
    });
  }

  cancelled(jobId: string): this {
    return this.#add(jobId, "job.cancelled", {
      reason: "no longer wanted",
      result_status: "cancelled",
    });
  }

  /** Sets the time that the next lines carry. */
  clockAt(moment: Date): this {
    this.#clock = moment.getTime();
    return this;
  }

  /** Writes the last line once more, byte for byte. */
  again(): this {
    const last = this.#lines.at(-1);
    if (last !== undefined) this.#lines.push(last);
    return this;
  }

  /** A whole line that is no event. */
  broken(line = '{"schema_version":1,"event_id":"evt_broken'): this {
    this.#lines.push(line);
    return this;
  }

  /** The number of the line written last, from 1. */
  get lineNumber(): number {
    return this.#lines.length;
  }

  /** The file's text; `tail` stands at the end without a newline, as a torn write leaves it. */
  text(tail = ""): string {
    return this.#lines.map((line) => `${line}\n`).join("") + tail;
  }

  #add(jobId: string, type: string, payload: Json): this {
    this.#clock += 1_000;
    const position = String(this.events.length + 1).padStart(6, "0");
    const event = {
      schema_version: 1,
      event_id: `evt_${type.replace(".", "_")}_${jobId}_${position}`,
      request_id: `req_${jobId}`,
      job_id: jobId,
      event_type: type,
      occurred_at: new Date(this.#clock).toISOString(),
      actor: "earlier-daemon",
      payload,
    };
    this.events.push(event);
    this.#lines.push(JSON.stringify(event));
    return this;
  }
}

function tokenOf(jobId: string, epoch: number): string {
  return `claim_${jobId}-${epoch}`;
}

/** Moments far enough away that no run of the kit comes near them. */
export const hourAgo = (): Date => new Date(Date.now() - HOUR_MS / 2);
export const inAnHour = (): Date => new Date(Date.now() + HOUR_MS);
