import type { Client } from "./client.ts";
import type { Completions } from "./completions.ts";
import { isStaleHold, KeelsonError } from "./error.ts";
import type { ArtifactRef } from "./generated/types.ts";
import {
  type Artifacts,
  failureOf,
  type Handler,
  type HandlerContext,
  type HandlerResult,
} from "./handler.ts";
import type { Failure, Hold, Job } from "./types.ts";

/** How a held job ended, seen from this worker. `lost`: it was no longer ours to end. */
export type Outcome = "completed" | "failed" | "released" | "lost";

export interface HeldJobPlan {
  readonly client: Client;
  readonly handler: Handler;
  readonly completions: Completions;
  readonly leaseMs: number;
  /** When the claim was asked for (`performance.now()`): the lease cannot end before this + lease. */
  readonly claimedAt: number;
  readonly onError: (error: unknown, job: Job) => void;
}

type Ending =
  | { readonly kind: "returned"; readonly result: HandlerResult | undefined }
  | { readonly kind: "threw"; readonly error: unknown }
  | { readonly kind: "abandoned" };

const LOG_CHARS_MAX = 1024 * 1024;
const HEARTBEATS_PER_LEASE = 3;

/** One claimed job in the hands of a handler: heartbeats while it runs, then exactly one outcome. */
export class HeldJob {
  readonly job: Job;
  /** Resolves once the outcome is known to the daemon; never rejects. */
  readonly done: Promise<Outcome>;
  readonly #plan: HeldJobPlan;
  readonly #hold: Hold;
  readonly #controller = new AbortController();
  #state: "running" | "stopping" | "lost" | "ended" = "running";
  #refs: Readonly<Record<string, ArtifactRef>> = {};
  #log = "";
  #leaseUntil: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(job: Job, plan: HeldJobPlan) {
    this.job = job;
    this.#plan = plan;
    this.#hold = {
      job_id: job.job_id,
      claim_token: job.claim_token ?? "",
      lease_epoch: job.lease_epoch ?? 0,
    };
    this.#leaseUntil = plan.claimedAt + plan.leaseMs;
    this.done = this.#run();
  }

  get epoch(): number {
    return this.#hold.lease_epoch;
  }

  /** Somebody took the job away: abort the handler and write nothing more. */
  lose(why: KeelsonError): void {
    if (this.#state === "lost" || this.#state === "ended") return;
    this.#state = "lost";
    clearTimeout(this.#timer);
    this.#controller.abort(why);
  }

  /** The worker stops: abort the handler; what it throws now hands the job back. */
  stop(): void {
    if (this.#state !== "running") return;
    this.#state = "stopping";
    this.#controller.abort(new Error("the worker is stopping"));
  }

  /** Hands the job back over the head of a handler that does not end. */
  async abandon(): Promise<void> {
    await this.#finish({ kind: "abandoned" });
  }

  async #run(): Promise<Outcome> {
    this.#schedule();
    try {
      const result = await this.#plan.handler(this.job, this.#context());
      return await this.#finish({ kind: "returned", result: result ?? undefined });
    } catch (error) {
      return await this.#finish({ kind: "threw", error });
    }
  }

  #context(): HandlerContext {
    return {
      signal: this.#controller.signal,
      heartbeat: (artifacts) => this.#beat(artifacts),
      artifact: (name, body) => this.#put(name, body),
      log: (line) => {
        if (this.#log.length < LOG_CHARS_MAX) this.#log += `${line}\n`;
      },
    };
  }

  async #finish(how: Ending): Promise<Outcome> {
    if (this.#state === "lost" || this.#state === "ended") return "lost";
    const stopping = this.#state === "stopping";
    this.#state = "ended";
    clearTimeout(this.#timer);
    try {
      if (this.#log !== "") await this.#put("log", this.#log).catch(this.#report);
      if (how.kind === "returned") return await this.#complete(how.result);
      if (how.kind === "abandoned" || stopping) return await this.#release(true);
      return await this.#fail(failureOf(how.error));
    } catch (error) {
      this.#report(error);
      return "lost";
    }
  }

  async #complete(result: HandlerResult | undefined): Promise<Outcome> {
    const answer = await this.#plan.completions.add(this.#named(result?.artifacts));
    if (answer.ok) return "completed";
    throw new KeelsonError(answer.error, { status: 409, code: answer.code });
  }

  async #release(refund: boolean, failure?: Failure): Promise<Outcome> {
    await this.#plan.client.release({ ...this.#named(), refund_attempt: refund, failure });
    return "released";
  }

  async #fail(failure: Failure): Promise<Outcome> {
    if (failure.retryable === true) return this.#release(false, failure);
    try {
      await this.#plan.client.fail({ ...this.#named(), failure });
    } catch (error) {
      if (!isStaleHold(error) || !(await this.#failedByUs())) throw error;
    }
    return "failed";
  }

  /** A failure whose answer was lost is refused when it is repeated: the job has ended. By us? */
  async #failedByUs(): Promise<boolean> {
    const now = await this.#plan.client.job(this.#hold.job_id);
    return now.status === "failed" && now.claim_token === this.#hold.claim_token;
  }

  async #put(name: string, body: Uint8Array<ArrayBuffer> | string): Promise<ArtifactRef> {
    const ref = await this.#plan.client.putArtifact(this.#hold, name, body);
    this.#refs = { ...this.#refs, [name]: ref };
    return ref;
  }

  #named(artifacts?: Artifacts): Hold {
    return {
      ...this.#hold,
      ...(artifacts === undefined ? {} : { artifacts }),
      ...(Object.keys(this.#refs).length === 0 ? {} : { artifact_refs: this.#refs }),
    };
  }

  async #beat(artifacts?: Artifacts): Promise<void> {
    const asked = performance.now();
    const { client, leaseMs } = this.#plan;
    try {
      await client.heartbeat({ ...this.#named(artifacts), lease_ms: leaseMs });
      this.#leaseUntil = Math.max(this.#leaseUntil, asked + leaseMs);
    } catch (error) {
      if (error instanceof KeelsonError && isStaleHold(error)) this.lose(error);
      throw error;
    }
  }

  #schedule(): void {
    const { leaseMs } = this.#plan;
    const wait = Math.min(leaseMs / HEARTBEATS_PER_LEASE, this.#leaseUntil - performance.now());
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, wait));
  }

  #tick(): void {
    if (performance.now() >= this.#leaseUntil) {
      // Nothing got through for a whole lease: whatever the daemon thinks, the job is not ours.
      this.lose(
        new KeelsonError("the lease lapsed unrenewed", { status: 0, code: "lease_expired" }),
      );
      return;
    }
    // The beat may hang on a dead connection; the next look at the clock does not wait for it.
    this.#schedule();
    this.#beat().catch((error: unknown) => {
      if (!isStaleHold(error)) this.#report(error);
    });
  }

  readonly #report = (error: unknown): void => {
    this.#plan.onError(error, this.job);
  };
}
