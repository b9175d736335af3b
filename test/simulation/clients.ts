/** The simulated clients and workers: what they ask, what they remember, what they ask again. */
import type { HoldInput, SubmitInput } from "../../src/engine/engine.ts";
import type { JobEngine } from "../../src/engine/job-engine.ts";
import type { JobState } from "../../src/kernel/job/state.ts";
import type { Seeded } from "../support/seeded.ts";
import type { Facts } from "./facts.ts";

const TYPES = ["rpi.run", "dream.run", "wiki.build"] as const;
const HELD_MAX = 40;

type Held = Pick<HoldInput, "job_id" | "claim_token" | "lease_epoch" | "actor">;

export class Clients {
  readonly #random: Seeded;
  readonly #facts: Facts;
  readonly #held: Held[] = [];
  /** Submits that got no answer, to be sent again by whoever sent them. */
  readonly #unanswered: Set<SubmitInput> = new Set();
  #named = 0;

  constructor(random: Seeded, facts: Facts) {
    this.#random = random;
    this.#facts = facts;
  }

  /** Asks one random thing. `answered` gates what is learnt: a dead daemon answers nobody. */
  async act(engine: JobEngine, alive: () => boolean): Promise<void> {
    const roll = this.#random.int(100);
    if (roll < 35) return this.#submit(engine, alive, this.#newSubmit());
    if (roll < 45) return this.#submitAgain(engine, alive);
    if (roll < 50) return this.#submitMany(engine, alive);
    if (roll < 70) return this.#claim(engine, alive);
    if (roll < 94) return this.#hold(engine, alive);
    return this.#cancel(engine, alive);
  }

  #newSubmit(): SubmitInput {
    const random = this.#random;
    this.#named += random.int(2);
    return {
      job_type: random.pick(TYPES),
      actor: "client",
      ...(random.chance(0.5) ? { job_id: `job ${this.#named % 300}` } : {}),
      ...(random.chance(0.4) ? { idempotency_key: `key-${random.int(200)}` } : {}),
      ...(random.chance(0.7) ? { payload: { text: "x".repeat(random.int(400)) } } : {}),
    };
  }

  async #submit(engine: JobEngine, alive: () => boolean, input: SubmitInput): Promise<void> {
    this.#unanswered.add(input);
    const result = await engine.submit(input);
    if (!alive()) return;
    this.#unanswered.delete(input);
    if (!result.ok) throw new Error(`a submit was rejected: ${result.error.message}`);
    this.#facts.submitted(result.value.job, result.value.created, input.idempotency_key);
  }

  #submitAgain(engine: JobEngine, alive: () => boolean): Promise<void> {
    const named = [...this.#unanswered].filter(
      ({ job_id: id, idempotency_key: key }) => id !== undefined || key !== undefined,
    );
    const input = named.length === 0 ? this.#newSubmit() : this.#random.pick(named);
    return this.#submit(engine, alive, input);
  }

  async #submitMany(engine: JobEngine, alive: () => boolean): Promise<void> {
    const inputs = Array.from({ length: this.#random.between(1, 12) }, () => this.#newSubmit());
    const results = await engine.submitMany(inputs);
    if (!alive()) return;
    for (const [i, result] of results.entries()) {
      if (!result.ok) throw new Error(`a submit was rejected: ${result.error.message}`);
      this.#facts.submitted(result.value.job, result.value.created, inputs[i]?.idempotency_key);
    }
  }

  async #claim(engine: JobEngine, alive: () => boolean): Promise<void> {
    const random = this.#random;
    const jobs = await engine.claim({
      types: random.chance(0.5) ? TYPES : [random.pick(TYPES)],
      max: random.between(1, 5),
      waitMs: random.chance(0.5) ? 0 : random.int(5000),
      leaseMs: random.between(500, 20_000),
      actor: "worker",
    });
    if (!alive()) return;
    for (const job of jobs) {
      this.#facts.claimed(job);
      this.#held.push({
        job_id: job.job_id,
        claim_token: job.claim_token ?? "",
        lease_epoch: job.lease_epoch,
        actor: "worker",
      });
    }
    if (this.#held.length > HELD_MAX) this.#held.splice(0, this.#held.length - HELD_MAX);
  }

  async #hold(engine: JobEngine, alive: () => boolean): Promise<void> {
    if (this.#held.length === 0) return this.#claim(engine, alive);
    const random = this.#random;
    const held = random.pick(this.#held);
    const roll = random.int(10);
    if (roll < 1) return this.#completeMany(engine, alive);
    const result = await this.#oneHold(engine, held, roll);
    if (alive() && result.ok) this.#facts.told(result.value, `work on ${held.job_id}`);
  }

  #oneHold(engine: JobEngine, held: Held, roll: number): ReturnType<JobEngine["complete"]> {
    const random = this.#random;
    if (roll < 4) return engine.heartbeat({ ...held, leaseMs: random.between(500, 20_000) });
    if (roll < 7) return engine.complete(held);
    if (roll < 8) return engine.fail({ ...held, failure: { code: "lost", message: "gone" } });
    return engine.release({ ...held, refundAttempt: random.chance(0.5) });
  }

  async #completeMany(engine: JobEngine, alive: () => boolean): Promise<void> {
    const inputs = this.#held.splice(0, 5);
    const results = await engine.completeMany(inputs);
    if (!alive()) return;
    for (const result of results) if (result.ok) this.#facts.told(result.value, "completion");
  }

  async #cancel(engine: JobEngine, alive: () => boolean): Promise<void> {
    const known: readonly Pick<JobState, "job_id">[] = this.#held;
    const id = known.length === 0 ? "job 1" : this.#random.pick(known).job_id;
    const result = await engine.cancel({ job_id: id, actor: "client" });
    if (alive() && result.ok) this.#facts.told(result.value.job, `cancel of ${id}`);
  }
}
