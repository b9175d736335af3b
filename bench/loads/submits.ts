/** Clients that submit one job after the other, each on its own connection. */
import { Connection, postBytes } from "../connection.ts";
import type { Target } from "../server.ts";
import { type Latency, latencyOf } from "../statistics.ts";

export interface Submits {
  readonly kind: "submits";
  readonly target: Target;
  readonly clients: number;
  /** Ends after so many seconds, or after so many submits, whichever comes first. */
  readonly seconds?: number;
  readonly count?: number;
  /** Gives every submit an idempotency key of its own. */
  readonly keyed?: boolean;
}

export interface Submitted {
  readonly accepted: number;
  readonly perSecond: number;
  readonly latency: Latency;
}

/** 300 bytes as JSON text. */
const PAYLOAD = { prompt: "x".repeat(287) };
export const JOB_TYPE = "wiki.forge";
const KEY_DIGITS = 12;

export function submitBytes(target: Target, extra: object = {}): Buffer {
  const body = JSON.stringify({ job_type: JOB_TYPE, ...extra, payload: PAYLOAD });
  return postBytes("/v1/jobs", target.token, body);
}

export async function submitJobs(load: Submits): Promise<Submitted> {
  const { target, clients, seconds = Number.POSITIVE_INFINITY, keyed = false } = load;
  const connections = await Promise.all(
    Array.from({ length: clients }, () => Connection.open(target.port)),
  );
  const latencies: number[] = [];
  const startedAt = performance.now();
  const endAt = startedAt + seconds * 1000;
  let left = load.count ?? Number.POSITIVE_INFINITY;
  await Promise.all(
    connections.map(async (connection, index) => {
      const next = keyed ? keyedRequests(target, index) : plainRequests(target);
      for (;;) {
        const sentAt = performance.now();
        if (sentAt >= endAt || left <= 0) break;
        left -= 1;
        const { status, body } = await connection.send(next());
        if (status !== 202) throw new Error(`a submit was answered ${status}: ${body.toString()}`);
        latencies.push(performance.now() - sentAt);
      }
    }),
  );
  const perSecond = latencies.length / ((performance.now() - startedAt) / 1000);
  for (const connection of connections) connection.close();
  return { accepted: latencies.length, perSecond, latency: latencyOf(latencies) };
}

function plainRequests(target: Target): () => Buffer {
  const bytes = submitBytes(target);
  return () => bytes;
}

/** The same bytes with a key that counts up in place. */
function keyedRequests(target: Target, client: number): () => Buffer {
  const blank = "0".repeat(KEY_DIGITS);
  const prefix = `bench-${process.pid}-${Date.now()}-${client}-`;
  const bytes = submitBytes(target, { idempotency_key: prefix + blank });
  const at = bytes.indexOf(prefix + blank) + prefix.length;
  let count = 0;
  return () => {
    count += 1;
    bytes.write(String(count).padStart(KEY_DIGITS, "0"), at, "latin1");
    return bytes;
  };
}
