import canonicalize from "canonicalize";
import { isJsonObject } from "./json.ts";

/**
 * The one spelling of a JSON value (RFC 8785): what is hashed, signed or compared as a whole. Members
 * that are undefined do not exist. Two things have no canonical form; they are taken for their
 * nearest one: halves of surrogate pairs for U+FFFD, numbers without end for null.
 */
export function canonicalJson(value: unknown): string {
  try {
    return canonicalize(value) ?? "null";
  } catch {
    return canonicalize(nearest(value)) ?? "null";
  }
}

function nearest(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (Array.isArray(value)) return value.map(nearest);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key.toWellFormed(), nearest(item)]),
  );
}
