import type { RequirementRows } from "./row.ts";

/** Level 1, Observe: what anybody may read, and that reading is honest and harmless. */
export const OBSERVE = {
  "observe:health:answers": [
    "OpenAPI /v1/health, check 1",
    "Health answers 200 with status `ok`, daemon `agentopsd`, `read_only` true and the time now.",
  ],
  "observe:health:broken-ledger": [
    "check 1",
    "Health answers just the same when the ledger holds lines that cannot be read.",
  ],
  "observe:aliases:same-answer": [
    "OpenAPI x-agentops-aliases",
    "The reads answer under their unversioned alias too, with a body of the same shape.",
  ],
  "observe:methods:wrong-method-405": [
    "OpenAPI MethodNotAllowed",
    "A read asked for with another method answers 405 with an error body.",
  ],
  "observe:methods:allow-names-method": [
    "OpenAPI MethodNotAllowed, header Allow",
    "That 405 carries an Allow header that names GET and not the refused method.",
  ],
  "observe:reads:need-no-token": ["OpenAPI security", "No read asks for a token."],
  "observe:answers:json-content-type": [
    "OpenAPI content",
    "Reads answer with the media type application/json.",
  ],
  "observe:bodies:match-contract": [
    "OpenAPI components.schemas",
    "Every body of health, ready, status and events has the contract's shape.",
  ],
  "observe:lists:are-arrays": [
    "OpenAPI QueueSnapshot, EventsResponse, ProjectionSet",
    "Every list the contract requires is an array, empty when there is nothing in it, never null.",
  ],
  "observe:ready:agrees-with-lag": [
    "OpenAPI ReadyResponse, check 2",
    "Readiness, replay status, projection status and the corrupt count tell one story.",
  ],
  "observe:ready:clean-ledger": [
    "check 2",
    "Over a clean ledger the daemon is ready, replay is `complete` and projections are `current`.",
  ],
  "observe:ready:bad-line": [
    "check 2",
    "Broken lines in the ledger make the daemon say: not ready, `corrupt`, `degraded`, how many " +
      "corrupt records, and why.",
  ],
  "observe:ready:torn-tail": [
    "check 2",
    "A torn last line either degrades readiness or is mended on start, and costs no whole line.",
  ],
  "observe:reads:change-nothing": [
    "check 2, OpenAPI /v1/events",
    "Reading leaves every byte of the ledger and the quarantine as they were.",
  ],
  "observe:status:every-job": [
    "OpenAPI /v1/status, check 5",
    "Status lists each job of the ledger once, in the order of acceptance.",
  ],
  "observe:status:folds-the-ledger": [
    "check 5",
    "Each job's status, failure and artifacts in status are those its events lead to.",
  ],
  "observe:status:event-order-decides": [
    "check 5",
    "The order of lines decides what a job has become, not the times written in them.",
  ],
  "observe:status:same-after-restart": [
    "check 5",
    "Status lists the same jobs in the same states after a restart.",
  ],
  "observe:events:ledger-order": [
    "OpenAPI /v1/events, check 9",
    "Events lists every valid line of the ledger, in the order of the lines.",
  ],
  "observe:events:corrupt-named": [
    "OpenAPI CorruptRecord, check 9",
    "Events names each corrupt line by its number and says what is wrong with it.",
  ],
  "observe:events:last-event-id": [
    "OpenAPI EventsResponse, check 9",
    "`last_event_id` is the id of the last valid line.",
  ],
  "observe:events:duplicate-id-once": [
    "check 9",
    "A second line with an event id that was there before is not a second event.",
  ],
  "observe:events:lag-counts": [
    "OpenAPI ProjectionLag",
    "`event_count` of the lag is the number of events that are listed.",
  ],
} as const satisfies RequirementRows;
