/** Which job types have workers at which process, so that each can say what nobody runs. */
import type { Peers } from "../store.ts";
import type { Statement } from "./connection.ts";
import type { Pool } from "./pool.ts";

/** Told anew this often, although nothing has changed. */
const TELL_MS = 15_000;
/** A process that says nothing for so long has gone. */
const GONE_SECONDS = 45;

export class PostgresPeers implements Peers {
  readonly #node: string;
  readonly #pool: Pool;
  #types: () => readonly string[] = () => [];
  #told: string | undefined;
  #toldAt = 0;

  constructor(node: string, pool: Pool) {
    this.#node = node;
    this.#pool = pool;
  }

  tell(types: () => readonly string[]): void {
    this.#types = types;
  }

  /** What the next poll must say; nothing when the others know it. */
  telling(now: number): readonly Statement[] {
    const types = JSON.stringify([...this.#types()].sort());
    if (types === this.#told && now - this.#toldAt < TELL_MS) return [];
    this.#told = types;
    this.#toldAt = now;
    return [
      {
        text: `INSERT INTO nodes (node, job_types, seen_at) VALUES ($1::uuid, $2::text, now())
          ON CONFLICT (node) DO UPDATE SET job_types = excluded.job_types, seen_at = now()`,
        values: [this.#node, types],
      },
      { text: "DELETE FROM nodes WHERE seen_at < now() - interval '1 hour'" },
    ];
  }

  /** What was said last may not have arrived: it is said again. */
  forget(): void {
    this.#told = undefined;
  }

  leaving(): Statement {
    return { text: "DELETE FROM nodes WHERE node = $1::uuid", values: [this.#node] };
  }

  async served(): Promise<readonly string[]> {
    const rows = await this.#pool.rows({
      text: `SELECT job_types FROM nodes WHERE node <> $1::uuid
        AND seen_at > now() - interval '${GONE_SECONDS} seconds'`,
      values: [this.#node],
    });
    return rows.flatMap((row) => JSON.parse(String(row["job_types"])) as string[]);
  }
}
