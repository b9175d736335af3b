import type { RequirementRows } from "./row.ts";

/** Level 3, Execute: leases, fences, expiry, cancel. */
export const EXECUTE = {
  "execute:bodies:match-contract": [
    "OpenAPI CancelJobResponse, QueueJobState",
    "Every answer to a cancel or about a held job has the contract's shape.",
  ],
  "execute:lists:are-arrays": ["OpenAPI QueueJobState", "Lists in those answers are arrays."],
  "execute:methods:wrong-method-405": [
    "OpenAPI MethodNotAllowed",
    "The cancel route asked with another method answers 405 with an error body.",
  ],
  "execute:methods:allow-names-method": [
    "OpenAPI MethodNotAllowed, header Allow",
    "That 405 carries an Allow header that names POST and not the refused method.",
  ],
  "execute:aliases:same-answer": ["OpenAPI x-agentops-aliases", "POST /jobs/cancel cancels too."],
  "execute:cancel:needs-token": [
    "OpenAPI Forbidden",
    "A cancel without a token, with a wrong one or from a foreign origin answers 403.",
  ],
  "execute:cancel:denied-changes-nothing": [
    "OpenAPI Forbidden",
    "A denied cancel leaves the job as it was.",
  ],
  "execute:cancel:queued": [
    "OpenAPI /v1/jobs/cancel, check 8",
    "Cancelling a queued job answers 202 `cancelled` with the job in that state.",
  ],
  "execute:cancel:running": ["check 8", "Cancelling a running job answers 202 `cancelled`."],
  "execute:cancel:retry-waiting": [
    "check 8",
    "Cancelling a job whose lease has lapsed answers 202 `cancelled`.",
  ],
  "execute:cancel:one-event": ["check 8", "A cancel writes one `job.cancelled`, repeats none."],
  "execute:cancel:already-cancelled": [
    "OpenAPI CancelJobOutcome, check 8",
    "Cancelling again answers 202 `already_terminal_cancelled`.",
  ],
  "execute:cancel:already-completed": [
    "OpenAPI CancelJobOutcome, check 8",
    "Cancelling a completed job answers 202 `already_terminal_completed`, not cancelled.",
  ],
  "execute:cancel:already-failed": [
    "OpenAPI CancelJobOutcome, check 8",
    "Cancelling a failed job answers 202 `already_terminal_failed`, not cancelled.",
  ],
  "execute:cancel:terminal-unchanged": [
    "OpenAPI /v1/jobs/cancel, check 8",
    "Cancelling a job that has ended appends nothing and changes nothing.",
  ],
  "execute:cancel:unknown-job": [
    "OpenAPI CancelJobRequest",
    "Cancelling a job nobody knows, or naming none, is refused with an error.",
  ],
  "execute:cancel:invalid-json": [
    "OpenAPI InvalidJSON",
    "A cancel whose body is not JSON answers 400 `invalid json`.",
  ],
  "execute:cancel:survives-kill": [
    "the durability promise",
    "A cancel acknowledged a moment before SIGKILL still stands after the restart.",
  ],
  "execute:claim:gives-queued-job": [
    "level 3, check 6",
    "A claim for a type of which a job is queued gets that job.",
  ],
  "execute:claim:running-with-lease": [
    "check 6",
    "A claimed job shows `running`, a token, an epoch of one or more, attempt 1 and an expiry ahead.",
  ],
  "execute:claim:recorded": [
    "OpenAPI EventType, check 6",
    "A claim is one `job.claimed` event with token, epoch, expiry and attempt.",
  ],
  "execute:claim:one-holder": [
    "check 6",
    "However many claim at once, each job has one holder and one claim per epoch.",
  ],
  "execute:claim:live-lease-not-taken": [
    "check 6",
    "A job under a live lease is given to nobody else.",
  ],
  "execute:heartbeat:renews": [
    "level 3",
    "The holder's heartbeat is accepted, recorded, and never shortens the lease.",
  ],
  "execute:complete:ends-job": [
    "level 3",
    "The holder's completion makes the job `completed` and shows its artifacts.",
  ],
  "execute:fail:ends-job": [
    "level 3, OpenAPI JobFailure",
    "The holder's failure makes the job `failed` and shows its code.",
  ],
  "execute:release:queues-again": [
    "level 3",
    "A job its holder hands back can be claimed again under a new epoch, its attempt not used up.",
    "optional",
  ],
  "execute:fence:wrong-token": [
    "check 7",
    "Heartbeat, completion, failure and release with another token are refused.",
  ],
  "execute:fence:wrong-epoch": [
    "check 7",
    "Heartbeat, completion, failure and release with another epoch are refused.",
  ],
  "execute:fence:lapsed-lease": [
    "check 7",
    "A holder whose lease has lapsed can neither renew nor complete.",
  ],
  "execute:fence:reclaimed": [
    "check 7",
    "After somebody else claimed the job, the earlier holder is refused and the new one is not " +
      "disturbed.",
  ],
  "execute:fence:writes-nothing": ["check 7", "A refused holder's call appends no event."],
  "execute:fence:cancelled-job": [
    "check 8",
    "A holder whose job was cancelled cannot complete it any more.",
  ],
  "execute:expiry:shown": [
    "check 7",
    "A job whose lease has lapsed shows `retry_waiting` while it has attempts left.",
  ],
  "execute:expiry:recorded": [
    "OpenAPI EventType job.lease_expired, level 3",
    "Between the claim that lapsed and the next one the ledger holds one `job.lease_expired`, with " +
      "the epoch of the lease that is over.",
  ],
  "execute:expiry:reclaim": [
    "check 7",
    "It is claimed again with the next epoch, the next attempt and another token.",
  ],
  "execute:expiry:history-kept": [
    "check 7, level 3",
    "After a reclaim every earlier event of the job is still listed.",
  ],
  "execute:expiry:cap": [
    "check 7",
    "A lapsed job without attempts left is exhausted or has failed with `retry_exhausted`, and " +
      "is given to nobody.",
  ],
  "execute:terminal:first-wins": [
    "check 8",
    "The first terminal event of a job decides; nothing after it changes its status.",
  ],
  "execute:durable:outcome-survives-kill": [
    "the durability promise",
    "A completion acknowledged a moment before SIGKILL still stands after the restart.",
    "optional",
  ],
} as const satisfies RequirementRows;
