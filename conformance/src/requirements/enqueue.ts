import type { RequirementRows } from "./row.ts";

/** Level 2, Enqueue: an acknowledged job is durable, once, and only the owner's to submit. */
export const ENQUEUE = {
  "enqueue:auth:missing-token": [
    "OpenAPI Forbidden, check 3",
    "A submit without a token answers 403.",
  ],
  "enqueue:auth:wrong-token": ["OpenAPI Forbidden, check 3", "A wrong token answers 403."],
  "enqueue:auth:header-token": [
    "OpenAPI DaemonMutationToken, check 3",
    "A submit with the token in X-AgentOps-Daemon-Token is accepted with 202.",
  ],
  "enqueue:auth:bearer-token": [
    "OpenAPI BearerAuth, check 3",
    "A submit with the token as bearer is accepted with 202.",
  ],
  "enqueue:auth:foreign-origin": [
    "check 3",
    "A submit that comes from a web page of another origin answers 403, token or not.",
  ],
  "enqueue:auth:cross-site": ["check 3", "A cross-site browser request answers 403, token or not."],
  "enqueue:auth:denied-leaves-nothing": ["check 3", "A denied submit leaves no event and no job."],
  "enqueue:methods:wrong-method-405": [
    "OpenAPI MethodNotAllowed",
    "The submit route asked with another method answers 405 with an error body.",
  ],
  "enqueue:methods:allow-names-method": [
    "OpenAPI MethodNotAllowed, header Allow",
    "That 405 carries an Allow header that names POST and not the refused method.",
  ],
  "enqueue:aliases:same-answer": ["OpenAPI x-agentops-aliases", "POST /jobs submits too."],
  "enqueue:bodies:match-contract": [
    "OpenAPI SubmitJobResponse, ErrorResponse",
    "Every answer to a submit has the contract's shape.",
  ],
  "enqueue:lists:are-arrays": [
    "OpenAPI SubmitJobResponse",
    "Lists in answers to a submit are arrays, never null.",
  ],
  "enqueue:submit:describes-job": [
    "OpenAPI SubmitJobResponse",
    "The 202 repeats the given job id, request id and key, and says `queued` for a new job.",
  ],
  "enqueue:submit:ids-made": [
    "OpenAPI SubmitJobRequest",
    "A submit without ids gets a job id and a request id of its own.",
  ],
  "enqueue:submit:visible-at-once": [
    "OpenAPI /v1/jobs",
    "Right after the 202 the job is in status, and its `job.accepted` once in the events.",
  ],
  "enqueue:submit:payload-kept": [
    "OpenAPI SubmitJobRequest.payload",
    "The payload is kept value for value: shown with the job or in its accepted event.",
  ],
  "enqueue:refuse:invalid-json": [
    "OpenAPI InvalidJSON",
    "A body that is no JSON answers 400 `invalid json`; JSON of another kind answers 400.",
  ],
  "enqueue:refuse:unknown-type": [
    "OpenAPI JobType",
    "A job type outside the contract, or none at all, is refused with an error.",
  ],
  "enqueue:refuse:blank-in-request-id": [
    "OpenAPI SubmitJobRequest.request_id",
    "A request id with white space in it is refused with an error.",
  ],
  "enqueue:refuse:oversized": [
    "OpenAPI /v1/jobs",
    "A two-megabyte body is refused cleanly, or accepted and kept whole; never something between.",
  ],
  "enqueue:refuse:leaves-nothing": ["OpenAPI /v1/jobs", "A refused submit leaves no event."],
  "enqueue:recover:by-job-id": [
    "OpenAPI /v1/jobs, check 4",
    "The same job id again answers 202 with the first job and its first request id.",
  ],
  "enqueue:recover:by-key": [
    "OpenAPI /v1/jobs, check 4",
    "The same idempotency key without an id answers 202 with the first job.",
  ],
  "enqueue:recover:other-payload": [
    "OpenAPI /v1/jobs, check 4",
    "The same key with another payload still answers with the first job, unchanged.",
  ],
  "enqueue:recover:one-event": [
    "OpenAPI /v1/jobs, check 4",
    "However often a submit is repeated, the ledger holds one `job.accepted` for it.",
  ],
  "enqueue:recover:concurrent-one-key": [
    "check 4",
    "Fifty simultaneous submits with one new key are one job.",
  ],
  "enqueue:recover:request-id-is-no-key": [
    "check 4",
    "The same request id on two submits without key or job id makes two jobs.",
  ],
  "enqueue:recover:after-restart": [
    "check 4",
    "A key is still known after the daemon was killed and started again.",
  ],
  "enqueue:recover:lost-answer": [
    "check 4",
    "A submit whose answer was lost with the daemon is sent again with its key, and is one job.",
  ],
  "enqueue:concurrent:distinct-ids": [
    "OpenAPI /v1/jobs",
    "Two hundred simultaneous submits without ids are acknowledged as two hundred distinct jobs.",
  ],
  "enqueue:concurrent:every-job-once": [
    "the durability promise",
    "Each of those acknowledged jobs is in the events and in status, exactly once.",
  ],
  "enqueue:ledger:line-before-answer": [
    "OpenAPI /v1/jobs, check 3",
    "When the 202 arrives, the job's line is already in `.agents/daemon/ledger.jsonl`.",
  ],
  "enqueue:ledger:line-format": [
    "OpenAPI LedgerEvent",
    "Lines the daemon writes are single JSON objects of the contract's event shape.",
  ],
  "enqueue:durable:survives-kill": [
    "the durability promise, check 3",
    "A job acknowledged a moment before SIGKILL is there after the restart.",
  ],
  "enqueue:durable:survives-kill-under-load": [
    "the durability promise",
    "With sixteen submitters at work when SIGKILL comes, every acknowledged job is there exactly " +
      "once after the restart.",
  ],
  "enqueue:durable:full-disk": [
    "the durability promise, check 3",
    "When its files cannot grow, a submit is refused and not acknowledged; nothing acknowledged is " +
      "lost, and submits are accepted again once there is room.",
  ],
  "enqueue:durable:append-after-torn-tail": [
    "the durability promise",
    "A job acknowledged over a ledger with a torn last line is there after the next restart.",
  ],
} as const satisfies RequirementRows;
