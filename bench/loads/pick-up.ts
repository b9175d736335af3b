/** An idle worker waits; one job is submitted; how long until the worker has it. */
import { setTimeout as sleep } from "node:timers/promises";
import { Connection, postBytes } from "../connection.ts";
import type { Target } from "../server.ts";
import { type Latency, latencyOf } from "../statistics.ts";
import { type Claimed, completeBytes } from "./drain.ts";
import { JOB_TYPE, submitBytes } from "./submits.ts";

export interface PickUp {
  readonly kind: "pick-up";
  readonly target: Target;
  readonly count: number;
}

export interface PickedUp {
  /** From sending the submit to the worker's having the job. */
  readonly latency: Latency;
}

/** The worker is surely waiting, and the daemon surely idle, after this. */
const SETTLE_MS = 5;

export async function pickUp({ target, count }: PickUp): Promise<PickedUp> {
  const worker = await Connection.open(target.port);
  const submitter = await Connection.open(target.port);
  const submit = submitBytes(target);
  const claim = postBytes(
    "/v1/jobs/claim",
    target.token,
    JSON.stringify({ types: [JOB_TYPE], max: 1, wait_ms: 10_000 }),
  );
  const latencies: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const claimed = worker.send(claim).then(({ body }) => {
      const at = performance.now();
      const { jobs } = JSON.parse(body.toString()) as Claimed;
      if (jobs.length !== 1) throw new Error("the waiting worker got no job");
      return { at, jobs };
    });
    await sleep(SETTLE_MS);
    const sentAt = performance.now();
    const submitted = submitter.send(submit);
    const { at, jobs } = await claimed;
    latencies.push(at - sentAt);
    await submitted;
    await worker.send(completeBytes(target, jobs));
  }
  worker.close();
  submitter.close();
  return { latency: latencyOf(latencies) };
}
