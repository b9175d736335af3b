/** Level 1 over prepared ledgers: clean, broken, torn, out of order, and read without a trace. */
import { at, canonical, isObject, type Json, list, number, text } from "../json.ts";
import type { Scenario } from "../scenario.ts";
import type { Daemon } from "../target/daemon.ts";
import type { Endpoint, Exchange } from "../target/http.ts";
import { hourAgo, inAnHour, LedgerBook } from "../target/ledger-book.ts";
import { NotAttempted, type Trial } from "../trial.ts";
import { checkReadiness, isHealth } from "./observe.ts";

/** What a process leaves that dies in the middle of a write. */
const TORN = '{"schema_version":1,"event_id":"evt_job_acc';
const READ_PATHS = ["/v1/health", "/v1/ready", "/v1/status", "/v1/events"];

/** One job in each state that a ledger alone can give it. */
export function everyState(): LedgerBook {
  const live = { epoch: 1, attempt: 1, expiresAt: inAnHour() };
  return new LedgerBook()
    .accepted("queued-1", { type: "wiki.build", payload: { nested: { list: [1, "two", null] } } })
    .accepted("running-1", { type: "rpi.run" })
    .accepted("completed-1", { type: "wiki.forge", key: "the-completed-one" })
    .claimed("running-1", live)
    .claimed("completed-1", { ...live, expiresAt: hourAgo() })
    .accepted("failed-1", { type: "dream.run" })
    .claimed("failed-1", { ...live, expiresAt: hourAgo() })
    .completed("completed-1", 1, { report: "reports/one.md", page: "https://example.test/one" })
    .accepted("cancelled-1", { type: "rpi.phase" })
    .failed("failed-1", 1, { code: "lost", message: "the session went away", retryable: true })
    .cancelled("cancelled-1");
}

const STATES: Readonly<Record<string, string>> = {
  "queued-1": "queued",
  "running-1": "running",
  "completed-1": "completed",
  "failed-1": "failed",
  "cancelled-1": "cancelled",
};

async function clean(trial: Trial): Promise<void> {
  const book = everyState();
  const daemon = await trial.launch(book.text());
  const endpoint = daemon.endpoint;
  const ready = await trial.get("/v1/ready", endpoint);
  trial.holds(
    "observe:ready:clean-ledger",
    at(ready.json, "ready") === true &&
      text(ready.json, "ledger_replay_status") === "complete" &&
      text(ready.json, "projection_status") === "current" &&
      at(ready.json, "projection_lag", "degraded") === false,
    "a clean ledger is ready, complete and current",
    ready,
  );
  await checkEvents(trial, endpoint, book);
  await checkFold(trial, endpoint);
  const before = await queueOf(trial, endpoint);
  await daemon.stop();
  await daemon.start();
  const after = await queueOf(trial, endpoint);
  trial.holds(
    "observe:status:same-after-restart",
    before.length > 0 && canonical(before) === canonical(after),
    "status is the same after a restart",
    { seen: { before, after } },
  );
}

/** Valid lines come back in order; a daemon may have added lines of its own behind them. */
async function checkEvents(trial: Trial, endpoint: Endpoint, book: LedgerBook): Promise<void> {
  const answer = await trial.get("/v1/events", endpoint);
  const listed = list(answer.json, "events").map((event) => text(event, "event_id"));
  const expected = book.events.map((event) => event.event_id);
  trial.holds(
    "observe:events:ledger-order",
    listed.slice(0, expected.length).join() === expected.join(),
    "events lists every valid line in the order of the lines",
    { seen: { expected, listed } },
  );
  trial.holds(
    "observe:events:last-event-id",
    text(answer.json, "last_event_id") === listed.at(-1),
    "last_event_id names the last valid line",
    { seen: { last_event_id: at(answer.json, "last_event_id"), last_listed: listed.at(-1) } },
  );
  const ready = await trial.get("/v1/ready", endpoint);
  const again = list((await trial.get("/v1/events", endpoint)).json, "events").length;
  const count = number(ready.json, "projection_lag", "event_count");
  trial.holds(
    "observe:events:lag-counts",
    count >= listed.length && count <= again,
    "event_count is the number of events",
    ready,
  );
}

async function checkFold(trial: Trial, endpoint: Endpoint): Promise<void> {
  const status = await trial.get("/v1/status", endpoint);
  const rows = list(status.json, "queue", "jobs");
  const ids = rows.map((row) => text(row, "job_id"));
  trial.holds(
    "observe:status:every-job",
    ids.join() === "queued-1,running-1,completed-1,failed-1,cancelled-1",
    "status lists the five jobs in the order of acceptance",
    { seen: ids },
  );
  for (const row of rows) {
    const id = text(row, "job_id");
    trial.holds(
      "observe:status:folds-the-ledger",
      row["status"] === STATES[id],
      `${id} shows as ${STATES[id] ?? "nothing"}`,
      { seen: row },
    );
  }
  const failed = rows.find((row) => row["job_id"] === "failed-1");
  trial.holds(
    "observe:status:folds-the-ledger",
    text(failed, "failure", "code") === "lost" &&
      text(failed, "failure", "message") === "the session went away",
    "the failed job shows its failure",
    { seen: failed },
  );
  const completed = rows.find((row) => row["job_id"] === "completed-1");
  trial.holds(
    "observe:status:folds-the-ledger",
    text(completed, "artifacts", "report") === "reports/one.md",
    "the completed job shows its artifacts",
    { seen: completed },
  );
}

async function queueOf(trial: Trial, endpoint: Endpoint): Promise<readonly Json[]> {
  return list((await trial.get("/v1/status", endpoint)).json, "queue", "jobs");
}

async function badLine(trial: Trial): Promise<void> {
  const book = new LedgerBook().accepted("before-1", { type: "wiki.build" }).broken();
  const badLineNumber = book.lineNumber;
  book.accepted("after-1", { type: "wiki.build" });
  const daemon = await trial.launch(book.text());
  const endpoint = daemon.endpoint;
  await checkHealth(trial, endpoint);
  const ready = await trial.get("/v1/ready", endpoint);
  checkReadiness(trial, ready);
  trial.holds(
    "observe:ready:bad-line",
    isDegraded(ready, 1),
    "the bad line degrades readiness",
    ready,
  );
  const events = await trial.get("/v1/events", endpoint);
  const corrupt = list(events.json, "corrupt");
  trial.holds(
    "observe:events:corrupt-named",
    corrupt.length === 1 &&
      number(corrupt[0], "line_number") === badLineNumber &&
      text(corrupt[0], "error") !== "",
    `events names line ${badLineNumber} as corrupt, and why`,
    events,
  );
  await checkEvents(trial, endpoint, book);
}

async function checkHealth(trial: Trial, endpoint: Endpoint): Promise<void> {
  const health = await trial.get("/v1/health", endpoint);
  trial.holds("observe:health:broken-ledger", isHealth(health), "health is well", health);
}

/** Whole lines that are no events, each for another reason. */
const BROKEN_LINES = [
  '{"schema_version":1,"event_id":"evt_broken',
  '{"schema_version":1,"event_id":"evt_job_accepted_nameless_000001","event_type":"job.accepted"}',
  '"a text"',
];

async function badLines(trial: Trial): Promise<void> {
  const book = new LedgerBook().accepted("before-1", { type: "wiki.build" });
  const expected: number[] = [];
  for (const [index, line] of BROKEN_LINES.entries()) {
    book.broken(line);
    expected.push(book.lineNumber);
    book.accepted(`after-${index + 1}`, { type: "rpi.run" });
  }
  const { endpoint } = await trial.launch(book.text());
  const events = await trial.get("/v1/events", endpoint);
  const corrupt = list(events.json, "corrupt");
  trial.holds(
    "observe:events:corrupt-named",
    corrupt.map((each) => number(each, "line_number")).join() === expected.join() &&
      corrupt.every((each) => text(each, "error") !== ""),
    `events names lines ${expected.join()} as corrupt, each with a reason`,
    events,
  );
  const ready = await trial.get("/v1/ready", endpoint);
  trial.holds(
    "observe:ready:bad-line",
    isDegraded(ready, BROKEN_LINES.length),
    "readiness counts the three lines",
    ready,
  );
  await checkEvents(trial, endpoint, book);
}

/** Bytes that are no text at all, a megabyte without a newline among them. */
function garbage(): Uint8Array {
  const noise = Buffer.from(Array.from({ length: 4_096 }, (_each, index) => (index * 167) % 256));
  return Buffer.concat([
    noise,
    Buffer.from("\n"),
    Buffer.alloc(1_048_576, 0xff),
    Buffer.from("\n"),
  ]);
}

async function unreadable(trial: Trial): Promise<void> {
  const { endpoint } = await trial.launch(garbage());
  await checkHealth(trial, endpoint);
  const ready = await trial.get("/v1/ready", endpoint);
  const corrupt = number(ready.json, "projection_lag", "corrupt_record_count");
  trial.holds(
    "observe:ready:bad-line",
    corrupt > 0 && isDegraded(ready, corrupt),
    "a ledger of noise degrades readiness",
    ready,
  );
}

function isDegraded(ready: Exchange, corrupt: number): boolean {
  const reasons = at(ready.json, "degraded_reasons");
  return (
    ready.status === 200 &&
    at(ready.json, "ready") === false &&
    text(ready.json, "ledger_replay_status") === "corrupt" &&
    text(ready.json, "projection_status") === "degraded" &&
    number(ready.json, "projection_lag", "corrupt_record_count") === corrupt &&
    Array.isArray(reasons) &&
    reasons.length > 0
  );
}

async function tornTail(trial: Trial): Promise<void> {
  const book = new LedgerBook()
    .accepted("whole-1", { type: "wiki.build" })
    .accepted("whole-2", { type: "rpi.run" });
  const daemon = await trial.launch(book.text(TORN));
  const ready = await trial.get("/v1/ready", daemon.endpoint);
  const mended =
    at(ready.json, "ready") === true && text(ready.json, "ledger_replay_status") === "complete";
  trial.holds(
    "observe:ready:torn-tail",
    mended || isDegraded(ready, 1),
    "a torn last line is mended, or degrades readiness",
    ready,
  );
  const events = await trial.get("/v1/events", daemon.endpoint);
  const ids = list(events.json, "events").map((event) => event["event_id"]);
  trial.holds(
    "observe:ready:torn-tail",
    book.events.every((event) => ids.includes(event.event_id)),
    "every whole line before the torn one is still an event",
    events,
  );
}

async function untouched(trial: Trial): Promise<void> {
  const book = new LedgerBook().accepted("before-1", { type: "wiki.build" }).broken();
  book.accepted("after-1", { type: "rpi.run" });
  const daemon = await trial.launch(book.text());
  await checkUntouched(trial, daemon, "a broken line");
  const kept = await daemon.ledgerText();
  trial.holds(
    "observe:reads:change-nothing",
    kept.startsWith(book.text()),
    "the prepared lines, the broken one too, are still the first bytes of the ledger",
    { seen: kept },
  );
  const torn = new LedgerBook().accepted("whole-1", { type: "wiki.build" });
  await checkUntouched(trial, await trial.launch(torn.text(TORN)), "a torn tail");
}

async function checkUntouched(trial: Trial, daemon: Daemon, over: string): Promise<void> {
  const before = await footprint(daemon);
  for (let round = 0; round < 2; round += 1) {
    for (const path of [...READ_PATHS, "/openclaw/v1/health", "/openclaw/v1/snapshot/latest"]) {
      const answer = await trial.get(path, daemon.endpoint);
      // What cannot be read cannot have changed anything by being read.
      if (answer.status !== 200) throw new NotAttempted(`GET ${path} answers ${answer.status}`);
    }
  }
  const after = await footprint(daemon);
  trial.holds(
    "observe:reads:change-nothing",
    before === after,
    `over ${over}, ledger and quarantine are the same after reading as before`,
    { seen: { before, after } },
  );
}

async function footprint(daemon: Daemon): Promise<string> {
  const files = [...(await daemon.ledgerFiles())].map(([name, bytes]) => [
    name,
    bytes.toString("base64"),
  ]);
  return canonical({ files, quarantine: await daemon.quarantined() });
}

async function order(trial: Trial): Promise<void> {
  const book = new LedgerBook()
    .clockAt(new Date(Date.now() - 60_000))
    .accepted("late-1", { type: "wiki.build" })
    .cancelled("late-1")
    .clockAt(new Date(Date.now() - 3_000_000))
    .accepted("early-1", { type: "wiki.build" })
    .claimed("early-1", { epoch: 1, attempt: 1, expiresAt: inAnHour() })
    .clockAt(new Date(Date.now() - 6_000_000))
    .completed("early-1", 1)
    .again();
  const daemon = await trial.launch(book.text());
  const status = await trial.get("/v1/status", daemon.endpoint);
  const found = Object.fromEntries(
    list(status.json, "queue", "jobs").map((job) => [text(job, "job_id"), job["status"]]),
  );
  trial.holds(
    "observe:status:event-order-decides",
    canonical(found) === '{"early-1":"completed","late-1":"cancelled"}',
    "lines decide, not their times",
    { seen: found },
  );
  const events = await trial.get("/v1/events", daemon.endpoint);
  const ends = list(events.json, "events").filter(
    (event) => event["event_type"] === "job.completed",
  );
  trial.holds(
    "observe:events:duplicate-id-once",
    ends.length === 1 && isObject(ends[0]),
    "the line written twice is one event",
    events,
  );
  trial.holds(
    "observe:events:lag-counts",
    number(status.json, "projection_lag", "event_count") >= book.events.length &&
      number(status.json, "projection_lag", "event_count") <= list(events.json, "events").length,
    "the repeated line is counted once",
    status,
  );
}

export const LEDGER_SCENARIOS: readonly Scenario[] = [
  {
    id: "ledgers/clean",
    title: "A daemon opens a clean ledger with a job in every state, and opens it again",
    cites: [
      "observe:ready:clean-ledger",
      "observe:events:ledger-order",
      "observe:events:last-event-id",
      "observe:events:lag-counts",
      "observe:status:every-job",
      "observe:status:folds-the-ledger",
      "observe:status:same-after-restart",
    ],
    needs: "start",
    run: clean,
  },
  {
    id: "ledgers/bad-line",
    title: "A daemon opens a ledger with a broken line between two good ones",
    cites: [
      "observe:health:broken-ledger",
      "observe:ready:agrees-with-lag",
      "observe:ready:bad-line",
      "observe:events:corrupt-named",
      "observe:events:ledger-order",
      "observe:events:last-event-id",
      "observe:events:lag-counts",
    ],
    needs: "start",
    run: badLine,
  },
  {
    id: "ledgers/bad-lines",
    title: "A daemon opens a ledger with three lines that are broken in three ways",
    cites: [
      "observe:ready:bad-line",
      "observe:events:corrupt-named",
      "observe:events:ledger-order",
      "observe:events:last-event-id",
      "observe:events:lag-counts",
    ],
    needs: "start",
    run: badLines,
  },
  {
    id: "ledgers/unreadable",
    title: "A daemon opens a ledger that is nothing but noise",
    cites: ["observe:health:broken-ledger", "observe:ready:bad-line"],
    needs: "start",
    run: unreadable,
  },
  {
    id: "ledgers/torn-tail",
    title: "A daemon opens a ledger whose last line was never finished",
    cites: ["observe:ready:torn-tail"],
    needs: "start",
    run: tornTail,
  },
  {
    id: "ledgers/untouched",
    title: "Every read is asked for twice over a broken ledger, and nothing on disk changes",
    cites: ["observe:reads:change-nothing"],
    needs: "start",
    run: untouched,
  },
  {
    id: "ledgers/order",
    title: "A ledger whose times run backwards and whose last line is there twice",
    cites: [
      "observe:status:event-order-decides",
      "observe:events:duplicate-id-once",
      "observe:events:lag-counts",
    ],
    needs: "start",
    run: order,
  },
];
