/** What happened in each pinned history, told to a real daemon once, when it was recorded. */
import { appendFileSync } from "node:fs";
import {
  type Answer,
  type DaemonProcess,
  eventually,
  ledgerOf,
} from "../support/daemon-process.ts";
import { acceptedLine, FOREIGN_LEDGER, foreignLine } from "../support/foreign-ledger.ts";
import { agent } from "../support/worker-bench.ts";

export interface Story {
  /** `keelson.json` of the root. */
  readonly settings?: object;
  /** Whole lines that somebody else wrote before. */
  readonly before?: readonly string[];
  readonly tell: (daemon: DaemonProcess) => Promise<void>;
  /** What is done to the root once its daemon has stopped. */
  readonly after?: (root: string) => void;
}

interface Held {
  readonly job_id: string;
  readonly claim_token: string;
  readonly lease_epoch: number;
}

const ENDED = new Set(["completed", "failed", "cancelled"]);

async function post(daemon: DaemonProcess, path: string, body: object = {}): Promise<Answer> {
  const answer = await daemon.ask("POST", path, body);
  if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer)}`);
  return answer;
}

function submit(daemon: DaemonProcess, job_id: string, more: object = {}): Promise<Answer> {
  return post(daemon, "/v1/jobs", { job_type: "rpi.run", job_id, ...more });
}

async function claim(daemon: DaemonProcess, type: string, lease_ms: number): Promise<Held> {
  const { body } = await post(daemon, "/v1/jobs/claim", { types: [type], lease_ms });
  const { job_id, claim_token, lease_epoch } = body.jobs[0];
  return { job_id, claim_token, lease_epoch };
}

function act(daemon: DaemonProcess, verb: string, held: Held, more: object = {}): Promise<Answer> {
  const { job_id, ...fence } = held;
  return post(daemon, `/v1/jobs/${job_id}/${verb}`, { ...fence, ...more });
}

async function ended(daemon: DaemonProcess, id: string): Promise<void> {
  await eventually(async () => {
    const { body } = await daemon.ask("GET", `/v1/jobs/${id}`);
    return ENDED.has(body.status) || undefined;
  });
}

/** Every event type the daemon writes about a job, under workers of its own HTTP routes. */
async function jobs(daemon: DaemonProcess): Promise<void> {
  await submit(daemon, "queued", {
    idempotency_key: "key-queued",
    payload: { note: "ü ☃ \u2028" },
  });
  await post(daemon, "/v1/jobs:batch", {
    jobs: [
      { job_type: "wiki.build", job_id: "cancelled", request_id: "req-1" },
      { job_type: "dream.stage", job_id: "a/b c:d.e", payload: { deep: { list: [1, 2.5, null] } } },
    ],
  });
  await post(daemon, "/v1/jobs/cancelled/cancel", { reason: "not needed", request_id: "req-2" });
  const long = 3_600_000;
  await submit(daemon, "completed", { job_type: "dream.run" });
  const first = await claim(daemon, "dream.run", long);
  await act(daemon, "heartbeat", first, { artifacts: { log: "log.txt" } });
  await act(daemon, "complete", first, { artifacts: { report: "report.md" } });
  await submit(daemon, "failed", { job_type: "wiki.forge" });
  const second = await claim(daemon, "wiki.forge", long);
  const failure = { code: "lost", message: "the machine went away", retryable: true };
  await act(daemon, "release", second, { refund_attempt: true });
  await act(daemon, "fail", await claim(daemon, "wiki.forge", long), { failure });
  await submit(daemon, "exhausted", { job_type: "rpi.phase" });
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const held = await claim(daemon, "rpi.phase", 1000);
    if (attempt === 2) await act(daemon, "release", held, { refund_attempt: false, failure });
    else await lapse(daemon, held);
  }
  await ended(daemon, "exhausted");
  await submit(daemon, "held");
  await claim(daemon, "rpi.run", 1000);
  await post(daemon, "/v1/rebuild");
}

async function lapse(daemon: DaemonProcess, held: Held): Promise<void> {
  await eventually(async () => {
    const { body } = await daemon.ask("GET", "/v1/events");
    const last = body.events.findLast(
      ({ event_type, job_id }: { event_type: string; job_id: string }) =>
        event_type === "job.lease_expired" && job_id === held.job_id,
    );
    return last?.payload.lease_epoch === held.lease_epoch || undefined;
  });
}

/** What the daemon's own workers write: transcripts, files, sessions, failures with hints. */
async function agents(daemon: DaemonProcess): Promise<void> {
  await post(daemon, "/v1/jobs", { job_type: "openclaw.snapshot", job_id: "snapshot" });
  await ended(daemon, "snapshot");
  const types = ["rpi.run", "rpi.phase", "wiki.forge", "dream.run"];
  for (const job_type of types) {
    await post(daemon, "/v1/jobs", { job_type, job_id: job_type, payload: { goal: "a goal" } });
    await ended(daemon, job_type);
  }
}

async function archives(daemon: DaemonProcess): Promise<void> {
  for (let number = 1; number <= 24; number += 1) {
    await submit(daemon, `job-${number}`, { payload: { note: "n".repeat(number * 10) } });
  }
  await post(daemon, "/v1/jobs/job-1/cancel");
}

/** Habits of the contract's other writer: fractions of nanoseconds, offsets, escapes, its own order. */
const OTHER_HABITS = [
  foreignLine("evt_job_accepted_go_000008", "job.accepted", {
    job_id: "go",
    occurred_at: "2026-04-30T12:00:00.123456789+02:00",
    payload: {
      idempotency_key: "key-go",
      job_payload: { goal: "a < b & c" },
      job_type: "wiki.build",
      max_attempts: 5,
      projection_targets: ["daemon-job-status", "wiki-jobs"],
    },
  }).replaceAll(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`),
  foreignLine("evt_job_claimed_go_000009", "job.claimed", {
    job_id: "go",
    occurred_at: "2026-04-30T10:00:01Z",
    payload: {
      attempt: 1,
      claim_token: "claim_go-1_000010",
      lease_epoch: 1,
      lease_expires_at: "2026-04-30T10:01:01.5Z",
    },
  }),
  foreignLine("evt_job_failed_go_000010", "job.failed", {
    job_id: "go",
    payload: { failure_code: "lost", message: "flattened", retryable: true },
  }),
];

async function strangers(daemon: DaemonProcess): Promise<void> {
  await submit(daemon, "ours");
  await post(daemon, "/v1/jobs/job-2/cancel", { reason: "a foreign job" });
}

export const STORIES: Readonly<Record<string, Story>> = {
  "0.1-jobs": { tell: jobs },
  "0.1-agents": {
    settings: {
      jobs: {
        "rpi.run": { command: agent("die", "2") },
        "rpi.phase": { command: agent("exit", "3") },
        "wiki.forge": { command: agent("files") },
        "dream.run": { command: ["no-such-agent-here"] },
      },
    },
    tell: agents,
  },
  "0.1-archives": { settings: { rotate_bytes: 4096 }, tell: archives },
  "0.1-strangers": {
    before: [
      ...FOREIGN_LEDGER,
      ...OTHER_HABITS,
      "",
      '{"broken',
      acceptedLine("after-the-break", "after", "dream.run"),
    ],
    tell: strangers,
    after: (root) => appendFileSync(ledgerOf(root), '{"schema_version":1,"event_id":"evt_torn'),
  },
};
