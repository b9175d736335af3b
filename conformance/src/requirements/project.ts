import type { RequirementRows } from "./row.ts";

/** Level 4, Project: read models that follow the ledger, and what consumers may start. */
export const PROJECT = {
  "project:bodies:match-contract": [
    "OpenAPI OpenClaw schemas",
    "Every OpenClaw body has the contract's shape.",
  ],
  "project:lists:are-arrays": [
    "OpenAPI OpenClawConsumerSnapshot",
    "Every list in an OpenClaw answer is an array, never null.",
  ],
  "project:answers:json-content-type": [
    "OpenAPI content",
    "OpenClaw reads answer with the media type application/json.",
  ],
  "project:reads:need-no-token": ["OpenAPI security", "No OpenClaw read asks for a token."],
  "project:methods:wrong-method-405": [
    "OpenAPI MethodNotAllowed",
    "An OpenClaw route asked with another method answers 405 with an error body.",
  ],
  "project:methods:allow-names-method": [
    "OpenAPI MethodNotAllowed, header Allow",
    "That 405 carries an Allow header that names the route's method and not the refused one.",
  ],
  "project:queue:same-statuses": [
    "OpenAPI StatusResponse, check 10",
    "The queue and the job projections list the same jobs in the same states.",
  ],
  "project:buckets:by-type": [
    "OpenAPI ProjectionSet",
    "rpi, dream and wiki jobs are listed under their own heading and under no other.",
  ],
  "project:openclaw:same-jobs": [
    "OpenAPI /openclaw/v1/jobs, check 10",
    "OpenClaw lists exactly the jobs of the projections, each once.",
  ],
  "project:openclaw:same-statuses": [
    "check 10",
    "OpenClaw shows each job in the state the projections give it.",
  ],
  "project:openclaw:same-failures": [
    "check 10",
    "OpenClaw shows the failures of the projections, code and message.",
  ],
  "project:openclaw:same-artifacts": [
    "check 10",
    "OpenClaw shows the artifacts of the projections.",
  ],
  "project:openclaw:runs-and-wiki": [
    "OpenAPI /openclaw/v1/runs, /openclaw/v1/wiki, check 10",
    "Runs are the rpi and dream jobs, wiki the wiki jobs; each kind matches its list.",
  ],
  "project:openclaw:same-last-event": [
    "OpenAPI OpenClawSnapshotSource, check 10",
    "The snapshot's source names the same last event as the projections.",
  ],
  "project:openclaw:counts": [
    "OpenAPI OpenClawHealthResponse, check 10",
    "The counts in OpenClaw health are the lengths of its lists.",
  ],
  "project:openclaw:snapshot-holds-lists": [
    "OpenAPI /openclaw/v1/snapshot/latest, check 10",
    "The latest snapshot holds the same resources as the three lists.",
  ],
  "project:openclaw:degraded": [
    "OpenAPI OpenClawHealthResponse",
    "Over a corrupt ledger OpenClaw health is not ready and its snapshot `degraded`.",
  ],
  "project:rebuild:from-ledger-alone": [
    "check 10, level 4",
    "With nothing left but the ledger files, a daemon serves the same projections.",
  ],
  "project:trigger:allowed-types": [
    "OpenAPI /openclaw/v1/triggers/jobs, check 11",
    "The trigger takes openclaw.snapshot, rpi.run, dream.run and wiki.forge.",
  ],
  "project:trigger:other-types": [
    "OpenAPI /openclaw/v1/triggers/jobs, check 11",
    "The trigger answers 400 to rpi.phase, dream.stage, wiki.build and unknown types.",
  ],
  "project:trigger:refused-leaves-nothing": [
    "check 11",
    "A refused trigger leaves no event and no job.",
  ],
  "project:trigger:describes-job": [
    "OpenAPI OpenClawTriggerJobResponse",
    "The trigger's 202 repeats ids, type and key; the job is in the queue.",
  ],
  "project:trigger:recovers": [
    "OpenAPI /openclaw/v1/triggers/jobs",
    "The same key triggers the same job.",
  ],
  "project:trigger:invalid-json": [
    "OpenAPI /openclaw/v1/triggers/jobs",
    "A trigger whose body is not JSON answers 400.",
  ],
  "project:trigger:needs-token": [
    "OpenAPI Forbidden, check 11",
    "A trigger without a token, with a wrong one or from a foreign origin answers 403.",
  ],
  "project:trigger:not-ready": [
    "OpenAPI OpenClawDaemonNotReady, check 11",
    "A daemon that is not ready answers 503 `daemon is not ready` with its lag, and starts nothing.",
  ],
} as const satisfies RequirementRows;
