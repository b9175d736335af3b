/** Query parameters that walk through long lists. */
import { Fault } from "../errors/fault.ts";
import { invalidField, quote } from "./fields.ts";

export const PAGE_MAX = 1_000;

/** The jobs' cursor: the `seq` of the last job seen. Absent means from the start. */
export function readCursor(query: URLSearchParams): number | undefined {
  const given = query.get("cursor");
  if (given === null || given === "") return undefined;
  const seq = Number(given);
  if (/^\d+$/.test(given) && Number.isSafeInteger(seq)) return seq;
  throw new Fault("invalid_cursor", `cursor ${quote(given)} is not one this daemon gave out`, {
    details: { field: "cursor" },
  });
}

/** A page size from 1 to 1000, or `undefined` when absent. */
export function readPageSize(query: URLSearchParams): number | undefined {
  const given = query.get("limit");
  if (given === null || given === "") return undefined;
  const limit = Number(given);
  if (/^\+?\d+$/.test(given) && limit >= 1 && limit <= PAGE_MAX) return limit;
  throw invalidField("limit", `limit must be an integer from 1 to ${PAGE_MAX}`);
}

/** All values of a parameter that may repeat or hold commas. */
export function readList(query: URLSearchParams, name: string): readonly string[] {
  return query
    .getAll(name)
    .flatMap((value) => value.split(","))
    .map((value) => value.trim())
    .filter((value) => value !== "");
}
