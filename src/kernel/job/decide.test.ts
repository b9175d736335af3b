import { describe, expect, it } from "vitest";
import {
  accepted,
  beat,
  cancel,
  cancelled,
  claim,
  claimed,
  complete,
  completed,
  event,
  exhausted,
  expire,
  fail,
  failed,
  fence,
  given,
  heartbeat,
  LEASE_MS,
  lapsed,
  release,
  released,
  submit,
  T0,
} from "../../../test/support/given.ts";
import { toIso } from "../../lib/time.ts";
import { decide } from "./decide.ts";
import { JOB_TYPES, PROJECTION_TARGETS } from "./types.ts";

const REF = {
  path: ".agents/daemon/blobs/sha256/aa/aa/a",
  sha256: "a".repeat(64),
  size: 3,
  written_at: "2026-01-01T00:00:00Z",
};
const RUNNING = [accepted(), claimed(1)];
const LAST_ATTEMPT = [
  accepted(),
  claimed(1),
  lapsed(1, LEASE_MS),
  claimed(2, LEASE_MS),
  lapsed(2, 2 * LEASE_MS),
  claimed(3, 2 * LEASE_MS),
];
const LAST_LEASE_END = 3 * LEASE_MS;

describe("submit", () => {
  it("accepts a job that nobody has seen, with the attempts it may have", () => {
    const job = given([]).when(submit()).then([accepted()]);
    expect(job).toMatchObject({ status: "queued", attempt: 0, max_attempts: 3, seq: 1 });
  });

  it("records payload, idempotency key and cap as they were sent", () => {
    const sent = { payload: { goal: "x" }, idempotency_key: "k", max_attempts: 7 };
    const job = given([])
      .when(submit(sent))
      .then([accepted({ idempotency_key: "k", job_payload: { goal: "x" }, max_attempts: 7 })]);
    expect(job).toMatchObject({ payload: { goal: "x" }, idempotency_key: "k", max_attempts: 7 });
  });

  it.each(JOB_TYPES)("names the projections of a %s", (jobType) => {
    const targets = { job_type: jobType, projection_targets: PROJECTION_TARGETS[jobType] };
    given([])
      .when(submit({ job_type: jobType }))
      .then([accepted(targets)]);
  });

  it.each(["custom.type", "__proto__", "toString"])("has no projections for %s", (jobType) => {
    const targets = { job_type: jobType, projection_targets: [] };
    given([])
      .when(submit({ job_type: jobType }))
      .then([accepted(targets)]);
  });

  it("writes nothing for a known job, even when everything else differs", () => {
    const other = submit({ job_type: "rpi.run", request_id: "req-2", payload: { a: 1 } });
    given([accepted()]).when(other).then("nothing");
    given(RUNNING).when(other).then("nothing");
    given([accepted(), cancelled()]).when(other).then("nothing");
  });
});

describe("claim", () => {
  it("opens epoch 1 and attempt 1 with a lease from now", () => {
    const job = given([accepted()])
      .when(claim(1, 500))
      .then([claimed(1, 500)]);
    expect(job).toMatchObject({
      status: "running",
      attempt: 1,
      lease_expires_at: toIso(T0 + 500 + LEASE_MS),
    });
  });

  it("is refused one millisecond before the holder's lease lapses", () => {
    given(RUNNING)
      .when(claim(2, LEASE_MS - 1))
      .then("claim_mismatch");
  });

  it("records the lapse and takes the job in one commit at the instant the lease ends", () => {
    given(RUNNING)
      .when(claim(2, LEASE_MS))
      .then([lapsed(1, LEASE_MS), claimed(2, LEASE_MS)]);
  });

  it("fails a job whose last lease lapsed instead of taking it", () => {
    const job = given(LAST_ATTEMPT)
      .when(claim(4, LAST_LEASE_END))
      .then([lapsed(3, LAST_LEASE_END), exhausted(LAST_LEASE_END)]);
    expect(job).toMatchObject({ status: "failed", failure: { code: "retry_exhausted" } });
  });

  it("fails a job that waits without attempts, as a foreign ledger may leave it", () => {
    given([...LAST_ATTEMPT, lapsed(3, LAST_LEASE_END)])
      .when(claim(4, LAST_LEASE_END))
      .then([exhausted(LAST_LEASE_END)]);
  });

  it("takes a handed-back job on the same attempt, under a new epoch", () => {
    const job = given([...RUNNING, released(1, 0)])
      .when(claim(2))
      .then([claimed(2, 0, { attempt: 1 })]);
    expect(job).toMatchObject({ attempt: 1, lease_epoch: 2 });
  });

  it("forgets the failure of the attempt before", () => {
    const failure = { code: "lost", message: "exit 1" };
    const job = given([...RUNNING, released(1, 1, { failure })])
      .when(claim(2))
      .then([claimed(2)]);
    expect(job).not.toHaveProperty("failure");
  });

  it("takes a running job whose expiry cannot be read", () => {
    given([accepted(), claimed(1, 0, { lease_expires_at: "soon" })])
      .when(claim(2, 1))
      .then([lapsed(1, 1), claimed(2, 1)]);
  });

  it("never takes a running job that has no expiry", () => {
    const eternal = event("job.claimed", { attempt: 1, ...fence(1) });
    given([accepted(), eternal])
      .when(claim(2, 10 ** 9))
      .then("claim_mismatch");
  });

  it("says which status a terminal job has", () => {
    const decision = decide(given([accepted()]).when(cancel()).then([cancelled()]), claim(1));
    expect(decision).toMatchObject({ ok: false, error: { details: { status: "cancelled" } } });
  });
});

describe("heartbeat", () => {
  it("moves the end of the lease and adds what the worker has made", () => {
    const job = given(RUNNING)
      .when(beat(1, 10_000, { artifacts: { log: "a.txt" }, artifact_refs: { out: REF } }))
      .then([heartbeat(1, 10_000, { artifacts: { log: "a.txt" }, artifact_refs: { out: REF } })]);
    expect(job).toMatchObject({
      status: "running",
      attempt: 1,
      lease_expires_at: toIso(T0 + 10_000 + LEASE_MS),
      artifacts: { log: "a.txt", out: REF.path },
      artifact_refs: { out: REF },
    });
  });

  it("keeps a lease alive past its first end", () => {
    const kept = [...RUNNING, heartbeat(1, LEASE_MS - 1)];
    given(kept)
      .when(complete(1, LEASE_MS))
      .then([at(completed(1), LEASE_MS)]);
  });

  it("cannot revive a lapsed lease", () => {
    given(RUNNING).when(beat(1, LEASE_MS)).then("lease_expired");
  });
});

describe("complete", () => {
  it("ends the job as succeeded and keeps the holder on the row", () => {
    const job = given(RUNNING)
      .when(complete(1))
      .then([completed(1)]);
    expect(job).toMatchObject({ status: "completed", result_status: "succeeded", ...fence(1) });
  });

  it("says yes again to the holder whose answer was lost, however late", () => {
    given([...RUNNING, completed(1)])
      .when(complete(1, 10 ** 9))
      .then("nothing");
  });

  it("says no to anybody else after the end", () => {
    given([...RUNNING, completed(1)])
      .when(complete(2))
      .then("job_terminal");
  });
});

describe("fail", () => {
  it("ends the job for ever, also when the worker calls it retryable", () => {
    const failure = { code: "lost", message: "exit 137", retryable: true };
    const job = given(RUNNING)
      .when(fail(1, 0, { failure }))
      .then([failed(1, { failure })]);
    expect(job).toMatchObject({ status: "failed", result_status: "failed", failure });
  });

  it("is not repeatable: a second failure meets a terminal job", () => {
    given([...RUNNING, failed(1)])
      .when(fail(1))
      .then("job_terminal");
  });
});

describe("release", () => {
  it("gives the attempt back when work never really began", () => {
    const job = given(RUNNING)
      .when(release(1))
      .then([released(1, 0)]);
    expect(job).toMatchObject({ status: "retry_waiting", attempt: 0 });
    expect(job).not.toHaveProperty("claim_token");
  });

  it("keeps the attempt used and the reason told when a worker died", () => {
    const failure = { code: "lost", message: "exit 1" };
    const job = given(RUNNING)
      .when(release(1, 0, { refund_attempt: false, failure }))
      .then([released(1, 1, { failure })]);
    expect(job).toMatchObject({ status: "retry_waiting", attempt: 1, failure });
  });

  it("fails the job with the last reason when no attempt is left", () => {
    const failure = { code: "lost", message: "exit 1" };
    const late = 2 * LEASE_MS;
    const job = given(LAST_ATTEMPT)
      .when(release(3, late, { refund_attempt: false, failure }))
      .then([at(released(3, 3, { failure }), late), exhausted(late, "; the last attempt: exit 1")]);
    expect(job).toMatchObject({ status: "failed", failure: { code: "retry_exhausted" } });
  });

  it("gives the last attempt back like any other", () => {
    const late = 2 * LEASE_MS;
    given(LAST_ATTEMPT)
      .when(release(3, late))
      .then([at(released(3, 2), late)]);
  });

  it("never counts below zero", () => {
    given([accepted(), claimed(1, 0, { attempt: 0 })])
      .when(release(1))
      .then([released(1, 0)]);
  });
});

describe("cancel", () => {
  it("ends a waiting and a running job alike", () => {
    given([accepted()]).when(cancel()).then([cancelled()]);
    given(RUNNING).when(cancel()).then([cancelled()]);
    given([...RUNNING, lapsed(1, LEASE_MS)])
      .when(cancel())
      .then([cancelled()]);
  });

  it("trims the reason and replaces a blank one", () => {
    given([accepted()])
      .when(cancel({ reason: " too slow " }))
      .then([cancelled("too slow")]);
    given([accepted()])
      .when(cancel({ reason: " \n" }))
      .then([cancelled()]);
  });

  it("is written under the canceller's request", () => {
    const job = given([accepted()])
      .when(cancel({ request_id: "req-2" }))
      .then([{ ...cancelled(), request_id: "req-2" }]);
    expect(job?.request_ids).toEqual(["req-1", "req-2"]);
  });

  it("leaves a job that has ended as it is", () => {
    given([...RUNNING, completed(1)])
      .when(cancel())
      .then("nothing");
  });
});

describe("expire", () => {
  it("records a lapsed lease once", () => {
    given(RUNNING)
      .when(expire(LEASE_MS))
      .then([lapsed(1, LEASE_MS)]);
    given([...RUNNING, lapsed(1, LEASE_MS)])
      .when(expire(2 * LEASE_MS))
      .then("nothing");
  });

  it("leaves a live lease alone, also when the clock went backwards", () => {
    given(RUNNING)
      .when(expire(LEASE_MS - 1))
      .then("nothing");
    given(RUNNING).when(expire(-LEASE_MS)).then("nothing");
  });

  it("ends the job in the same commit when that was the last attempt", () => {
    given(LAST_ATTEMPT)
      .when(expire(LAST_LEASE_END))
      .then([lapsed(3, LAST_LEASE_END), exhausted(LAST_LEASE_END)]);
  });

  it("ends a spent job that somebody else's ledger left waiting, with the reason it had", () => {
    const failure = { code: "lost", message: "exit 9" };
    const spent = [...LAST_ATTEMPT, released(3, 3, { failure })];
    given(spent)
      .when(expire(0))
      .then([exhausted(0, "; the last attempt: exit 9")]);
  });
});

describe("an absent job", () => {
  it("is told from a terminal one by its code", () => {
    given([]).when(cancel()).then("job_not_found");
    given([]).when(expire(0)).then("job_not_found");
  });
});

function at<T extends { occurred_at: string }>(draft: T, ms: number): T {
  return { ...draft, occurred_at: toIso(T0 + ms) };
}
