/** Level 2 under many submits at once. They run last: every status is long from then on. */
import { list, text } from "../json.ts";
import type { Scenario } from "../scenario.ts";
import type { Trial } from "../trial.ts";
import { acceptedCounts, ofType, submit } from "./wording.ts";

const ONE_KEY_SUBMITS = 50;
const ANONYMOUS_SUBMITS = 200;
/** Enough to see what is wrong, in a report that stays readable. */
const SHOWN_MAX = 10;

async function oneKey(trial: Trial): Promise<void> {
  const idempotency_key = trial.fresh("raced-key");
  const answers = await Promise.all(
    Array.from({ length: ONE_KEY_SUBMITS }, () => submit(trial, { idempotency_key })),
  );
  const statuses = tallyOf(answers.map((answer) => String(answer.status)));
  const jobs = new Set(answers.map((answer) => text(answer.json, "job_id")));
  trial.holds(
    "enqueue:recover:concurrent-one-key",
    statuses === `202 ×${ONE_KEY_SUBMITS}` && jobs.size === 1,
    `${ONE_KEY_SUBMITS} submits with one key are answered 202 with one job`,
    { seen: { statuses, jobs: [...jobs].slice(0, SHOWN_MAX) } },
  );
  const events = list((await trial.get("/v1/events")).json, "events");
  const accepted = ofType(events, "job.accepted").filter(
    (event) =>
      text(event, "payload", "idempotency_key") === idempotency_key ||
      jobs.has(text(event, "job_id")),
  );
  trial.holds(
    "enqueue:recover:concurrent-one-key",
    accepted.length === 1,
    "and the ledger holds one job.accepted for them",
    { seen: accepted.slice(0, SHOWN_MAX) },
  );
}

async function anonymous(trial: Trial): Promise<void> {
  const answers = await Promise.all(
    Array.from({ length: ANONYMOUS_SUBMITS }, (_each, index) =>
      submit(trial, { payload: { index } }),
    ),
  );
  const acknowledged = answers
    .filter((answer) => answer.status === 202)
    .map((answer) => text(answer.json, "job_id"));
  const distinct = new Set(acknowledged);
  trial.holds(
    "enqueue:concurrent:distinct-ids",
    acknowledged.length === ANONYMOUS_SUBMITS && distinct.size === ANONYMOUS_SUBMITS,
    `${ANONYMOUS_SUBMITS} submits are ${ANONYMOUS_SUBMITS} jobs`,
    {
      seen: {
        statuses: tallyOf(answers.map((answer) => String(answer.status))),
        distinct_jobs: distinct.size,
      },
    },
  );
  await checkOnce(trial, distinct);
}

async function checkOnce(trial: Trial, acknowledged: ReadonlySet<string>): Promise<void> {
  const events = await trial.get("/v1/events");
  const accepted = acceptedCounts(list(events.json, "events"));
  const wrong = [...acknowledged].filter((id) => accepted.get(id) !== 1);
  trial.holds(
    "enqueue:concurrent:every-job-once",
    acknowledged.size > 0 && wrong.length === 0,
    "each acknowledged job has one job.accepted",
    { seen: { wrong: wrong.length, of: acknowledged.size, first: wrong.slice(0, SHOWN_MAX) } },
  );
  const listed = list((await trial.get("/v1/status")).json, "queue", "jobs")
    .map((job) => text(job, "job_id"))
    .filter((id) => acknowledged.has(id));
  trial.holds(
    "enqueue:concurrent:every-job-once",
    listed.length === acknowledged.size && new Set(listed).size === acknowledged.size,
    "status lists each acknowledged job once",
    { seen: { acknowledged: acknowledged.size, listed: listed.length } },
  );
}

function tallyOf(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].map(([value, count]) => `${value} ×${count}`).join(", ");
}

export const CROWD_SCENARIOS: readonly Scenario[] = [
  {
    id: "crowd/one-key",
    title: "Fifty submits race with one key",
    cites: ["enqueue:recover:concurrent-one-key"],
    needs: "url",
    run: oneKey,
  },
  {
    id: "crowd/anonymous",
    title: "Two hundred submits without ids arrive at once",
    cites: ["enqueue:concurrent:distinct-ids", "enqueue:concurrent:every-job-once"],
    needs: "url",
    run: anonymous,
  },
];
