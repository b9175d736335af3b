/** The reference daemon's fold: what a job has become by its events, in the order of the lines. */
import { type Json, text } from "../../src/json.ts";
import type { Flaws } from "./flaws.ts";
import type { LedgerEvent } from "./ledger.ts";

export interface JobRow {
  job_id: string;
  job_type: string;
  request_id: string;
  request_ids: string[];
  status: string;
  attempt: number;
  max_attempts: number;
  idempotency_key?: string | undefined;
  claim_token?: string | undefined;
  lease_epoch?: number;
  lease_expires_at?: string;
  failure?: Json;
  artifacts?: Json;
  projection_targets: readonly string[];
  payload?: Json;
  last_event_id: string;
  created_at: string;
  updated_at: string;
}

const TERMINAL: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"]);

export function isOver(row: JobRow): boolean {
  return TERMINAL.has(row.status);
}

export class Jobs {
  readonly rows = new Map<string, JobRow>();
  readonly keys = new Map<string, JobRow>();
  readonly #flaws: Flaws;

  constructor(flaws: Flaws) {
    this.#flaws = flaws;
  }

  fold(event: LedgerEvent, replayed: boolean): void {
    const row = this.rows.get(event.job_id);
    if (event.event_type === "job.accepted") {
      if (row === undefined) this.#accept(event, replayed);
      return;
    }
    if (row === undefined || (isOver(row) && !this.#flaws.has("last-end-wins"))) return;
    const { payload } = event;
    APPLY[event.event_type]?.(row, payload as Record<string, never>);
    if (event.event_type === "job.failed" && this.#flaws.has("loses-failures")) delete row.failure;
    row.last_event_id = event.event_id;
    row.updated_at = this.#dated(event, replayed);
    if (!row.request_ids.includes(event.request_id)) row.request_ids.push(event.request_id);
  }

  #dated({ occurred_at }: LedgerEvent, replayed: boolean): string {
    const anew = replayed && this.#flaws.has("dates-jobs-by-its-own-start");
    return anew ? new Date().toISOString() : occurred_at;
  }

  #accept(event: LedgerEvent, replayed: boolean): void {
    const { payload } = event;
    const row: JobRow = {
      job_id: event.job_id,
      job_type: text(payload, "job_type"),
      request_id: event.request_id,
      request_ids: [event.request_id],
      status: "queued",
      attempt: 0,
      max_attempts: payload["max_attempts"] as number,
      projection_targets: payload["projection_targets"] as string[],
      payload: payload["job_payload"] as Json,
      last_event_id: event.event_id,
      created_at: event.occurred_at,
      updated_at: this.#dated(event, replayed),
    };
    this.rows.set(row.job_id, row);
    const key = payload["idempotency_key"];
    if (typeof key !== "string") return;
    row.idempotency_key = key;
    if (!(replayed && this.#flaws.has("forgets-keys-when-restarted"))) this.keys.set(key, row);
  }
}

/** `never` lets each line name the type it relies on; the ledger was written by us or the kit. */
const APPLY: Readonly<Record<string, (row: JobRow, payload: Record<string, never>) => void>> = {
  "job.claimed": (row, payload) => {
    row.status = "running";
    row.attempt = payload["attempt"];
    row.claim_token = payload["claim_token"];
    row.lease_epoch = payload["lease_epoch"];
    row.lease_expires_at = payload["lease_expires_at"];
  },
  "job.heartbeat": (row, payload) => {
    row.lease_expires_at = payload["lease_expires_at"];
  },
  "job.lease_expired": (row, payload) => {
    row.status = payload["refund"] === true ? "queued" : "retry_waiting";
    if (payload["refund"] === true) row.attempt -= 1;
    row.claim_token = undefined;
  },
  "job.completed": (row, payload) => {
    row.status = "completed";
    row.artifacts = payload["artifacts"];
  },
  "job.failed": (row, payload) => {
    row.status = "failed";
    row.failure = payload["failure"];
  },
  "job.cancelled": (row) => {
    row.status = "cancelled";
  },
};
