/** Acknowledged means durable, also when there is no room left to write in. */
import { list } from "../json.ts";
import type { Scenario } from "../scenario.ts";
import type { Daemon } from "../target/daemon.ts";
import { NotAttempted, type Trial } from "../trial.ts";
import { acceptedCounts, eventsOf, given, ofType, submit } from "./wording.ts";

const SHOWN_MAX = 10;
const ROOM_BYTES = 1024 * 1024;
const BULKY_CHARS = 30_000;
/** Twice what fits, and some more for daemons that write less than they are told. */
const BULKY_SUBMITS_MAX = 120;
const REFUSALS = 3;

async function fullDisk(trial: Trial): Promise<void> {
  const daemon = await trial.launch();
  const acknowledged = new Set([await given(trial, {}, daemon.endpoint)]);
  await daemon.stop();
  await daemon.start({ fileBytesMax: ROOM_BYTES }).catch(() => {
    throw new NotAttempted("the daemon does not start under a limit on the size of its files");
  });
  const refusedIds = await fill(trial, daemon, acknowledged);
  await daemon.kill();
  await daemon.start();
  const counts = acceptedCounts(
    list((await trial.get("/v1/events", daemon.endpoint)).json, "events"),
  );
  const lost = [...acknowledged].filter((id) => counts.get(id) !== 1);
  if (lost.length === 0 && refusedIds.length === 0) {
    throw new NotAttempted("no limit on the size of files was felt by the daemon");
  }
  trial.holds(
    "enqueue:durable:full-disk",
    lost.length === 0,
    "each job acknowledged while the room ran out is there once after the restart",
    {
      seen: { acknowledged: acknowledged.size, lost: lost.length, first: lost.slice(0, SHOWN_MAX) },
    },
  );
  for (const jobId of refusedIds) {
    const answer = await submit(trial, { job_id: jobId }, daemon.endpoint);
    const accepted = await eventsOf(trial, jobId, daemon.endpoint);
    trial.holds(
      "enqueue:durable:full-disk",
      answer.status === 202 && ofType(accepted, "job.accepted").length === 1,
      "a submit refused for lack of room is accepted, once, when there is room again",
      answer,
    );
  }
}

/** Submits until the daemon has refused a few; answers their ids. */
async function fill(trial: Trial, daemon: Daemon, acknowledged: Set<string>): Promise<string[]> {
  const refusedIds: string[] = [];
  for (let count = 0; count < BULKY_SUBMITS_MAX; count += 1) {
    const body = { job_id: trial.fresh("bulky"), payload: { filling: "x".repeat(BULKY_CHARS) } };
    const answer = await submit(trial, body, daemon.endpoint);
    if (answer.status === 202) acknowledged.add(body.job_id);
    else refusedIds.push(body.job_id);
    if (refusedIds.length === REFUSALS) return refusedIds;
  }
  return refusedIds;
}

export const FULL_DISK_SCENARIOS: readonly Scenario[] = [
  {
    id: "durable/full-disk",
    title: "The daemon's files may not grow any more, and then they may again",
    cites: ["enqueue:durable:full-disk"],
    needs: "start",
    run: fullDisk,
  },
];
