/**
 * The embedded store: `ledger.jsonl` is the truth, `projections.db` a fold of it. One process owns
 * it (see `lock.ts`), one commit loop writes to it.
 */
import { renameSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { Fault, messageOf } from "../../errors/fault.ts";
import { invariant } from "../../errors/invariant.ts";
import type { JobState } from "../../kernel/job/state.ts";
import type { Disk } from "../../lib/disk.ts";
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
  Loaded,
  LoadRequest,
  SaveBatch,
  SaveReceipt,
  StoredJobQuery,
  StoredLine,
  StoreSnapshot,
  Turn,
  TypeStatusCount,
} from "../store.ts";
import {
  buildProjections,
  closeDatabase,
  IN_MEMORY,
  openProjections,
  removeDatabase,
} from "./build.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { openDatabase } from "./database.ts";
import { readLines } from "./lines.ts";
import { LineLog } from "./log.ts";
import { Projections, type Skip } from "./projections.ts";
import { repairLog } from "./repair.ts";
import { positionIn, replayAll } from "./replay.ts";
import { type JobReads, JobRows } from "./rows.ts";
import { tallyAt } from "./tally.ts";
import { compareProjections } from "./verify.ts";

export interface EmbeddedStoreOptions {
  readonly disk: Disk;
  /** `<root>/.agents/daemon`. */
  readonly dir: string;
  /** File of the read models, or `:memory:` for ones that are folded anew at each open. */
  readonly database: string;
  /** The ledger is rotated before it would grow over this size. 0: never. */
  readonly rotateBytes: number;
  readonly now: () => EpochMs;
  readonly onProgress?: Progress;
}

/** Most jobs one sweep takes; the next one follows at once. */
const LAPSED_MAX = 1000;

/** Opens the ledger and brings the read models to its end. Throws a `Fault` when it cannot. */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<EmbeddedStore> {
  const log = await LineLog.open({ ...options, name: "ledger" });
  try {
    const opened = await openProjections({ ...options, log, path: options.database });
    return new EmbeddedStore(options, log, opened.projections, {
      ...(log.tornTail === undefined ? {} : { tornTail: log.tornTail }),
      ...(opened.rebuilt === undefined ? {} : { rebuilt: opened.rebuilt }),
    });
  } catch (error) {
    await log.close();
    throw error;
  }
}

export class EmbeddedStore implements MaintainedStore {
  readonly shared = false;
  readonly opening: Opening;
  readonly #options: EmbeddedStoreOptions;
  #log: LineLog;
  #projections: Projections;
  /** Why the read models stopped following the ledger; the next load brings them back. */
  #broken: string | undefined;
  /** A query failed: what the database holds cannot be gone on from. */
  #unreadable = false;
  /** Settles when the operation under way is over. */
  #operations: Promise<void> = Promise.resolve();
  /** Pending while a repair moves lines to other places. */
  #moving: Promise<void> | undefined;
  /** The ledger was repaired and the read models could not be made anew. */
  #misplaced = false;

  constructor(
    options: EmbeddedStoreOptions,
    log: LineLog,
    projections: Projections,
    opening: Opening,
  ) {
    this.#options = options;
    this.#log = log;
    this.#projections = projections;
    this.opening = opening;
  }

  async begin(request: LoadRequest): Promise<Turn> {
    if (this.#broken !== undefined || this.#misplaced) await this.#recover();
    return {
      loaded: this.#load(request),
      save: (batch) => this.#save(batch),
      release: async () => undefined,
    };
  }

  #load(request: LoadRequest): Loaded {
    return this.#read(({ rows, checkpoint }) => {
      const jobs = new Map<string, JobState>();
      const keys = new Map<string, string>();
      const want = new Set(request.jobIds);
      for (const key of request.idempotencyKeys) {
        const jobId = rows.idByKey(key);
        if (jobId === undefined) continue;
        keys.set(key, jobId);
        want.add(jobId);
      }
      for (const jobId of want) {
        const job = rows.byId(jobId);
        if (job !== undefined) jobs.set(jobId, job);
      }
      return {
        head: checkpoint.head,
        lastNumber: checkpoint.lastNumber,
        jobs,
        keys,
        claimable: request.claims.map((claim) => rows.claimable(claim.types, claim.limit)),
        lapsed: request.lapsedAt === undefined ? [] : rows.lapsed(request.lapsedAt, LAPSED_MAX),
      };
    });
  }

  async #save(batch: SaveBatch): Promise<SaveReceipt> {
    const lines = batch.events.map(({ event, json }) => `${json ?? JSON.stringify(event)}\n`);
    const place = await this.#log.append(Buffer.from(lines.join("")));
    let offset = place.offset;
    const starts = lines.map((line) => {
      const start = offset;
      offset += Buffer.byteLength(line);
      return start;
    });
    try {
      const reached = this.#reached();
      this.#projections.apply({ ...batch, segment: place.segment, starts, reached });
      return {};
    } catch (error) {
      this.#broken = messageOf(error);
      return { projectionFailure: this.#broken };
    }
  }

  counts(): LedgerCounts {
    return countsOf(this.#projections.checkpoint);
  }

  /** This process alone writes: there is nothing to hear of. */
  async refresh(): Promise<void> {}

  follow(): () => void {
    return () => undefined;
  }

  brokenLines(): readonly BrokenLine[] {
    if (this.#projections.checkpoint.corrupt === 0) return [];
    return this.#read(({ skips }) =>
      skips.map(({ lineNumber, reason }) => ({ lineNumber, reason })),
    );
  }

  async job(jobId: string): Promise<JobState | undefined> {
    return this.#read(({ rows }) => rows.byId(jobId));
  }

  async jobs(query: StoredJobQuery): Promise<readonly JobState[]> {
    return this.#read(({ rows }) => rows.page(query));
  }

  async tally(at: EpochMs): Promise<readonly TypeStatusCount[]> {
    return this.#read(({ rows, checkpoint }) => tallyAt(rows, checkpoint, at));
  }

  async nextLeaseExpiry(): Promise<EpochMs | undefined> {
    return this.#read(({ rows }) => rows.nextExpiry());
  }

  async snapshot(): Promise<StoreSnapshot> {
    return this.#read(() => this.#snapshot()).view;
  }

  /** Read models and the checkpoint they stand at, taken in one turn of the event loop. */
  #snapshot(): { readonly view: StoreSnapshot; readonly checkpoint: Checkpoint } {
    // Before the checkpoint is read: a flush that fails sets it back.
    this.#read(({ projections }) => projections.flush());
    const { checkpoint } = this.#projections;
    const { rows, close } = this.#pinnedRows();
    const view: StoreSnapshot = {
      counts: countsOf(checkpoint),
      jobs: async (query) => rows.page(query),
      tally: async (at) => tallyAt(rows, checkpoint, at),
      close: async () => close(),
    };
    return { view, checkpoint };
  }

  #pinnedRows(): { readonly rows: JobRows; readonly close: () => void } {
    if (this.#options.database === IN_MEMORY) return this.#copiedRows();
    const database = new DatabaseSync(this.#options.database, { readOnly: true });
    database.exec("BEGIN");
    const rows = new JobRows(database);
    // The first read pins the snapshot to this very moment.
    rows.nextExpiry();
    return { rows, close: () => database.close() };
  }

  /** A database in memory has one connection, so its snapshot is a copy. */
  #copiedRows(): { readonly rows: JobRows; readonly close: () => void } {
    const copy = new DatabaseSync(IN_MEMORY);
    copy.deserialize(this.#projections.database.serialize());
    return { rows: new JobRows(copy), close: () => copy.close() };
  }

  async lines(afterPosition: number, limit: number): Promise<readonly StoredLine[]> {
    await this.#placed();
    return this.#read(({ projections }) => readLines(this.#log, projections, afterPosition, limit));
  }

  async positionOf(eventId: string): Promise<number | undefined> {
    await this.#placed();
    const { checkpoint } = this.#projections;
    if (checkpoint.indexesIds) return this.#projections.indexedPositionOf(eventId);
    const position = positionIn(eventId);
    if (position === undefined || position < 1 || position > checkpoint.head) return undefined;
    const [line] = await this.lines(position - 1, 1);
    if (line === undefined) return undefined;
    const event = JSON.parse(line.json) as { readonly event_id: string };
    return event.event_id === eventId ? position : undefined;
  }

  /** Folds the ledger into new read models while the old ones serve, then swaps them. */
  rebuild(onProgress?: Progress): Promise<RebuildReport> {
    return this.#inTurn(() => this.#rebuild(onProgress));
  }

  async #rebuild(onProgress?: Progress): Promise<RebuildReport> {
    const fresh = await this.#buildBeside("rebuild", onProgress);
    replayAll(this.#log, fresh);
    this.#swapIn(fresh, `${this.#options.database}.rebuild`);
    this.#misplaced = false;
    this.#unreadable = false;
    this.#broken = undefined;
    return this.#report();
  }

  /** Folds the ledger into scratch read models and compares every one with those in use. */
  verify(onProgress?: Progress): Promise<Verification> {
    return this.#inTurn(() => this.#verify(onProgress));
  }

  async #verify(onProgress?: Progress): Promise<Verification> {
    const path = this.#besidePath("verify");
    const scratch = await this.#buildBeside("verify", onProgress);
    try {
      replayAll(this.#log, scratch);
      const { view, checkpoint } = this.#read(() => this.#snapshot());
      try {
        return await compareProjections(scratch, checkpoint, view);
      } finally {
        await view.close();
      }
    } finally {
      scratch.database.close();
      removeDatabase(path);
    }
  }

  /**
   * Moves broken lines to quarantine and folds the mended ledger anew. The caller keeps appends
   * away meanwhile (the engine runs it between two batches); readers of lines wait, because the
   * places they know are those of the old files.
   */
  repair(onProgress?: Progress): Promise<readonly RepairedLine[]> {
    return this.#inTurn(async () => {
      const broken = this.#read(({ skips }) => skips);
      if (broken.length === 0) return [];
      const repaired = this.#repair(broken, onProgress);
      this.#moving = settled(repaired);
      return repaired;
    });
  }

  async #repair(
    broken: readonly Skip[],
    onProgress: Progress | undefined,
  ): Promise<readonly RepairedLine[]> {
    await this.#log.close();
    const { disk, dir, now, rotateBytes } = this.#options;
    this.#misplaced = true;
    // A crash from here on must not leave read models that name places in the old files.
    this.#projections.database.exec("PRAGMA synchronous = EXTRA; PRAGMA user_version = 0");
    try {
      return repairLog({ disk, dir, broken, rotated: this.#log.rotated });
    } finally {
      this.#log = await LineLog.open({ disk, dir, rotateBytes, now, name: "ledger" });
      await this.#rebuild(onProgress);
    }
  }

  async close(): Promise<void> {
    await this.#operations;
    await this.#log.close();
    this.#projections.close();
  }

  /** Waits until the read models know where the lines are. */
  async #placed(): Promise<void> {
    await this.#moving;
    if (!this.#misplaced) return;
    throw new Fault("projection_unavailable", "the projections do not match the repaired ledger");
  }

  /** One operation at a time: they share scratch files, and one may move what another reads. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#operations.then(work);
    this.#operations = settled(result);
    return result;
  }

  #besidePath(purpose: string): string {
    const { database } = this.#options;
    return database === IN_MEMORY ? IN_MEMORY : `${database}.${purpose}`;
  }

  #buildBeside(purpose: string, onProgress?: Progress): Promise<Projections> {
    return buildProjections({
      log: this.#log,
      path: this.#besidePath(purpose),
      ...(onProgress === undefined ? {} : { onProgress }),
    });
  }

  #swapIn(fresh: Projections, path: string): void {
    const { database } = this.#options;
    closeDatabase(this.#projections.database);
    this.#projections = fresh;
    if (database === IN_MEMORY) return;
    // Renaming an open database is safe once its side files are folded back into it.
    fresh.database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    fresh.database.close();
    removeDatabase(database);
    renameSync(path, database);
    removeDatabase(path);
    const reopened = openDatabase(database);
    invariant(reopened !== undefined, `${database} cannot be opened again after a rebuild`);
    this.#projections = new Projections(reopened);
  }

  /** Brings read models that stopped following back: the missing tail first, all anew if need be. */
  async #recover(): Promise<void> {
    try {
      if (this.#misplaced || this.#unreadable) {
        throw new TypeError("there is nothing to go on from");
      }
      replayAll(this.#log, this.#projections);
      this.#projections.flush();
    } catch {
      try {
        await this.rebuild();
      } catch (error) {
        throw new Fault(
          "projection_unavailable",
          `the projections cannot follow the ledger: ${messageOf(error)}`,
          { cause: error },
        );
      }
    }
    this.#broken = undefined;
  }

  #reached(): Pick<Checkpoint, "place" | "crc" | "previousSegment"> {
    const segment = this.#log.activeSegment;
    return {
      place: { segment, offset: this.#log.activeSize },
      crc: this.#log.activeCrc,
      previousSegment: this.#log.rotated[segment - 1] ?? "",
    };
  }

  #report(): RebuildReport {
    const { head, tally } = this.#projections.checkpoint;
    const jobs = Object.values(tally)
      .flatMap((statuses) => Object.values(statuses))
      .reduce((sum, count) => sum + count, 0);
    return { events: head, jobs };
  }

  /** Runs a query; a database that fails under it is made anew by the next load. */
  #read<T>(query: (models: ReadModels) => T): T {
    const projections = this.#projections;
    try {
      return query({
        projections,
        rows: projections.rows,
        checkpoint: projections.checkpoint,
        get skips() {
          return projections.skips("corrupt");
        },
      });
    } catch (error) {
      if (error instanceof Fault) throw error;
      this.#broken = messageOf(error);
      this.#unreadable = true;
      throw new Fault("projection_unavailable", `the projections cannot be read: ${this.#broken}`, {
        cause: error,
      });
    }
  }
}

interface ReadModels {
  readonly projections: Projections;
  readonly rows: JobReads;
  readonly checkpoint: Checkpoint;
  readonly skips: ReturnType<Projections["skips"]>;
}

function settled(work: Promise<unknown>): Promise<void> {
  const ignore = (): void => undefined;
  return work.then(ignore, ignore);
}

function countsOf(checkpoint: Checkpoint): LedgerCounts {
  return {
    head: checkpoint.head,
    lastEventId: checkpoint.lastEventId === "" ? undefined : checkpoint.lastEventId,
    known: checkpoint.known,
    foreign: checkpoint.foreign,
    corrupt: checkpoint.corrupt,
    stale: checkpoint.stale,
  };
}
