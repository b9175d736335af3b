/**
 * The PostgreSQL store: several processes, one ledger. Every turn is a transaction of the one writing
 * connection (`writer.ts`); reads go to a small pool, whole views to another, so that a slow reader
 * of one of them keeps nobody else waiting; one more connection hears of what others append.
 */
import { randomUUID } from "node:crypto";
import type { JobState } from "../../kernel/job/state.ts";
import type { Clock } from "../../lib/clock.ts";
import type { EpochMs } from "../../lib/time.ts";
import type {
  MaintainedStore,
  Opening,
  Progress,
  RebuildReport,
  RepairedLine,
  Verification,
} from "../maintenance.ts";
import type {
  BrokenLine,
  LedgerCounts,
  LoadRequest,
  StoredJobQuery,
  StoredLine,
  StoreSnapshot,
  Turn,
  TypeStatusCount,
} from "../store.ts";
import { addressOf } from "./address.ts";
import { PostgresBlobs } from "./blobs.ts";
import { DatabaseClock } from "./clock.ts";
import { Dialer } from "./dialer.ts";
import { countsOf, EMPTY_HEAD, type Head, headOf, readHead } from "./head.ts";
import { lineOf, linesAfter, placeOf, placesOf } from "./lines.ts";
import { Listener } from "./listener.ts";
import { MIGRATION_BOUNDS, migrate } from "./migrations.ts";
import { PARTITION_EVENTS } from "./partitions.ts";
import { PostgresPeers } from "./peers.ts";
import { Pool } from "./pool.ts";
import { rebuild } from "./rebuild.ts";
import { jobOf, jobsById, nextExpiry, pageOfJobs, seenJobs } from "./rows.ts";
import { openSnapshot } from "./snapshot.ts";
import { readTally, tallyOf } from "./tally.ts";
import { verify } from "./verify.ts";
import { Writer } from "./writer.ts";

/** Connections of one process at the most: these, the writing one and the listening one. */
const READS_MAX = 4;
const SNAPSHOTS_MAX = 3;

export interface PostgresStoreOptions {
  /** `postgres://user:password@host:port/database?schema=name`. */
  readonly url: string;
  /** The machine's clock: it measures waits, and runs between two readings of the database's. */
  readonly clock: Clock;
  /** Positions of one partition of the ledger. */
  readonly partitionEvents?: number;
}

/** Opens the ledger and brings its schema up to date. Throws a `Fault` when it cannot. */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const address = addressOf(options.url);
  const dialer = new Dialer(address, options.clock);
  const connection = await dialer.open(MIGRATION_BOUNDS);
  try {
    await migrate(connection, address.schema);
  } finally {
    await connection.close();
  }
  const store = new PostgresStore(options, dialer);
  try {
    await store.start();
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

export class PostgresStore implements MaintainedStore {
  readonly shared = true;
  readonly opening: Opening = {};
  /** Where the ledger is, without the password. */
  readonly place: string;
  /** What must not be seen anywhere: the password of the URL. */
  readonly secrets: readonly string[];
  /** The database's clock. */
  readonly clock: Clock;
  readonly blobs: PostgresBlobs;
  readonly peers: PostgresPeers;
  readonly #dialer: Dialer;
  readonly #pool: Pool;
  readonly #snapshots: Pool;
  readonly #writer: Writer;
  readonly #listener: Listener;
  readonly #followers: Set<() => void> = new Set();
  #head: Head = EMPTY_HEAD;
  #refreshing: Promise<void> | undefined;
  #refreshNext: Promise<void> | undefined;

  constructor(
    { clock: local, partitionEvents = PARTITION_EVENTS }: PostgresStoreOptions,
    dialer: Dialer,
  ) {
    const node = randomUUID();
    const onHead = (head: Head): void => this.#saw(head);
    const clock = new DatabaseClock(local);
    this.place = dialer.address.place;
    this.secrets = dialer.address.secrets;
    this.clock = clock;
    this.#dialer = dialer;
    this.#pool = new Pool(dialer, local, READS_MAX);
    this.#snapshots = new Pool(dialer, local, SNAPSHOTS_MAX);
    this.peers = new PostgresPeers(node, this.#pool);
    this.blobs = new PostgresBlobs(this.#pool, () => clock.now());
    this.#writer = new Writer({ dialer, clock: local, node, partitionEvents, onHead });
    this.#listener = new Listener({
      dialer,
      local,
      clock,
      peers: this.peers,
      node,
      onHead,
      onAppended: () => this.#appended(),
    });
  }

  /** Call once, before anything else. Throws a `Fault`. */
  async start(): Promise<void> {
    await this.#listener.start();
    await this.blobs.sweep();
  }

  begin(request: LoadRequest): Promise<Turn> {
    return this.#writer.begin(request);
  }

  counts(): LedgerCounts {
    return countsOf(this.#head);
  }

  /** Those who ask while an answer is under way share the next one: theirs may be too old. */
  refresh(): Promise<void> {
    if (this.#refreshing === undefined) {
      this.#refreshing = this.#refresh().finally(() => (this.#refreshing = undefined));
      return this.#refreshing;
    }
    this.#refreshNext ??= this.#refreshing
      .catch(() => undefined)
      .then(() => {
        this.#refreshNext = undefined;
        return this.refresh();
      });
    return this.#refreshNext;
  }

  async #refresh(): Promise<void> {
    const [row] = await this.#pool.rows(readHead);
    this.#saw(headOf(row));
  }

  follow(listener: () => void): () => void {
    this.#followers.add(listener);
    return () => this.#followers.delete(listener);
  }

  /** Only events get into its rows. */
  brokenLines(): readonly BrokenLine[] {
    return [];
  }

  async job(jobId: string): Promise<JobState | undefined> {
    const [row] = await this.#pool.rows(jobsById("jobs", [jobId]));
    return row === undefined ? undefined : jobOf(row);
  }

  async jobs(query: StoredJobQuery): Promise<readonly JobState[]> {
    return seenJobs(await this.#pool.rows(pageOfJobs(query)), query.at);
  }

  async tally(at: EpochMs): Promise<readonly TypeStatusCount[]> {
    return tallyOf(await this.#pool.rows(readTally(at)));
  }

  async nextLeaseExpiry(): Promise<EpochMs | undefined> {
    const at = (await this.#pool.rows(nextExpiry))[0]?.["at"];
    return typeof at === "number" ? at : undefined;
  }

  snapshot(): Promise<StoreSnapshot> {
    return openSnapshot(this.#snapshots, (head) => this.#saw(head));
  }

  async lines(afterPosition: number, limit: number): Promise<readonly StoredLine[]> {
    return (await this.#pool.rows(linesAfter(afterPosition, limit))).map(lineOf);
  }

  async positionOf(eventId: string): Promise<number | undefined> {
    return placeOf(eventId, await this.#pool.rows(placesOf(eventId)));
  }

  rebuild(onProgress?: Progress): Promise<RebuildReport> {
    return rebuild(this.#dialer, (head) => this.#saw(head), onProgress);
  }

  verify(onProgress?: Progress): Promise<Verification> {
    return verify(this.#dialer, onProgress);
  }

  /** There is nothing that could be broken line by line. */
  async repair(): Promise<readonly RepairedLine[]> {
    return [];
  }

  async close(): Promise<void> {
    await this.#listener.stop();
    await this.#writer.close();
    await Promise.all([this.#pool.close(), this.#snapshots.close()]);
  }

  #saw(head: Head): void {
    if (head.head >= this.#head.head) this.#head = head;
  }

  #appended(): void {
    for (const listener of this.#followers) listener();
  }
}
