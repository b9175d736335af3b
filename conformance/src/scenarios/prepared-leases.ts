/** Level 3 over prepared ledgers: leases that are live, lapsed or spent when the daemon starts. */
import { list, text } from "../json.ts";
import type { Scenario } from "../scenario.ts";
import { hourAgo, inAnHour, LedgerBook } from "../target/ledger-book.ts";
import type { Trial } from "../trial.ts";
import { givenHeld, hold } from "./holding.ts";
import { isExhausted } from "./lapses.ts";
import { showsLease } from "./leases.ts";
import { eventsOf, rowOf } from "./wording.ts";

async function shown(trial: Trial): Promise<void> {
  const book = new LedgerBook()
    .accepted("live-1", { type: "rpi.run" })
    .claimed("live-1", { epoch: 1, attempt: 1, expiresAt: inAnHour() })
    .accepted("lapsed-1", { type: "rpi.run" })
    .claimed("lapsed-1", { epoch: 1, attempt: 1, expiresAt: hourAgo() })
    .accepted("spent-1", { type: "dream.run" })
    .claimed("spent-1", { epoch: 1, attempt: 1, expiresAt: hourAgo() })
    .claimed("spent-1", { epoch: 2, attempt: 2, expiresAt: hourAgo() })
    .claimed("spent-1", { epoch: 3, attempt: 3, expiresAt: hourAgo() });
  const { endpoint } = await trial.launch(book.text());
  const live = await rowOf(trial, "live-1", endpoint);
  trial.holds(
    "execute:claim:running-with-lease",
    showsLease(live),
    "a job under a live lease shows running with its lease",
    { seen: live },
  );
  const lapsed = await rowOf(trial, "lapsed-1", endpoint);
  trial.holds(
    "execute:expiry:shown",
    lapsed["status"] === "retry_waiting",
    "a job whose lease has lapsed shows retry_waiting",
    { seen: lapsed },
  );
  const spent = await rowOf(trial, "spent-1", endpoint);
  trial.holds(
    "execute:expiry:cap",
    isExhausted(spent),
    "a lapsed job without attempts left is exhausted, or failed as such",
    { seen: spent },
  );
  for (const jobId of ["live-1", "lapsed-1", "spent-1"]) {
    const kept = (await eventsOf(trial, jobId, endpoint)).map((event) => event["event_id"]);
    const written = book.events.filter((event) => event.job_id === jobId);
    trial.holds(
      "execute:expiry:history-kept",
      written.every((event) => kept.includes(event.event_id)),
      `every earlier event of ${jobId} is listed`,
      { seen: { written, kept } },
    );
  }
}

async function late(trial: Trial): Promise<void> {
  const book = new LedgerBook()
    .accepted("twice-1", { type: "wiki.forge" })
    .claimed("twice-1", { epoch: 1, attempt: 1, expiresAt: inAnHour() })
    .cancelled("twice-1")
    .completed("twice-1", 1, { report: "too-late.md" })
    .failed("twice-1", 1, { code: "lost", message: "later still", retryable: false });
  const { endpoint } = await trial.launch(book.text());
  const status = await trial.get("/v1/status", endpoint);
  const queue = list(status.json, "queue", "jobs").map((job) => text(job, "status"));
  const projected = list(status.json, "projections", "jobs").map((job) => text(job, "status"));
  trial.holds(
    "execute:terminal:first-wins",
    [...queue, ...projected].join() === "cancelled,cancelled",
    "queue and projections keep the first terminal event",
    { seen: { queue, projected } },
  );
}

async function outcomeSurvives(trial: Trial): Promise<void> {
  await trial.needWorkerRoutes();
  const daemon = await trial.launch();
  const { endpoint } = daemon;
  const job = await givenHeld(trial, { endpoint });
  const answer = await hold(trial, "complete", job, endpoint);
  await daemon.kill();
  await daemon.start();
  const row = await rowOf(trial, text(job, "job_id"), endpoint);
  trial.holds(
    "execute:durable:outcome-survives-kill",
    answer.status === 200 && row["status"] === "completed",
    "the completed job is completed after SIGKILL and restart",
    { seen: row },
  );
}

export const PREPARED_LEASE_SCENARIOS: readonly Scenario[] = [
  {
    id: "prepared-leases/shown",
    title: "A ledger with a live, a lapsed and a spent lease is opened",
    cites: [
      "execute:claim:running-with-lease",
      "execute:expiry:shown",
      "execute:expiry:cap",
      "execute:expiry:history-kept",
    ],
    needs: "start",
    run: shown,
  },
  {
    id: "prepared-leases/late",
    title: "A ledger in which a cancelled job is completed and failed afterwards",
    cites: ["execute:terminal:first-wins"],
    needs: "start",
    run: late,
  },
  {
    id: "prepared-leases/outcome",
    title: "SIGKILL right after a completion",
    cites: ["execute:claim:gives-queued-job", "execute:durable:outcome-survives-kill"],
    needs: "start",
    run: outcomeSurvives,
  },
];
