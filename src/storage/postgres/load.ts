/** What a batch needs to be decided: the statements that ask for it, and the reading of the answers. */
import type { JobState } from "../../kernel/job/state.ts";
import type { Loaded, LoadRequest } from "../store.ts";
import type { Answer, Statement } from "./connection.ts";
import type { Head } from "./head.ts";
import { claimableJobs, jobOf, jobsById, jobsByKey, lapsedJobs, spentJobs } from "./rows.ts";

/** Most jobs one sweep takes; the next one follows at once. */
const LAPSED_MAX = 1000;

/** A statement, and what is done with its answer. */
interface Question {
  readonly statement: Statement;
  readonly take: (answer: Answer) => void;
}

export class Load {
  readonly #questions: Question[] = [];
  readonly #jobs: Map<string, JobState> = new Map();
  readonly #keys: Map<string, string> = new Map();
  readonly #claimable: (readonly JobState[])[] = [];
  readonly #lapsed: JobState[] = [];

  constructor({ jobIds, idempotencyKeys, claims, lapsedAt }: LoadRequest) {
    if (jobIds.length > 0) {
      this.#ask(jobsById("jobs", jobIds), (jobs) => {
        for (const job of jobs) this.#jobs.set(job.job_id, job);
      });
    }
    if (idempotencyKeys.length > 0) this.#askForKeys(idempotencyKeys);
    for (const { types, limit } of claims) {
      this.#ask(claimableJobs(types, limit), (jobs) => void this.#claimable.push(jobs));
    }
    if (lapsedAt !== undefined) {
      this.#ask(lapsedJobs(lapsedAt, LAPSED_MAX), (jobs) => void this.#lapsed.push(...jobs));
      this.#ask(spentJobs(LAPSED_MAX), (jobs) => void this.#lapsed.push(...jobs));
    }
  }

  get statements(): readonly Statement[] {
    return this.#questions.map(({ statement }) => statement);
  }

  /** Takes the answers, one for each statement. */
  taken(head: Head, answers: readonly Answer[]): Loaded {
    for (const [index, answer] of answers.entries()) this.#questions[index]?.take(answer);
    return {
      head: head.head,
      lastNumber: head.lastNumber,
      jobs: this.#jobs,
      keys: this.#keys,
      claimable: this.#claimable,
      lapsed: this.#lapsed,
    };
  }

  #ask(statement: Statement, take: (jobs: readonly JobState[]) => void): void {
    this.#questions.push({ statement, take: ({ rows }) => take(rows.map(jobOf)) });
  }

  #askForKeys(keys: readonly string[]): void {
    const take = ({ rows }: Answer): void => {
      for (const row of rows) {
        const job = jobOf(row);
        // The key as it was asked for: the column may hold it in another spelling.
        this.#keys.set(keys[Number(row["ord"]) - 1] ?? "", job.job_id);
        this.#jobs.set(job.job_id, job);
      }
    };
    this.#questions.push({ statement: jobsByKey(keys), take });
  }
}
