/**
 * The port for every stream that is not a JobSpec job: runs, keys, webhooks, and what later
 * surfaces bring. The embedded adapter keeps them in `journal.jsonl`, of which everything here is a
 * fold.
 *
 * A stream is a list of entries with versions 1, 2, 3 … . What of its fold can be searched is its
 * index row, which the caller gives with each save, and which a rebuild makes again through the
 * stream's kind. Long streams carry snapshots of their fold, so that loading one reads the last
 * snapshot and the entries after it.
 */
import type { Json, JsonObject } from "../lib/json.ts";
import type { EpochMs } from "../lib/time.ts";

/** `<kind>/<id>`: the kind says how its entries fold. */
export type StreamId = string;

export interface StreamDraft {
  readonly stream: StreamId;
  /** Version of the stream after this entry, 1 for its first. */
  readonly version: number;
  /** Dotted, in the past tense. */
  readonly type: string;
  /** RFC 3339. */
  readonly time: string;
  readonly tenant: string;
  readonly workspace: string;
  readonly data: JsonObject;
}

export interface StreamEntry extends StreamDraft {
  /** Place in the journal, 1 for its first entry, without gaps. */
  readonly position: number;
}

/** What can be searched of a stream; absent fields are found by no search for them. */
export interface StreamIndex {
  readonly tenant: string;
  readonly workspace: string;
  readonly status?: string;
  /** For example the workflow of a run. */
  readonly type?: string;
  readonly tags?: readonly string[];
  /** Texts by which exactly one stream of a kind and tenant is found, for example digests of
   * idempotency keys. The first stream to claim one keeps it. */
  readonly keys?: readonly string[];
  /** When the stream wants to be looked at again: timers, leases, expiries. The earliest of them. */
  readonly dueAt?: EpochMs;
}

/** How one kind of stream folds and what of the fold is searchable; pure. */
export interface StreamKind<State extends Json = Json> {
  readonly name: string;
  fold(state: State | undefined, entry: StreamEntry): State;
  index(state: State): StreamIndex;
  /** A snapshot is kept once so many entries have come since the last one. */
  readonly snapshotEvery: number;
}

export interface StreamLoad {
  readonly streams: readonly StreamId[];
  /** Streams found by key; they are loaded too. */
  readonly keys: readonly {
    readonly kind: string;
    readonly tenant: string;
    readonly key: string;
  }[];
  /** Streams of a kind whose `dueAt` is not after this instant, the longest due first. */
  readonly due?: { readonly kind: string; readonly at: EpochMs; readonly limit: number };
}

/** A stream as far as it goes. */
export interface LoadedStream {
  readonly stream: StreamId;
  readonly version: number;
  /** Fold up to `snapshot.version`; absent for streams without one. */
  readonly snapshot?: { readonly version: number; readonly state: Json };
  /** Entries after the snapshot, oldest first. */
  readonly entries: readonly StreamEntry[];
}

export interface StreamsLoaded {
  /** Position of the journal's last entry. */
  readonly head: number;
  readonly streams: ReadonlyMap<StreamId, LoadedStream>;
  /** In the order of `keys`: the stream that holds each, if any. */
  readonly byKey: readonly (StreamId | undefined)[];
  readonly due: readonly StreamId[];
}

export interface StreamChange {
  readonly stream: StreamId;
  /** Version before the batch, 0 for a new stream: a guard against deciding on an older state. */
  readonly from: number;
  readonly index: StreamIndex;
  /** The fold after the batch, when a snapshot is due. */
  readonly snapshot?: Json;
}

export interface StreamBatch {
  readonly entries: readonly StreamDraft[];
  /** One for every stream that `entries` name. */
  readonly changes: readonly StreamChange[];
}

/** As `Turn` of the ledger's port: until it ends nobody else appends. */
export interface StreamTurn {
  readonly loaded: StreamsLoaded;
  /** Resolves once every entry is durable. Throws a `Fault` with an `outcome` otherwise. */
  save(batch: StreamBatch): Promise<readonly StreamEntry[]>;
  release(): Promise<void>;
}

export interface StreamQuery {
  readonly kind: string;
  readonly tenant: string;
  /** All workspaces of the tenant when absent. */
  readonly workspace?: string;
  readonly statuses?: readonly string[];
  readonly types?: readonly string[];
  /** Streams that carry every one of these. */
  readonly tags?: readonly string[];
  /** First entry's time, from (inclusive) and to (exclusive). */
  readonly createdFrom?: EpochMs;
  readonly createdTo?: EpochMs;
  readonly newestFirst?: boolean;
  /** Goes on after the stream whose first entry has this position. */
  readonly afterPosition?: number;
  readonly limit: number;
}

export interface StreamRow {
  readonly stream: StreamId;
  readonly version: number;
  /** Position of its first entry, which orders searches. */
  readonly createdAtPosition: number;
  readonly createdAt: EpochMs;
  readonly updatedAt: EpochMs;
  readonly index: StreamIndex;
}

export interface Streams {
  /** True when other processes may append too. */
  readonly shared: boolean;
  begin(load: StreamLoad): Promise<StreamTurn>;
  /** Calls `listener` when another process has appended. Returns what ends that. */
  follow(listener: () => void): () => void;
  /** Position of the journal's last entry, as of the last batch this process made or heard of. */
  head(): number;
  refresh(): Promise<void>;
  load(stream: StreamId): Promise<LoadedStream | undefined>;
  search(query: StreamQuery): Promise<readonly StreamRow[]>;
  /** Entries of one stream after a version, oldest first. */
  entries(stream: StreamId, afterVersion: number, limit: number): Promise<readonly StreamEntry[]>;
  /** Entries of the whole journal after a position, oldest first. */
  journal(afterPosition: number, limit: number): Promise<readonly StreamEntry[]>;
  /** The earliest `dueAt` of a kind, or undefined. */
  nextDue(kind: string): Promise<EpochMs | undefined>;
  close(): Promise<void>;
}
