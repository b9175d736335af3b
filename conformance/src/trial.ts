/** One scenario at work: its requests, its assertions, and what they found. */
import { findInBody } from "./contract/body.ts";
import { BODY_REQUIREMENT, expectedShape, LIST_REQUIREMENT } from "./contract/routes.ts";
import { at, text } from "./json.ts";
import type { RequirementId } from "./requirements.ts";
import type { Daemon } from "./target/daemon.ts";
import { type Ask, type Endpoint, type Exchange, exchange } from "./target/http.ts";
import type { Workshop } from "./workshop.ts";

/** What went wrong, where it can be looked up, and the exchange that shows it. */
export interface Finding {
  readonly requirement: RequirementId;
  readonly message: string;
  readonly exchange?: Exchange;
  readonly seen?: unknown;
}

export interface Tally {
  assertions: number;
  failures: number;
}

/** Thrown when nothing further can be checked; what it was about is already written down. */
export class Stop extends Error {}

/** Thrown when the target gives a scenario nothing to work with. */
export class NotAttempted extends Error {}

/** Thrown when the daemon left a request without an answer: each further one would cost as long. */
export class Silent extends Error {}

export class Trial {
  requests = 0;
  /** Assertions the scenario made itself, shape checks not counted. */
  ownAssertions = 0;
  readonly tallies = new Map<RequirementId, Tally>();
  readonly findings: Finding[] = [];
  readonly skipped = new Map<RequirementId, string>();
  /** Jobs the scenario left at the target, so that they can be cancelled at the end. */
  readonly submittedToTarget: string[] = [];
  readonly #bench: Workshop;
  readonly #cites: ReadonlySet<RequirementId>;

  constructor(bench: Workshop, cites: ReadonlySet<RequirementId>) {
    this.#bench = bench;
    this.#cites = cites;
  }

  /** The daemon at the URL; scenarios that start their own pass its endpoint to `ask`. */
  get target(): Endpoint {
    return this.#bench.endpoint;
  }

  async get(path: string, endpoint: Endpoint = this.target): Promise<Exchange> {
    return this.#observe(await exchange(endpoint, "GET", path));
  }

  async post(path: string, ask: Ask, endpoint: Endpoint = this.target): Promise<Exchange> {
    const answer = this.#observe(await exchange(endpoint, "POST", path, ask));
    if (answer.status === 202 && endpoint === this.target && at(answer.json, "accepted") === true) {
      this.submittedToTarget.push(text(answer.json, "job_id"));
    }
    return answer;
  }

  async ask(method: string, path: string, ask: Ask = {}): Promise<Exchange> {
    return this.#observe(await exchange(this.target, method, path, ask));
  }

  /** A daemon of this scenario's own; only scenarios that need `start` may ask for it. */
  launch(ledger: string | Uint8Array = ""): Promise<Daemon> {
    if (this.#bench.launch === undefined) throw new NotAttempted("no start command was given");
    return this.#bench.launch(ledger);
  }

  async needWorkerRoutes(): Promise<void> {
    if (await this.#bench.workerRoutes()) return;
    throw new NotAttempted("the daemon has no routes for workers (POST /v1/jobs/claim)");
  }

  /** A job id, request id or key nobody has used before. */
  fresh(name: string): string {
    return this.#bench.fresh(name);
  }

  /** Asserts, notes the failure, and goes on. Answers whether it held. */
  holds(
    requirement: RequirementId,
    ok: boolean,
    message: string,
    evidence?: Exchange | { readonly seen: unknown },
  ): boolean {
    if (!this.#cites.has(requirement)) {
      throw new Error(`the scenario does not cite ${requirement}`);
    }
    this.ownAssertions += 1;
    this.#count(requirement, ok, { message, ...evidenceOf(evidence) });
    return ok;
  }

  /** As `holds`, and ends the scenario when it does not: the rest would build on sand. */
  must(requirement: RequirementId, ok: boolean, message: string, evidence?: Exchange): void {
    if (!this.holds(requirement, ok, message, evidence)) throw new Stop(message);
  }

  /** Says why a cited requirement could not be exercised here. */
  skip(requirement: RequirementId, reason: string): void {
    this.skipped.set(requirement, reason);
  }

  /** Every answer of a contract route is held against its shape, whatever the scenario is about. */
  #observe(seen: Exchange): Exchange {
    this.requests += 1;
    if (seen.silent) throw new Silent(`${seen.method} ${seen.path}: ${seen.text}`);
    const path = seen.path.split("?")[0] ?? "";
    const expected = expectedShape(seen.method, path, seen.status);
    if (expected === undefined) return seen;
    const { nullLists, other } = findInBody(expected.shape, seen.json);
    const lists = nullLists.length === 0;
    // Errors of the right shape say nothing about the answers that a level is there for.
    if (seen.status >= 400 && lists && other.length === 0) return seen;
    this.#count(LIST_REQUIREMENT[expected.level], lists, {
      message: nullLists.join("; "),
      exchange: seen,
    });
    this.#count(BODY_REQUIREMENT[expected.level], other.length === 0, {
      message: `not a ${expected.shape}: ${other.join("; ")}`,
      exchange: seen,
    });
    return seen;
  }

  #count(requirement: RequirementId, ok: boolean, finding: Omit<Finding, "requirement">): void {
    const tally = this.tallies.get(requirement) ?? { assertions: 0, failures: 0 };
    tally.assertions += 1;
    if (!ok) {
      tally.failures += 1;
      this.findings.push({ requirement, ...finding });
    }
    this.tallies.set(requirement, tally);
  }
}

function evidenceOf(
  evidence: Exchange | { readonly seen: unknown } | undefined,
): Pick<Finding, "exchange" | "seen"> {
  if (evidence === undefined) return {};
  return "seen" in evidence ? { seen: evidence.seen } : { exchange: evidence };
}
