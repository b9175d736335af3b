/**
 * What the simulated clients were told, and the checks that hold a freshly booted daemon against
 * it: an acknowledged fact is still there, exactly once, whatever happened in between.
 */
import type { StoredEvent } from "../../src/engine/engine.ts";
import type { JobEngine } from "../../src/engine/job-engine.ts";
import type { JobState } from "../../src/kernel/job/state.ts";
import { isTerminal } from "../../src/kernel/job/types.ts";
import type { EmbeddedStore } from "../../src/storage/embedded/store.ts";
import type { Seeded } from "../support/seeded.ts";
import { checkLedgerLaws, PromiseBroken } from "./ledger-laws.ts";

interface Ended {
  readonly status: string;
  readonly position: number;
}

export class Facts {
  /** Event id that an answer rested on, to the answer that did. */
  readonly #acknowledged: Map<string, string> = new Map();
  readonly #terminal: Map<string, Ended> = new Map();
  readonly #holders: Map<string, string> = new Map();
  readonly #keys: Map<string, string> = new Map();
  /** Every event a live reader was shown, by position. */
  readonly #shown: string[] = [];
  readonly #created: Set<string> = new Set();

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  get shown(): number {
    return this.#shown.length;
  }

  /** Any answer that carries a job: the event it was folded from must be durable. */
  told(job: JobState, what: string): void {
    this.#acknowledged.set(job.last_event_id, what);
    const ended = this.#terminal.get(job.job_id);
    // Answers of one commit may reach their clients in any order; the event says which came first.
    if (ended !== undefined && ended.position < positionOf(job) && ended.status !== job.status) {
      throw new PromiseBroken(
        `${job.job_id} was ${ended.status} and is now told to be ${job.status}`,
      );
    }
    if (!isTerminal(job.status)) return;
    this.#terminal.set(job.job_id, { status: job.status, position: positionOf(job) });
  }

  submitted(job: JobState, created: boolean, key: string | undefined): void {
    if (created && this.#created.has(job.job_id))
      throw new PromiseBroken(`${job.job_id} was made twice`);
    if (created) this.#created.add(job.job_id);
    if (key !== undefined && job.idempotency_key === key) {
      const first = this.#keys.get(key) ?? job.job_id;
      if (first !== job.job_id)
        throw new PromiseBroken(`key ${key} gave ${first} and ${job.job_id}`);
      this.#keys.set(key, first);
    }
    this.told(job, `submit of ${job.job_id}`);
  }

  claimed(job: JobState): void {
    const name = `${job.job_id} epoch ${job.lease_epoch}`;
    const holder = this.#holders.get(name);
    if (holder !== undefined) throw new PromiseBroken(`${name} has two holders`);
    this.#holders.set(name, job.claim_token ?? "");
    this.told(job, `claim of ${name}`);
  }

  /** A live reader that stood at `position` was shown these events. */
  tailed(position: number, events: readonly StoredEvent[]): number {
    let at = position;
    for (const { position: found, json } of events) {
      at += 1;
      if (found !== at) throw new PromiseBroken(`a tail was shown ${found} after ${at - 1}`);
      const before = this.#shown[at - 1];
      if (before !== undefined && before !== json) {
        throw new PromiseBroken(`event ${at} was shown twice and differs:\n${before}\n${json}`);
      }
      if (at > this.#shown.length + 1) throw new PromiseBroken(`a tail skipped to ${at}`);
      this.#shown[at - 1] = json;
    }
    return at;
  }

  /** Holds a daemon that has just booted against everything that was told before. */
  async check({
    engine,
    store,
    random,
    brokenMax,
  }: {
    readonly engine: JobEngine;
    readonly store: EmbeddedStore;
    readonly random: Seeded;
    /** Broken lines that somebody else put into the ledger. */
    readonly brokenMax: number;
  }): Promise<void> {
    const lines = await readAll(engine, random.between(1, 40));
    const laws = checkLedgerLaws(lines);
    const ids = new Set(laws.eventIds);
    for (const [id, what] of this.#acknowledged) {
      if (!ids.has(id)) throw new PromiseBroken(`lost: ${what}, acknowledged with ${id}`);
    }
    for (const [index, json] of this.#shown.entries()) {
      if (lines[index] !== json) {
        throw new PromiseBroken(
          `event ${index + 1} was shown to a reader and is now ${lines[index]}`,
        );
      }
    }
    for (const [id, { status }] of this.#terminal) {
      const found = (await engine.job(id))?.status;
      if (found !== status) throw new PromiseBroken(`${id} was ${status} and is now ${found}`);
    }
    const broken = engine.corrupt();
    if (broken.length > brokenMax) {
      throw new PromiseBroken(`a crash made broken lines: ${JSON.stringify(broken)}`);
    }
    await this.#checkReads(engine, laws.accepted, lines.length);
    for (const [id, terminal] of laws.ended) {
      const job = await engine.job(id);
      if (job === undefined || !isTerminal(job.status) || job.last_event_id !== terminal) {
        throw new PromiseBroken(
          `${id} ended with ${terminal}, but reads as ${JSON.stringify(job)}`,
        );
      }
    }
    const position = random.between(1, Math.max(1, lines.length));
    const id = laws.eventIds[position - 1];
    if (id !== undefined && (await engine.positionOf(id)) !== position) {
      throw new PromiseBroken(`${id} is not found at ${position}`);
    }
    const verification = await store.verify();
    if (!verification.ok) {
      throw new PromiseBroken(`projections differ: ${verification.differences.join("; ")}`);
    }
  }

  async #checkReads(
    engine: JobEngine,
    accepted: ReadonlyMap<string, number>,
    events: number,
  ): Promise<void> {
    const jobs = await engine.jobs({ limit: 1_000_000 });
    if (jobs.length !== accepted.size) {
      throw new PromiseBroken(`${accepted.size} jobs were accepted, ${jobs.length} are listed`);
    }
    const counted = Object.values(await engine.counts())
      .flatMap((statuses) => Object.values(statuses))
      .reduce((sum, count) => sum + count, 0);
    if (counted !== jobs.length) throw new PromiseBroken(`${jobs.length} jobs, ${counted} counted`);
    const { lag } = engine.health();
    if (lag.event_count !== events)
      throw new PromiseBroken(`${events} events, ${lag.event_count} counted`);
  }
}

function positionOf(job: JobState): number {
  return Number(job.last_event_id.slice(job.last_event_id.lastIndexOf("_") + 1));
}

async function readAll(engine: JobEngine, page: number): Promise<readonly string[]> {
  const lines: string[] = [];
  for (;;) {
    const events = await engine.events({ afterPosition: lines.length, limit: page });
    for (const { position, json } of events) {
      if (position !== lines.length + 1) {
        throw new PromiseBroken(`position ${position} follows ${lines.length}`);
      }
      lines.push(json);
    }
    if (events.length < page) return lines;
  }
}
