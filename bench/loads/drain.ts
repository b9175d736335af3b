/** One external worker: claims many at a time over a few connections, completes them in one commit. */
import { Connection, postBytes } from "../connection.ts";
import type { Target } from "../server.ts";
import { JOB_TYPE } from "./submits.ts";

export interface Drain {
  readonly kind: "drain";
  readonly target: Target;
  /** Ends when so many jobs are done, or, for all, when there are none left. */
  readonly count: number | "all";
}

export interface Drained {
  /** From the first claim sent to the last completion answered. */
  readonly ms: number;
  /** Wall-clock time of the last completion's answer. */
  readonly endedAt: number;
}

/** While one lane's completions are being synced the other claims. */
const LANES = 2;

export interface Claimed {
  readonly jobs: readonly {
    readonly job_id: string;
    readonly claim_token: string;
    readonly lease_epoch: number;
  }[];
}

export async function drainJobs({ target, count }: Drain): Promise<Drained> {
  const claim = postBytes(
    "/v1/jobs/claim",
    target.token,
    JSON.stringify({ types: [JOB_TYPE], max: 256, wait_ms: 100, worker: "bench" }),
  );
  const lanes = await Promise.all(
    Array.from({ length: LANES }, () => Connection.open(target.port)),
  );
  const startedAt = performance.now();
  let done = 0;
  let endedAt = Date.now();
  await Promise.all(
    lanes.map(async (connection) => {
      while (count === "all" || done < count) {
        const { jobs } = parse<Claimed>((await connection.send(claim)).body);
        if (jobs.length === 0 && count === "all") break;
        if (jobs.length === 0) continue;
        const { status, body } = await connection.send(completeBytes(target, jobs));
        if (status !== 200)
          throw new Error(`completions were answered ${status}: ${body.toString()}`);
        done += jobs.length;
        endedAt = Date.now();
      }
    }),
  );
  const ms = performance.now() - startedAt;
  for (const lane of lanes) lane.close();
  return { ms, endedAt };
}

export function completeBytes(target: Target, jobs: Claimed["jobs"]): Buffer {
  const held = jobs.map(({ job_id, claim_token, lease_epoch }) => ({
    job_id,
    claim_token,
    lease_epoch,
  }));
  return postBytes("/v1/jobs:complete", target.token, JSON.stringify({ jobs: held }));
}

function parse<T>(body: Buffer): T {
  return JSON.parse(body.toString()) as T;
}
