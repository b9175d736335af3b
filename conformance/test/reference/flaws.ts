/**
 * What can be wrong with the reference daemon, one thing at a time, and the requirements that the
 * kit must find broken by it: these and no others.
 */
import type { RequirementId } from "../../src/requirements.ts";

interface FlawRow {
  readonly about: string;
  readonly breaks: readonly RequirementId[];
}

export const FLAWS = {
  "accepts-twice": {
    about: "writes a second accepted event for a submit it recognised",
    breaks: ["enqueue:recover:one-event", "enqueue:recover:concurrent-one-key"],
  },
  "acknowledges-without-room": {
    about: "answers 202 although the line could not be written",
    breaks: ["enqueue:durable:full-disk"],
  },
  "answers-200-to-submits": {
    about: "a wrong status code for every submit",
    breaks: [
      "enqueue:auth:header-token",
      "enqueue:auth:bearer-token",
      "enqueue:aliases:same-answer",
      "enqueue:submit:describes-job",
      "enqueue:submit:ids-made",
      "enqueue:recover:by-job-id",
      "enqueue:recover:by-key",
      "enqueue:recover:other-payload",
      "enqueue:recover:concurrent-one-key",
      "enqueue:recover:request-id-is-no-key",
      "enqueue:concurrent:distinct-ids",
      "enqueue:concurrent:every-job-once",
      "enqueue:ledger:line-before-answer",
      "enqueue:durable:append-after-torn-tail",
    ],
  },
  "answers-404-to-wrong-methods": {
    about: "404 where 405 belongs",
    breaks: [
      "observe:methods:wrong-method-405",
      "enqueue:methods:wrong-method-405",
      "execute:methods:wrong-method-405",
      "project:methods:wrong-method-405",
    ],
  },
  "appends-to-a-torn-line": {
    about: "writes the next line behind the torn one, which swallows it",
    breaks: ["enqueue:durable:append-after-torn-tail"],
  },
  "asks-readers-for-a-token": {
    about: "readiness and the wiki list need a token",
    breaks: [
      "observe:aliases:same-answer",
      "observe:reads:need-no-token",
      "observe:ready:agrees-with-lag",
      "observe:ready:clean-ledger",
      "observe:ready:bad-line",
      "observe:ready:torn-tail",
      "observe:events:lag-counts",
      "project:reads:need-no-token",
      "project:openclaw:runs-and-wiki",
      "project:openclaw:counts",
      "project:openclaw:snapshot-holds-lists",
      "project:rebuild:from-ledger-alone",
    ],
  },
  "calls-json-text": {
    about: "the wrong media type on every answer",
    breaks: ["observe:answers:json-content-type", "project:answers:json-content-type"],
  },
  "cancels-the-unknown": {
    about: "says cancelled of a job nobody submitted",
    breaks: ["execute:bodies:match-contract", "execute:cancel:unknown-job"],
  },
  "cancels-what-is-over": {
    about: "cancels jobs that have ended",
    breaks: [
      "execute:cancel:one-event",
      "execute:cancel:already-cancelled",
      "execute:cancel:already-completed",
      "execute:cancel:already-failed",
      "execute:cancel:terminal-unchanged",
    ],
  },
  "claims-again-under-one-token": {
    about: "a reclaim keeps the epoch, and from the third claim on the token",
    breaks: ["execute:release:queues-again", "execute:expiry:reclaim"],
  },
  "completes-nothing": {
    about: "says yes to a completion and writes nothing",
    breaks: [
      "execute:complete:ends-job",
      "execute:terminal:first-wins",
      "execute:durable:outcome-survives-kill",
    ],
  },
  "counts-broken-lines-as-events": {
    about: "the lag counts lines that are no events",
    breaks: ["observe:events:lag-counts"],
  },
  "counts-repeated-lines": {
    about: "a line that is there twice is two events",
    breaks: ["observe:events:duplicate-id-once"],
  },
  "cuts-long-bodies": {
    about: "keeps the beginning of a body that is too long",
    breaks: ["enqueue:refuse:oversized"],
  },
  "dates-jobs-by-its-own-start": {
    about: "the time of the last restart stands in every job",
    breaks: ["observe:status:same-after-restart", "project:rebuild:from-ledger-alone"],
  },
  "denies-with-401": {
    about: "401 where 403 belongs",
    breaks: [
      "enqueue:auth:missing-token",
      "enqueue:auth:wrong-token",
      "enqueue:auth:foreign-origin",
      "enqueue:auth:cross-site",
      "execute:cancel:needs-token",
      "project:trigger:needs-token",
    ],
  },
  "drops-jobs-in-a-crowd": {
    about: "loses acknowledged jobs when many submit at once",
    breaks: [
      "enqueue:recover:concurrent-one-key",
      "enqueue:concurrent:every-job-once",
      "enqueue:durable:survives-kill-under-load",
    ],
  },
  "fails-nothing": {
    about: "says yes to a failure and writes nothing",
    breaks: ["execute:fail:ends-job"],
  },
  "forgets-cancels": {
    about: "a cancel is in memory alone",
    breaks: [
      "execute:cancel:one-event",
      "execute:cancel:survives-kill",
      "project:rebuild:from-ledger-alone",
    ],
  },
  "forgets-its-end-when-killed": {
    about: "the last lines are gone after SIGKILL",
    breaks: [
      "enqueue:durable:survives-kill",
      "enqueue:durable:survives-kill-under-load",
      "enqueue:durable:full-disk",
      "enqueue:durable:append-after-torn-tail",
      "execute:cancel:survives-kill",
      "execute:durable:outcome-survives-kill",
    ],
  },
  "forgets-keys-when-restarted": {
    about: "idempotency keys are in memory alone",
    breaks: ["enqueue:recover:after-restart"],
  },
  "gives-held-jobs-away": {
    about: "a claim gets jobs that somebody holds",
    breaks: ["execute:claim:one-holder", "execute:claim:live-lease-not-taken"],
  },
  "gives-no-reasons": {
    about: "is not ready and does not say why",
    breaks: ["observe:ready:agrees-with-lag", "observe:ready:bad-line"],
  },
  "gives-no-work": {
    about: "has a claim route that never gives anything",
    breaks: ["execute:claim:gives-queued-job"],
  },
  "has-no-aliases": {
    about: "knows the versioned paths alone",
    breaks: [
      "observe:aliases:same-answer",
      "enqueue:aliases:same-answer",
      "execute:aliases:same-answer",
    ],
  },
  "has-no-release-route": {
    about: "holders cannot hand jobs back, which the contract does not ask for",
    breaks: [],
  },
  "has-no-worker-routes": {
    about: "no worker can come over HTTP, which the contract does not ask for",
    breaks: [],
  },
  "hides-artifacts-from-openclaw": {
    about: "OpenClaw shows no artifacts",
    breaks: ["project:openclaw:same-artifacts"],
  },
  "hides-broken-lines": {
    about: "broken lines are skipped in silence",
    breaks: ["observe:ready:bad-line", "project:openclaw:degraded", "project:trigger:not-ready"],
  },
  "hides-failures-from-openclaw": {
    about: "OpenClaw shows no failures",
    breaks: ["project:openclaw:same-failures"],
  },
  "hides-jobs-from-openclaw": {
    about: "OpenClaw leaves a job out",
    breaks: ["project:openclaw:same-jobs", "project:openclaw:degraded"],
  },
  "ignores-keys": {
    about: "the same idempotency key makes another job",
    breaks: [
      "enqueue:recover:by-key",
      "enqueue:recover:other-payload",
      "enqueue:recover:concurrent-one-key",
      "enqueue:recover:after-restart",
      "enqueue:recover:lost-answer",
      "project:trigger:recovers",
    ],
  },
  "is-ill-over-a-broken-ledger": {
    about: "health depends on the ledger",
    breaks: ["observe:health:broken-ledger", "observe:bodies:match-contract"],
  },
  "is-never-ready": {
    about: "refuses to be ready, for no reason of the contract",
    breaks: ["observe:ready:clean-ledger", "observe:ready:torn-tail"],
  },
  "knows-no-bearer": {
    about: "takes the token in its own header alone",
    breaks: ["enqueue:auth:bearer-token"],
  },
  "last-end-wins": {
    about: "a later end of a job undoes the first",
    breaks: ["execute:terminal:first-wins"],
  },
  "leaves-jobs-out-of-the-snapshot": {
    about: "the snapshot lacks a job that the list has",
    breaks: ["project:openclaw:snapshot-holds-lists", "project:openclaw:degraded"],
  },
  "lets-cancelled-jobs-complete": {
    about: "a holder may complete what was cancelled",
    breaks: ["execute:fence:cancelled-job", "execute:terminal:first-wins"],
  },
  "lets-cross-site-in": {
    about: "cross-site browser requests may mutate",
    breaks: [
      "enqueue:auth:cross-site",
      "execute:cancel:needs-token",
      "project:trigger:needs-token",
    ],
  },
  "lets-origins-in": {
    about: "ignores the Origin header",
    breaks: [
      "enqueue:auth:foreign-origin",
      "execute:cancel:needs-token",
      "project:trigger:needs-token",
    ],
  },
  "lists-events-backwards": {
    about: "the newest event comes first",
    breaks: ["observe:events:ledger-order", "observe:events:last-event-id"],
  },
  "lists-jobs-backwards": {
    about: "the newest job comes first",
    breaks: ["observe:status:every-job"],
  },
  "lists-runs-by-one-family": {
    about: "dream jobs are missing among the runs",
    breaks: ["project:openclaw:runs-and-wiki"],
  },
  "loses-failures": {
    about: "a failed job does not say what failed",
    breaks: [
      "observe:status:folds-the-ledger",
      "execute:fail:ends-job",
      "execute:expiry:cap",
      "project:openclaw:same-failures",
    ],
  },
  "mangles-payloads": {
    about: "keeps something else than was sent",
    breaks: ["enqueue:submit:payload-kept", "enqueue:recover:other-payload"],
  },
  "miscounts-events": { about: "event_count is made up", breaks: ["observe:events:lag-counts"] },
  "miscounts-resources": {
    about: "OpenClaw health counts one run too many",
    breaks: ["project:openclaw:counts"],
  },
  "misnumbers-broken-lines": {
    about: "every broken line is said to be the first",
    breaks: ["observe:events:corrupt-named"],
  },
  "mixes-up-buckets": {
    about: "dream jobs stand among the rpi runs",
    breaks: ["project:buckets:by-type"],
  },
  "names-an-older-source": {
    about: "OpenClaw health names another last event",
    breaks: ["project:openclaw:same-last-event"],
  },
  "names-no-allowed-method": {
    about: "405 without an Allow header",
    breaks: [
      "observe:methods:allow-names-method",
      "enqueue:methods:allow-names-method",
      "execute:methods:allow-names-method",
      "project:methods:allow-names-method",
    ],
  },
  "names-no-last-event": {
    about: "last_event_id is not the last event's",
    breaks: ["observe:events:last-event-id"],
  },
  "needs-no-token": {
    about: "accepts mutations without a token",
    breaks: [
      "enqueue:auth:missing-token",
      "execute:cancel:needs-token",
      "project:trigger:needs-token",
    ],
  },
  "never-writes-lapses": {
    about: "the end of a lease leaves no job.lease_expired",
    breaks: ["execute:expiry:recorded"],
  },
  "orders-by-time": {
    about: "sorts events by the time written in them",
    breaks: ["observe:status:event-order-decides"],
  },
  "projects-lapses-as-running": {
    about: "projections and queue disagree about a lapsed job",
    breaks: ["project:queue:same-statuses"],
  },
  "quarantines-while-reading": {
    about: "a read of a broken ledger writes to the quarantine",
    breaks: ["observe:reads:change-nothing"],
  },
  "refuses-and-does": {
    about: "answers 400 to a trigger and starts a job all the same",
    breaks: ["enqueue:refuse:leaves-nothing", "project:trigger:refused-leaves-nothing"],
  },
  "releases-nothing": {
    about: "says yes to a release and writes nothing",
    breaks: ["execute:release:queues-again"],
  },
  "renews-nothing": {
    about: "says yes to a heartbeat and writes nothing",
    breaks: ["execute:heartbeat:renews"],
  },
  "request-ids-are-keys": {
    about: "the same request id answers with the first job",
    breaks: ["enqueue:recover:request-id-is-no-key"],
  },
  "retries-for-ever": {
    about: "lapsed jobs never run out of attempts",
    breaks: ["execute:expiry:cap"],
  },
  "rewrites-history-on-reclaim": {
    about: "a reclaim drops the first claim from the events",
    breaks: ["execute:expiry:history-kept"],
  },
  "says-ready-over-broken-lines": {
    about: "counts the broken lines and is ready",
    breaks: ["observe:ready:agrees-with-lag", "observe:ready:bad-line"],
  },
  "sends-null-lists": {
    about: "null in place of every empty list",
    breaks: [
      "observe:lists:are-arrays",
      "enqueue:lists:are-arrays",
      "execute:lists:are-arrays",
      "project:lists:are-arrays",
    ],
  },
  "sends-plain-errors": {
    about: "errors are a word of plain text",
    breaks: [
      "observe:methods:wrong-method-405",
      "observe:bodies:match-contract",
      "enqueue:auth:missing-token",
      "enqueue:auth:wrong-token",
      "enqueue:auth:foreign-origin",
      "enqueue:auth:cross-site",
      "enqueue:methods:wrong-method-405",
      "enqueue:bodies:match-contract",
      "enqueue:refuse:invalid-json",
      "enqueue:refuse:unknown-type",
      "enqueue:refuse:blank-in-request-id",
      "execute:bodies:match-contract",
      "execute:methods:wrong-method-405",
      "execute:cancel:needs-token",
      "execute:cancel:unknown-job",
      "execute:cancel:invalid-json",
      "execute:fence:wrong-token",
      "execute:fence:wrong-epoch",
      "execute:fence:lapsed-lease",
      "execute:fence:reclaimed",
      "execute:fence:cancelled-job",
      "project:bodies:match-contract",
      "project:methods:wrong-method-405",
      "project:trigger:other-types",
      "project:trigger:invalid-json",
      "project:trigger:needs-token",
      "project:trigger:not-ready",
    ],
  },
  "shares-ids-in-a-crowd": {
    about: "gives one id to many submits that come at once",
    breaks: ["enqueue:concurrent:distinct-ids"],
  },
  "shows-no-lease": {
    about: "a claim's answer says attempt 0",
    breaks: ["execute:claim:running-with-lease", "execute:expiry:reclaim"],
  },
  "shows-openclaw-old-statuses": {
    about: "OpenClaw shows every job as queued",
    breaks: ["project:openclaw:same-statuses"],
  },
  "takes-any-token": {
    about: "any token will do",
    breaks: [
      "enqueue:auth:wrong-token",
      "execute:cancel:needs-token",
      "project:trigger:needs-token",
    ],
  },
  "takes-anything-for-json": {
    about: "guesses what an unreadable body meant",
    breaks: ["enqueue:refuse:invalid-json", "execute:cancel:invalid-json"],
  },
  "takes-blanks-in-request-ids": {
    about: "a request id may be two words",
    breaks: ["enqueue:refuse:blank-in-request-id"],
  },
  "takes-stale-holders": {
    about: "does not look at claim token and epoch",
    breaks: [
      "execute:fence:wrong-token",
      "execute:fence:wrong-epoch",
      "execute:fence:lapsed-lease",
      "execute:fence:reclaimed",
    ],
  },
  "takes-unknown-types": {
    about: "accepts job types that the contract does not know",
    breaks: [
      "observe:bodies:match-contract",
      "enqueue:refuse:unknown-type",
      "project:openclaw:same-jobs",
    ],
  },
  "triggers-every-type": {
    about: "the trigger has no allow-list",
    breaks: ["project:trigger:other-types"],
  },
  "triggers-when-not-ready": {
    about: "triggers over a broken ledger",
    breaks: ["project:trigger:not-ready"],
  },
  "writes-before-refusing": {
    about: "a refused holder's heartbeat is written all the same",
    breaks: ["execute:fence:writes-nothing"],
  },
  "writes-when-stopped": {
    about: "keeps lines in memory until it is stopped in good order",
    breaks: [
      "enqueue:ledger:line-before-answer",
      "enqueue:ledger:line-format",
      "enqueue:durable:survives-kill",
      "enqueue:durable:survives-kill-under-load",
      "enqueue:durable:full-disk",
      "enqueue:durable:append-after-torn-tail",
      "execute:cancel:survives-kill",
      "execute:durable:outcome-survives-kill",
    ],
  },
  "denies-and-does": {
    about: "answers 403 and does it all the same",
    breaks: [
      "enqueue:auth:denied-leaves-nothing",
      "execute:cancel:denied-changes-nothing",
      "project:trigger:refused-leaves-nothing",
    ],
  },
  "calls-cancels-repeats": {
    about: "says of every cancel that the job was cancelled already",
    breaks: [
      "execute:aliases:same-answer",
      "execute:cancel:queued",
      "execute:cancel:running",
      "execute:cancel:retry-waiting",
      "execute:cancel:already-completed",
      "execute:cancel:already-failed",
      "execute:cancel:survives-kill",
    ],
  },
  "lists-jobs-twice": {
    about: "status shows every job twice",
    breaks: [
      "observe:status:every-job",
      "enqueue:aliases:same-answer",
      "enqueue:submit:visible-at-once",
      "enqueue:concurrent:every-job-once",
      "enqueue:durable:survives-kill-under-load",
      "execute:terminal:first-wins",
      "project:openclaw:degraded",
      "project:trigger:describes-job",
    ],
  },
  "writes-claims-without-leases": {
    about: "the claim's event says nothing about the lease",
    breaks: ["execute:claim:recorded"],
  },
} as const satisfies Readonly<Record<string, FlawRow>>;

export type Flaw = keyof typeof FLAWS;
export type Flaws = ReadonlySet<Flaw>;
