/** Channels: what a write does to a value (openwop-core §3.9). The fold of one `channel.written`. */
import { isJsonObject, type JsonObject, jsonEqual } from "../../lib/json.ts";
import type { EpochMs } from "../../lib/time.ts";
import type { ChannelDeclaration } from "./definition/types.ts";

export interface ChannelState {
  readonly reducer: string;
  readonly value: unknown;
  /** For each item of a list with a lifetime: when it was written. */
  readonly times?: readonly EpochMs[];
  /** Schema versions of the writes, ascending. */
  readonly versions: readonly number[];
}

export interface ChannelWrite {
  readonly reducer: string;
  readonly value: unknown;
  readonly at: EpochMs;
  readonly schemaVersion: number;
  readonly ttlMs?: number;
  readonly maxSize?: number;
  /** Value of the channel before its first write. */
  readonly initial?: unknown;
}

interface Item {
  readonly value: unknown;
  readonly at: EpochMs;
}

type ListReducer = (items: readonly Item[], write: Item) => readonly Item[];

const append: ListReducer = (items, write) => [...items, write];

const LISTS: Readonly<Record<string, ListReducer>> = {
  append,
  feedback: append,
  votes: (items, write) => [...items.filter((item) => !sameField("userId", item, write)), write],
  message: (items, write) =>
    items.some((item) => sameField("messageId", item, write)) ? items : [...items, write],
};
const AGEING: ReadonlySet<string> = new Set(["append", "feedback", "votes"]);

/**
 * Total: a value that does not fit its reducer is treated as the reducer's empty value. A reducer of
 * a vendor that this engine does not know keeps the last write.
 */
export function reduce(channel: ChannelState | undefined, write: ChannelWrite): ChannelState {
  const before = channel?.value ?? write.initial;
  const versions = [...new Set([...(channel?.versions ?? []), write.schemaVersion])].toSorted(
    (one, other) => one - other,
  );
  const { reducer } = write;
  const list = Object.hasOwn(LISTS, reducer) ? LISTS[reducer] : undefined;
  if (list === undefined) {
    return { reducer, value: reduceValue(reducer, before, write.value), versions };
  }
  const times = channel?.times;
  const all = (Array.isArray(before) ? before : []).map(
    (value: unknown, index): Item => ({ value, at: times?.[index] ?? 0 }),
  );
  const alive =
    AGEING.has(reducer) && write.ttlMs !== undefined
      ? all.filter(({ at }) => at >= write.at - (write.ttlMs ?? 0))
      : all;
  const written = list(alive, { value: write.value, at: write.at });
  const kept = written.slice(-Math.max(1, write.maxSize ?? written.length));
  return {
    reducer,
    value: kept.map(({ value }) => value),
    times: kept.map(({ at }) => at),
    versions,
  };
}

function reduceValue(reducer: string, before: unknown, value: unknown): unknown {
  if (reducer === "merge") {
    return { ...(isJsonObject(before) ? before : {}), ...(isJsonObject(value) ? value : {}) };
  }
  if (reducer === "counter") return numberOr0(before) + numberOr0(value);
  return value;
}

function numberOr0(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function sameField(field: string, item: Item, write: Item): boolean {
  if (!isJsonObject(item.value) || !isJsonObject(write.value)) return false;
  const value = write.value[field];
  return value !== undefined && jsonEqual(item.value[field], value);
}

/** Why a value cannot be written; undefined when it can. */
export function writeProblem(
  reducer: string,
  channel: ChannelState | undefined,
  value: unknown,
): string | undefined {
  if (reducer === "counter" && typeof value !== "number") return "a counter takes numbers";
  if (reducer === "merge" && !isJsonObject(value)) return "merge takes objects";
  if (channel !== undefined && channel.reducer !== reducer) {
    return `the channel is written with the reducer ${channel.reducer}`;
  }
  return undefined;
}

/** Why a write would make a channel larger than its declaration allows, where nothing is dropped. */
export function sizeProblem(
  { reducer, value }: ChannelState,
  max: number | undefined,
): string | undefined {
  if (max === undefined || Object.hasOwn(LISTS, reducer)) return undefined;
  const size = typeof value === "object" && value !== null ? Object.keys(value).length : 1;
  return size > max ? `the channel may hold ${max} entries, not ${size}` : undefined;
}

/** Schema versions in a channel's past that its declaration no longer reads. */
export function unreadableVersions(
  declared: ChannelDeclaration,
  channel: ChannelState,
): readonly number[] {
  const current = declared.schemaVersion ?? 1;
  const compatible = declared.compatibleWith ?? [];
  return channel.versions.filter((version) => version < current && !compatible.includes(version));
}

/** May a node, or with `undefined` somebody outside the run, write or read this channel? */
export function mayAccess(
  declared: ChannelDeclaration | undefined,
  side: "readers" | "writers",
  who: { readonly nodeId: string; readonly typeId: string } | undefined,
): boolean {
  const access = declared?.access;
  if (access === undefined || access === "public") return true;
  if (access === "private") return who !== undefined;
  const list = access[side];
  if (list === undefined) return true;
  return who !== undefined && list.some((entry) => matches(entry, who));
}

function matches(entry: string, who: { nodeId: string; typeId: string }): boolean {
  if (entry === who.nodeId) return true;
  if (!entry.endsWith("*")) return entry === who.typeId;
  return who.typeId.startsWith(entry.slice(0, -1));
}

/** Reducers that a write from another engine may use: those whose order does not matter. */
const CROSS_ENGINE: ReadonlySet<string> = new Set(["append", "votes", "feedback", "counter"]);

export function mayCrossEngines(reducer: string): boolean {
  return CROSS_ENGINE.has(reducer);
}

/** Channels as a reader sees them, without the ones that `who` may not read. */
export function readable(
  channels: Readonly<Record<string, ChannelState>>,
  declared: Readonly<Record<string, ChannelDeclaration>> | undefined,
  who: { readonly nodeId: string; readonly typeId: string },
): JsonObject {
  return Object.fromEntries(
    Object.entries(channels)
      .filter(([name]) => mayAccess(declared?.[name], "readers", who))
      .map(([name, { value }]) => [name, value]),
  );
}
