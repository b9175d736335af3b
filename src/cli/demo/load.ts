import { type Client, createClient, isLostAnswer, type Worker } from "@keelson/client";

/** What the demo's clients did and saw, counted outside the daemon. */
export interface Load {
  /** Ids of every submit that was answered. */
  readonly acknowledged: ReadonlySet<string>;
  readonly completed: ReadonlySet<string>;
  /** Jobs whose handler has begun and not yet ended. */
  readonly working: number;
  /** Answers that never came because the daemon was gone. */
  readonly lostAnswers: number;
  /** Resolves when every submit has been answered. */
  readonly submitted: Promise<void>;
  readonly worker: Worker;
}

const TYPES = ["rpi.run", "dream.run", "wiki.forge", "rpi.phase"] as const;
const SUBMITTERS = 8;
const HANDS = 8;
const WORK_MS = 150;
const PAUSE_MS = 80;
/** A claim whose answer the kill swallowed is held by nobody: its lease must lapse while one watches. */
const LEASE_MS = 5_000;

/** Eight clients that submit and one worker with eight hands, all over HTTP, none of them warned. */
export function startLoad(plan: {
  readonly url: string;
  readonly token: string;
  readonly jobs: number;
  readonly signal: AbortSignal;
}): Load {
  const { url, token, jobs, signal } = plan;
  const acknowledged = new Set<string>();
  const completed = new Set<string>();
  const seen = { working: 0, lostAnswers: 0 };
  const client = createClient({
    url,
    token,
    retries: 30,
    onRetry: (error) => {
      if (isLostAnswer(error)) seen.lostAnswers += 1;
    },
  });
  const shares = Array.from({ length: SUBMITTERS }, (_, submitter) =>
    submitShare(client, { submitter, jobs, acknowledged, signal }),
  );
  const submitted = Promise.all(shares).then(() => undefined);
  const worker = createClient({ url, token }).worker({
    types: TYPES,
    concurrency: HANDS,
    name: "demo",
    leaseMs: LEASE_MS,
    signal,
    handler: async () => {
      seen.working += 1;
      await pause(WORK_MS);
      seen.working -= 1;
    },
    onOutcome: (job, outcome) => {
      if (outcome === "completed") completed.add(job.job_id);
    },
  });
  // An interrupted demo is told once, by whoever waits for it.
  submitted.catch(() => undefined);
  worker.done.catch(() => undefined);
  return {
    acknowledged,
    completed,
    get working() {
      return seen.working;
    },
    get lostAnswers() {
      return seen.lostAnswers;
    },
    submitted,
    worker,
  };
}

async function submitShare(
  client: Client,
  share: {
    readonly submitter: number;
    readonly jobs: number;
    readonly acknowledged: Set<string>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  for (let number = share.submitter; number < share.jobs; number += SUBMITTERS) {
    const job_type = TYPES[number % TYPES.length] ?? "rpi.run";
    const { signal } = share;
    const answer = await client.submit(
      { job_type, payload: { goal: `demo job ${number}` } },
      { signal },
    );
    share.acknowledged.add(answer.job_id);
    await pause(PAUSE_MS);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
