/**
 * Agents that a killed daemon left running. Each is ended before anything is claimed, so that one
 * job is never run by two agents, and its job is handed back at once with what the attempt left,
 * instead of waiting for the lease to lapse.
 */
import { rm } from "node:fs/promises";
import type { Engine } from "../engine/engine.ts";
import { messageOf } from "../errors/fault.ts";
import type { ArtifactRef } from "../kernel/job/state.ts";
import {
  type ChildRecord,
  type FoundRecord,
  leaderOf,
  readRecords,
  removeRecord,
} from "./child-record.ts";
import { TRANSCRIPT_BYTES_MAX } from "./config-schema.ts";
import type { Log } from "./executor.ts";
import { endFamily } from "./family.ts";
import { fileBody } from "./file-body.ts";
import type { Places } from "./places.ts";
import { failureName, sessionFileIn, transcriptName } from "./previous.ts";

export interface OrphanOptions {
  readonly engine: Pick<Engine, "putBlob" | "release">;
  readonly places: Places;
  readonly log: Log;
  readonly actor: string;
}

const ORPHAN_GRACE_MS = 3000;
/** A transcript that still grew may be nearly twice as long as its cap. */
const TRANSCRIPT_FILE_BYTES_MAX = 2 * TRANSCRIPT_BYTES_MAX;

/** Ends what earlier daemons left and hands their jobs back. */
export async function clearOrphans(options: OrphanOptions): Promise<void> {
  const records = await readRecords(options.places.children);
  await Promise.all(
    records.map(async (found) => {
      try {
        if (await endOrphan(options, found)) await handBack(options, found);
      } catch (error) {
        options.log(`job ${found.record.job_id}: its orphan stays noted: ${messageOf(error)}`);
      }
    }),
  );
}

/** Ends whatever earlier attempts of a job left running; the ids of those that cannot be ended. */
export async function endEarlierAttempts(
  options: OrphanOptions,
  jobId: string,
): Promise<readonly number[]> {
  const left: number[] = [];
  for (const { path, record } of await readRecords(options.places.children)) {
    if (record.job_id !== jobId) continue;
    const remaining = await endRecorded(record);
    if (remaining.length === 0) await removeRecord(path);
    left.push(...remaining);
  }
  return left;
}

async function endRecorded(record: ChildRecord): Promise<readonly number[]> {
  const leader = await leaderOf(record);
  const family = { mark: record.mark, ...(leader === undefined ? {} : { leader }) };
  return endFamily(family, ORPHAN_GRACE_MS);
}

async function endOrphan(options: OrphanOptions, { record }: FoundRecord): Promise<boolean> {
  const remaining = await endRecorded(record);
  if (remaining.length === 0) return true;
  options.log(`job ${record.job_id}: processes ${remaining.join(", ")} cannot be ended`);
  return false;
}

async function handBack(options: OrphanOptions, { path, record }: FoundRecord): Promise<void> {
  const { engine, actor, log } = options;
  const message = "the daemon died while this attempt ran; what was left of it has been ended";
  const transcript = await tryPut(engine, record.transcript, TRANSCRIPT_FILE_BYTES_MAX);
  const sessionId = await sessionFileIn(record.artifacts_dir);
  const released = await engine.release({
    job_id: record.job_id,
    actor,
    claim_token: record.claim_token,
    lease_epoch: record.lease_epoch,
    refundAttempt: false,
    failure: { code: "lost", message, retryable: true },
    artifacts: {
      [failureName(record.attempt)]: message,
      ...(sessionId === undefined ? {} : { session_id: sessionId }),
    },
    ...(transcript === undefined
      ? {}
      : { artifact_refs: { [transcriptName(record.attempt)]: transcript } }),
  });
  // A refusal means that the lease lapsed or the job ended meanwhile: its next attempt finds the
  // files under the names that the heartbeats announced.
  if (released.ok) log(`job ${record.job_id}: handed back after the daemon that ran it died`);
  if (released.ok && transcript !== undefined) await rm(record.transcript, { force: true });
  await removeRecord(path);
}

/** Stores a file, or says nothing when that cannot be done: the file itself stays. */
export async function tryPut(
  engine: Pick<Engine, "putBlob">,
  path: string,
  maxBytes: number,
): Promise<ArtifactRef | undefined> {
  try {
    return await engine.putBlob(fileBody(path), maxBytes);
  } catch {
    return undefined;
  }
}
