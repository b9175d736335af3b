import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JOB, T0 } from "../../../test/support/given.ts";
import { holds } from "../../../test/support/property.ts";
import { decide, type Fence, type JobCommand } from "./decide.ts";
import { type NumberedEvent, numberEvent } from "./events.ts";
import { isLapsed } from "./lease.ts";
import { fold, type JobState } from "./state.ts";
import { isTerminal } from "./types.ts";

const WORKERS = 3;
const LEASE_MS = 60_000;
const MAX_ATTEMPTS = 4;

/** One thing that happens: a worker acts, or the clock moves, backwards too. */
interface Step {
  readonly act: "claim" | "heartbeat" | "complete" | "fail" | "release" | "expire" | "clock";
  readonly worker: number;
  readonly refund: boolean;
  readonly clockMs: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom(
    ...(["claim", "heartbeat", "complete", "fail", "release", "expire", "clock", "clock"] as const),
  ),
  worker: fc.nat({ max: WORKERS - 1 }),
  refund: fc.boolean(),
  clockMs: fc.oneof(
    fc.constantFrom(1, LEASE_MS - 1, LEASE_MS, LEASE_MS + 1, -LEASE_MS),
    fc.integer({ min: -10_000, max: 2 * LEASE_MS }),
  ),
});
/** Endings are rare, or most races would be over before they begin. */
const steps: fc.Arbitrary<readonly Step[]> = fc
  .array(step, { minLength: 5, maxLength: 60 })
  .map((all) => all.filter(({ act }, i) => (act !== "complete" && act !== "fail") || i % 3 === 0));

/** A race of several workers, each remembering the last claim it was given, stale or not. */
class Race {
  now = T0;
  state: JobState | undefined;
  readonly written: NumberedEvent[] = [];
  readonly claims: (Fence | undefined)[] = Array.from({ length: WORKERS });

  constructor() {
    this.send({
      kind: "submit",
      ...this.common(),
      job_type: "rpi.run",
      request_id: "r",
      max_attempts: MAX_ATTEMPTS,
    });
  }

  common(): { job_id: string; actor: string; now: number } {
    return { job_id: JOB, actor: "racer", now: this.now };
  }

  /** Runs a command; gives how many events it wrote. */
  send(command: JobCommand): number {
    const decision = decide(this.state, command);
    if (!decision.ok) return 0;
    for (const draft of decision.value) {
      const numbered = numberEvent(draft, this.written.length + 1);
      this.written.push(numbered);
      this.state = fold(this.state, numbered);
    }
    return decision.value.length;
  }

  /** True when the worker's last claim is the current one and its lease is live. */
  isHolder(worker: number): boolean {
    const { state } = this;
    const fence = this.claims[worker];
    if (state === undefined || fence === undefined || state.status !== "running") return false;
    return state.claim_token === fence.claim_token && !isLapsed(state, this.now);
  }

  play({ act, worker, refund, clockMs }: Step): void {
    if (act === "clock") {
      this.now += clockMs;
      return;
    }
    if (act === "expire") {
      this.send({ kind: act, ...this.common() });
      return;
    }
    if (act === "claim") this.#claim(worker);
    else this.#work(act, worker, refund);
  }

  #claim(worker: number): void {
    const isHeld = this.state?.status === "running" && !isLapsed(this.state, this.now);
    const token = `token-${worker}-${this.written.length}`;
    const count = this.send({
      kind: "claim",
      ...this.common(),
      claim_token: token,
      lease_ms: LEASE_MS,
    });
    if (isHeld) expect(count).toBe(0);
    if (this.state?.claim_token !== token) return;
    this.claims[worker] = { claim_token: token, lease_epoch: this.state.lease_epoch };
  }

  #work(act: "heartbeat" | "complete" | "fail" | "release", worker: number, refund: boolean): void {
    const fence = this.claims[worker];
    if (fence === undefined) return;
    const isHolder = this.isHolder(worker);
    const before = this.state;
    const count = this.send({
      kind: act,
      ...this.common(),
      ...fence,
      lease_ms: LEASE_MS,
      failure: { code: "lost" },
      refund_attempt: refund,
    });
    if (isHolder) expect(count).toBeGreaterThan(0);
    else expect(this.state).toBe(before);
  }
}

function race(check: (race: Race, step: Step) => void, runs: number): void {
  holds(
    fc.property(steps, (all) => {
      const running = new Race();
      for (const one of all) {
        running.play(one);
        check(running, one);
      }
    }),
    { runs },
  );
}

describe("workers racing for a job under leases", () => {
  it("have at most one holder at a time, and each epoch one token for ever", () => {
    race((running) => {
      const holders = running.claims.filter((_, worker) => running.isHolder(worker));
      expect(holders.length).toBeLessThanOrEqual(1);
      const tokens = new Map<unknown, unknown>();
      for (const { event } of running.written) {
        if (event.event_type !== "job.claimed") continue;
        const { lease_epoch: epoch, claim_token: token } = event.payload ?? {};
        expect(tokens.has(epoch)).toBe(false);
        tokens.set(epoch, token);
      }
    }, 150);
  });

  it("write nothing unless they hold the job, and are always heard when they do", () => {
    race(() => undefined, 400); // The race itself compares at every act of a worker.
  });

  it("never use more attempts than the job has", () => {
    race(({ state }) => expect(state?.attempt).toBeLessThanOrEqual(MAX_ATTEMPTS), 200);
  });

  it("leave every fact under the epoch whose holder wrote it", () => {
    race(({ written }) => {
      let epoch = 0;
      for (const { event } of written) {
        const said = event.payload?.["lease_epoch"];
        if (event.event_type === "job.claimed") epoch += 1;
        if (said !== undefined) expect(said).toBe(epoch);
      }
    }, 100);
  });

  it("always come to an end once somebody sweeps and nobody hands back", () => {
    holds(
      fc.property(steps, (all) => {
        const running = new Race();
        for (const one of all) running.play({ ...one, refund: false });
        for (let i = 0; i <= MAX_ATTEMPTS && !isOver(running); i += 1) {
          running.now += 10 * LEASE_MS;
          running.play({ act: "claim", worker: 0, refund: false, clockMs: 0 });
        }
        expect(running.state?.status).toSatisfy(isTerminal);
      }),
      { runs: 200 },
    );
  });
});

function isOver({ state }: Race): boolean {
  return state !== undefined && isTerminal(state.status);
}
