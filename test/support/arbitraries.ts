/** Generators of what a ledger, a worker or a stranger may send. */
import fc from "fast-check";
import type { JobCommand } from "../../src/kernel/job/decide.ts";
import { EVENT_TYPES, type LedgerEvent, type NumberedEvent } from "../../src/kernel/job/events.ts";
import type { ArtifactRef } from "../../src/kernel/job/state.ts";
import { FAILURE_CODES, JOB_TYPES } from "../../src/kernel/job/types.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { toIso } from "../../src/lib/time.ts";
import { JOB, T0 } from "./given.ts";

/** Names that are ordinary data and dangerous property keys. */
const AWKWARD_NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty", "", " ", "a\nb"];

/** Ids that a careless store would cut, fold together or take for code. */
export const STRANGE_IDS: readonly string[] = [
  "line\nbreak",
  "carriage\r\nreturn",
  "quote \" and ' and `",
  "'; DROP TABLE jobs; --",
  "back\\slash/../../etc",
  "tab\tinside",
  "nul\u0000inside",
  "nul\u0000",
  "Ünïcödé 旅 🚢",
  "e\u0301",
  "\u00e9",
  "\u2028separator",
  "%s %n _",
  "__proto__",
  "constructor",
  "UPPER",
  "upper",
  "x".repeat(10_000),
  `${"x".repeat(9_999)}y`,
];

const awkwardName = fc.oneof(fc.constantFrom(...AWKWARD_NAMES), fc.string({ maxLength: 5 }));

/** Numbers at the edges of what can be counted. */
const number = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 1.5, 1e308, -1e308, 2 ** 31, 2 ** 53 - 1, 2 ** 53, 2 ** 63),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

const instant = fc.integer({ min: -120_000, max: 600_000 }).map((ms) => toIso(T0 + ms));

const artifactRef: fc.Arbitrary<ArtifactRef> = fc.record({
  path: fc.constantFrom("a/b", "c"),
  sha256: fc.constantFrom("a".repeat(64), "b".repeat(64)),
  size: fc.nat(),
  written_at: instant,
});

const failure = fc.record(
  { code: fc.constantFrom(...FAILURE_CODES), message: fc.string(), retryable: fc.boolean() },
  { requiredKeys: ["code"] },
);

/** Any value as it comes out of JSON text, where minus zero has become zero. */
function json(maxDepth: number): fc.Arbitrary<unknown> {
  return fc.jsonValue({ maxDepth }).map((value): unknown => JSON.parse(JSON.stringify(value)));
}

/** Anything at all where something particular is expected. */
function damaged(good: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 3, arbitrary: good }, number, json(2));
}

/** An object whose own keys may be any text, `__proto__` included, as `JSON.parse` makes them. */
function named(value: fc.Arbitrary<unknown>): fc.Arbitrary<JsonObject> {
  return fc
    .array(fc.tuple(awkwardName, value), { maxLength: 4 })
    .map((entries) => Object.fromEntries(entries));
}

const count = fc.nat({ max: 5 });

/** A payload that has some of the contract's fields, right or wrong, and some of its own. */
const payload: fc.Arbitrary<JsonObject> = fc
  .tuple(
    named(json(1)),
    fc.record(
      {
        job_type: damaged(fc.constantFrom(...JOB_TYPES)),
        job_payload: damaged(named(json(1))),
        max_attempts: damaged(count),
        projection_targets: damaged(fc.array(fc.string(), { maxLength: 2 })),
        idempotency_key: damaged(fc.constantFrom("k1", "k2")),
        claim_token: damaged(fc.constantFrom("token-1", "token-2")),
        lease_epoch: damaged(count),
        lease_expires_at: damaged(instant),
        attempt: damaged(count),
        artifacts: damaged(named(damaged(fc.string()))),
        artifact_refs: damaged(named(damaged(artifactRef))),
        failure: damaged(failure),
        failure_code: damaged(fc.constantFrom(...FAILURE_CODES)),
        message: damaged(fc.string()),
        retryable: damaged(fc.boolean()),
      },
      { requiredKeys: [] },
    ),
  )
  .map(([own, known]) => JSON.parse(JSON.stringify({ ...known, ...own })) as JsonObject);

const eventType = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<string>(...EVENT_TYPES) },
  fc.constantFrom("factory.started", "__proto__", "toString", "job.paused", "x"),
);

/** Events of one job as any writer may have left them, at rising positions. */
export function foreignHistory(maxLength: number = 12): fc.Arbitrary<readonly NumberedEvent[]> {
  const one = fc.record({
    event_type: eventType,
    request_id: fc.constantFrom("req-1", "req-2", "__proto__"),
    occurred_at: instant,
    payload: fc.option(payload, { nil: undefined, freq: 6 }),
  });
  return fc.array(one, { maxLength }).map((parts) =>
    parts.map(({ payload: carried, ...part }, index): NumberedEvent => {
      const position = index + 1;
      const event: LedgerEvent = {
        schema_version: 1,
        event_id: `evt_${position}`,
        job_id: JOB,
        actor: "stranger",
        ...part,
        ...(carried === undefined ? {} : { payload: carried }),
      };
      return { position, event };
    }),
  );
}

const fence = {
  claim_token: fc.constantFrom("token-1", "token-2"),
  lease_epoch: count,
};
const products = fc.record(
  {
    artifacts: fc.dictionary(awkwardName, fc.string(), { maxKeys: 2 }),
    artifact_refs: fc.dictionary(awkwardName, artifactRef, { maxKeys: 2 }),
  },
  { requiredKeys: [] },
);
const common = {
  job_id: fc.constant(JOB),
  actor: fc.constant("worker"),
  now: fc.integer({ min: -60_000, max: 900_000 }).map((ms) => T0 + ms),
};
const leaseMs = fc.constantFrom(1_000, 60_000, 3_600_000);

/** Any well-formed command about the job, from holders and from others. */
export const anyCommand: fc.Arbitrary<JobCommand> = fc.oneof(
  fc.record(
    {
      kind: fc.constant("submit" as const),
      ...common,
      job_type: fc.constantFrom<string>(...JOB_TYPES, "custom", "__proto__"),
      request_id: fc.constantFrom("req-1", "req-2"),
      max_attempts: fc.integer({ min: 1, max: 4 }),
      idempotency_key: fc.constantFrom("k1", "k2"),
      payload: named(json(1)),
    },
    { requiredKeys: ["kind", "job_id", "actor", "now", "job_type", "request_id", "max_attempts"] },
  ),
  fc.record({
    kind: fc.constant("claim" as const),
    ...common,
    claim_token: fc.constantFrom("token-1", "token-2"),
    lease_ms: leaseMs,
  }),
  merged({ kind: fc.constant("heartbeat" as const), ...common, ...fence, lease_ms: leaseMs }),
  merged({ kind: fc.constant("complete" as const), ...common, ...fence }),
  merged({ kind: fc.constant("fail" as const), ...common, ...fence, failure }),
  merged({
    kind: fc.constant("release" as const),
    ...common,
    ...fence,
    refund_attempt: fc.boolean(),
  }),
  fc.record(
    {
      kind: fc.constant("cancel" as const),
      ...common,
      request_id: fc.constantFrom("req-1", "req-3"),
      reason: fc.string(),
    },
    { requiredKeys: ["kind", "job_id", "actor", "now"] },
  ),
  fc.record({ kind: fc.constant("expire" as const), ...common }),
);

/** A held command with what the worker has made so far. */
function merged<T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.tuple(fc.record(model), products).map(([command, made]) => ({ ...command, ...made }));
}
