/** Between JSON and the values of an expression. */
import {
  type CelList,
  type CelMap,
  type CelValue,
  celList,
  celMap,
  isCelList,
  isCelMap,
  isCelUint,
} from "@bufbuild/cel";
import { isJsonObject, type Json } from "../../lib/json.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import type { Meter } from "./meter.ts";

/** Deeper values are refused; no schema of the contract asks for more. */
const DEPTH_MAX = 64;

/**
 * The value an expression sees: every number a `double`, objects as maps of their own keys only.
 * Throws `Exhausted` when there is more of it than the meter allows, an `Error` when it is no JSON
 * or too deep.
 */
export function fromJson(value: unknown, meter: Meter, depth = 0): CelList | CelMap | Json {
  meter.spend(1);
  if (depth > DEPTH_MAX) throw new Error(`nested more than ${DEPTH_MAX} levels deep`);
  if (value === null || typeof value === "boolean" || typeof value === "number") return value;
  if (typeof value === "string") {
    meter.shallow(value);
    return value;
  }
  const below = (item: unknown): CelValue => fromJson(item, meter, depth + 1) as CelValue;
  if (Array.isArray(value)) return celList(value.map(below));
  if (!isJsonObject(value)) throw new Error(`no JSON but ${typeof value}`);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return celMap(new Map(entries.map(([key, item]) => [key, below(item)])));
}

/** The JSON of a result, or what about it has no form there. */
export function toJson(value: unknown, meter: Meter): Result<Json, string> {
  meter.spend(1);
  if (value === null || typeof value === "boolean" || typeof value === "string") return ok(value);
  if (typeof value === "number") {
    return Number.isFinite(value) ? ok(value) : err("a number without end");
  }
  if (typeof value === "bigint") return wholeNumber(value);
  if (isCelUint(value)) return wholeNumber(value.value);
  if (isCelList(value)) return listToJson(value, meter);
  if (isCelMap(value)) return mapToJson(value, meter);
  return err("neither text, number, bool, null, list nor map; string(…) may make it text");
}

function wholeNumber(value: bigint): Result<Json, string> {
  const number = Number(value);
  return Number.isSafeInteger(number) ? ok(number) : err("a whole number past 2^53");
}

function listToJson(list: CelList, meter: Meter): Result<Json, string> {
  const items: Json[] = [];
  for (const item of list) {
    const json = toJson(item, meter);
    if (!json.ok) return json;
    items.push(json.value);
  }
  return ok(items);
}

function mapToJson(map: CelMap, meter: Meter): Result<Json, string> {
  const entries: [string, Json][] = [];
  for (const [key, item] of map.entries()) {
    if (typeof key !== "string") return err("a map with a key that is no text");
    const json = toJson(item, meter);
    if (!json.ok) return json;
    entries.push([key, json.value]);
  }
  return ok(Object.fromEntries(entries));
}
